"""`make admin` and `make partner`: who gets more than everybody has.

    make admin EMAIL=keeper@example.com       invites an admin by email, or makes one of a customer
    make partner NAME=outfitters              makes a partner's API key, and shows it this once

With STAGE=demo in the AWS account of the environment, without it on the local shop.
"""

import os
import sys
from typing import Annotated, Any

import boto3
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from chalicelib.accounts.model import AccountEmail
from chalicelib.platform.identity import ADMIN_GROUP
from chalicelib.platform.text import one_line
from infra.deploy.stack import outputs as stack_outputs
from infra.local import run

PARTNER_NAME = TypeAdapter[str](Annotated[str, one_line(100)])
ADMIN_EMAIL = TypeAdapter[str](AccountEmail)


class Refused(Exception):
    """What was asked cannot be done; the text says why."""


def main(what: str) -> int:
    console = Console(highlight=False)
    command, name = COMMANDS[what]
    subject = os.environ.get(name)
    if not subject:
        console.print(__doc__)
        return 2
    try:
        session, outputs = _shop(os.environ.get("STAGE"))
        console.print(command(session, outputs, subject), soft_wrap=True)
    except (run.NotRunning, Refused) as failure:
        console.print(f"[red]{failure}[/red]")
        return 1
    return 0


def _shop(stage: str | None) -> tuple[boto3.Session, dict[str, str]]:
    """Raises run.NotRunning."""
    if not stage:
        return run.place().session, run.outputs()["stack"]
    session = boto3.Session()
    return session, stack_outputs(session, f"storefront-{stage}")


def make_admin(session: boto3.Session, outputs: dict[str, str], email: str) -> str:
    """The user pool invents a password for one time, and mails it; nobody here sees it.

    Raises Refused for an account that nobody has confirmed: it may be somebody else's who waits for this; and for an
    address that cannot be a user name.
    """
    cognito, email = session.client("cognito-idp"), _checked(ADMIN_EMAIL, email)
    pool = outputs["UserPoolId"]
    status = _status(cognito, pool, email)
    if status == "UNCONFIRMED":
        raise Refused(f"{email} has an account that waits for its confirmation code.")
    if status in (None, "FORCE_CHANGE_PASSWORD"):
        again = {"MessageAction": "RESEND"} if status else {}
        proved = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        cognito.admin_create_user(
            UserPoolId=pool, Username=email, DesiredDeliveryMediums=["EMAIL"], UserAttributes=proved, **again
        )
        told = f"{email} is invited by email, with a password for one time that is good for a day."
    else:
        told = f"{email} is an admin from their next sign-in on."
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=ADMIN_GROUP)
    return told


def _status(cognito: Any, pool: str, email: str) -> str | None:
    try:
        return cognito.admin_get_user(UserPoolId=pool, Username=email)["UserStatus"]
    except cognito.exceptions.UserNotFoundException:
        return None


def make_partner(session: boto3.Session, outputs: dict[str, str], name: str) -> str:
    """Create an API key named after the partner and return the text that shows it. Raises Refused for an odd name."""
    name = _checked(PARTNER_NAME, name)
    gateway, plan = session.client("apigateway"), outputs["PartnerPlanId"]
    plan_name = gateway.get_usage_plan(usagePlanId=plan)["name"]
    key = gateway.create_api_key(name=f"{plan_name}-{name}", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    return f"The key of {name}, for the header x-api-key at {outputs['ApiUrl']}/partner/products:\n{key['value']}"


def _checked(rule: TypeAdapter[str], text: str) -> str:
    """Return `text` as the rule writes it. Raises Refused with the rule's reason."""
    try:
        return rule.validate_python(text)
    except ValidationError as error:
        raise Refused(f"{text!a}: {error.errors()[0]['msg']}") from None


COMMANDS = {"admin": (make_admin, "EMAIL"), "partner": (make_partner, "NAME")}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
