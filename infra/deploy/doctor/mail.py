"""Checks of email: the sender's SES identity, and whether the account may send to customers."""

from collections.abc import Iterator
from typing import Any

from infra.deploy.doctor.findings import Finding, blocker, fine, warning
from infra.deploy.doctor.subject import Subject


def email_identity(subject: Subject) -> Iterator[Finding]:
    sender = subject.value("SenderEmail")
    if not sender:
        return
    ses = subject.session.client("sesv2")
    identity = identity_of(sender, subject.values)
    try:
        is_verified = ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"]
    except ses.exceptions.NotFoundException:
        is_verified = False
    if is_verified:
        yield fine("SES identity", f"{identity} may send")
        return
    region = subject.session.region_name
    yield blocker(
        "SES identity",
        f"{identity} is not verified in {region}: the user pool could not be created",
        f"aws sesv2 create-email-identity --email-identity {identity} --region {region}; open the link in the mail. "
        "If the sender's domain is verified, name it as SesIdentity.",
    )


def identity_of(sender: str, values: dict[str, str]) -> str:
    """Return the identity that the template names as the sender's.

    A verified domain has no identity of each address (SES developer guide, "Verified identities").
    """
    return values.get("SesIdentity") or sender


def email_account(subject: Subject) -> Iterator[Finding]:
    ses: Any = subject.session.client("sesv2")
    yield from account_findings(ses.get_account(), subject.session.region_name)


def account_findings(account: dict[str, Any], region: str) -> Iterator[Finding]:
    """Judge SES's answer about the account."""
    if not account["SendingEnabled"]:
        yield blocker("SES account", "sending is disabled", "Open the case that AWS has written to you about.")
    if not account["ProductionAccessEnabled"]:
        yield warning(
            "SES account",
            "is in the sandbox: it sends to verified addresses only, 200 emails a day, so customers get none",
            f"Ask for production access: SES console, Account dashboard, region {region}. It takes about a day.",
        )
    else:
        quota = account.get("SendQuota", {})
        yield fine("SES account", f"production access, {quota.get('Max24HourSend', 0):.0f} emails a day")
    if account.get("EnforcementStatus", "HEALTHY") != "HEALTHY":
        yield warning("SES account", f"is under review ({account['EnforcementStatus']})", "See the SES console.")
    missing = {"BOUNCE", "COMPLAINT"} - set(account.get("SuppressionAttributes", {}).get("SuppressedReasons", []))
    if missing:
        yield warning(
            "SES suppression",
            f"addresses are not suppressed after: {', '.join(sorted(missing)).lower()}",
            f"aws sesv2 put-account-suppression-attributes --suppressed-reasons BOUNCE COMPLAINT --region {region}",
        )
