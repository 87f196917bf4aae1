"""Admins and partners: invites an admin, and creates a partner's API key."""

from typing import Annotated, Any

import boto3
from pydantic import TypeAdapter, ValidationError

from chalicelib.accounts.model import AccountEmail
from chalicelib.platform.identity import ADMIN_GROUP
from chalicelib.platform.text import one_line

PARTNER_NAME = TypeAdapter[str](Annotated[str, one_line(100)])
ADMIN_EMAIL = TypeAdapter[str](AccountEmail)


class NotAllowed(Exception):
    """The request cannot be granted for the reason in the message."""


def make_admin(session: boto3.Session, outputs: dict[str, str], email: str) -> str:
    """Invite a new admin, or add a customer to the admins; return a line that says so.

    Cognito generates a one-time password and mails it. Raises NotAllowed for an unconfirmed account, whose owner has
    not proved the address, and for an address that cannot be a user name.
    """
    cognito, email = session.client("cognito-idp"), admin_email(email)
    pool = outputs["UserPoolId"]
    status = _status(cognito, pool, email)
    if status == "UNCONFIRMED":
        raise NotAllowed(f"The account {email} is not confirmed yet.")
    if status in (None, "FORCE_CHANGE_PASSWORD"):
        again: Any = {"MessageAction": "RESEND"} if status else {}
        proved: list[Any] = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        cognito.admin_create_user(
            UserPoolId=pool, Username=email, DesiredDeliveryMediums=["EMAIL"], UserAttributes=proved, **again
        )
        result = f"{email} is invited by email, with a one-time password that is valid for a day."
    else:
        result = f"{email} is an admin from their next sign-in on."
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=ADMIN_GROUP)
    return result


def admin_email(text: str) -> str:
    """Return the address as a user name. Raises NotAllowed."""
    return _checked(ADMIN_EMAIL, text)


def _status(cognito: Any, pool: str, email: str) -> str | None:
    try:
        return cognito.admin_get_user(UserPoolId=pool, Username=email)["UserStatus"]
    except cognito.exceptions.UserNotFoundException:
        return None


def make_partner(session: boto3.Session, outputs: dict[str, str], name: str) -> str:
    """Create an API key named after the partner; return the text that shows it.

    Raises NotAllowed for a bad name, and where the API is an HTTP API.
    """
    name = _checked(PARTNER_NAME, name)
    if "PartnerPlanId" not in outputs:
        raise NotAllowed("An HTTP API has no keys for partners. Deploy with ApiType: Rest.")
    gateway, plan = session.client("apigateway"), outputs["PartnerPlanId"]
    plan_name = gateway.get_usage_plan(usagePlanId=plan)["name"]
    key = gateway.create_api_key(name=f"{plan_name}-{name}", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    return f"The key of {name}, for the header x-api-key at {outputs['ApiUrl']}/partner/products:\n{key['value']}"


def _checked(rule: TypeAdapter[str], text: str) -> str:
    """Return `text` normalized by the rule. Raises NotAllowed with the rule's reason."""
    try:
        return rule.validate_python(text)
    except ValidationError as error:
        raise NotAllowed(f"{text!a}: {error.errors()[0]['msg']}") from None
