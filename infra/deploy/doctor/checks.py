"""All preflight checks, in the order in which their findings are shown."""

from infra.deploy.doctor import account, mail, payments, report_image, stacks, storefront
from infra.deploy.doctor.findings import Check

CHECKS: tuple[Check, ...] = (
    account.credentials,
    account.concurrency,
    account.cloudfront,
    mail.email_identity,
    mail.email_account,
    payments.stripe_keys,
    report_image.report_image,
    storefront.certificate,
    storefront.build_tools,
    stacks.stack_states,
    stacks.leftovers,
)
