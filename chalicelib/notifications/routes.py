"""Email preferences over HTTP, and the end of reminders by the link of an email (RFC 8058)."""

from typing import Annotated, Literal

from chalice import Blueprint
from pydantic import Field

from chalicelib import wiring
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import CustomerId
from chalicelib.platform.links import LinkExpired, LinkInvalid

routes = Blueprint(__name__)


class EmailPreferences(BaseModel):
    cart_reminders: Annotated[
        bool, Field(strict=True, description="Whether the shop may write about a cart that was left.")
    ]


class Unsubscribed(BaseModel):
    unsubscribed: Literal[True] = True


@endpoint(
    routes, "GET", "/me/email-preferences", summary="Get email preferences", access="customer",
    answer=EmailPreferences,
)  # fmt: skip
def get_email_preferences(call: Call) -> EmailPreferences:
    """Return which optional emails the customer has consented to."""
    return EmailPreferences(cart_reminders=wiring.reminder_consent().is_given(call.customer_id))


@endpoint(
    routes, "PUT", "/me/email-preferences", summary="Set email preferences", access="customer",
    body=EmailPreferences, answer=EmailPreferences,
)  # fmt: skip
def put_email_preferences(call: Call, body: EmailPreferences) -> EmailPreferences:
    """Give or withdraw consent to optional emails."""
    wiring.reminder_consent().choose(call.customer_id, body.cart_reminders)
    return body


@endpoint(
    routes, "POST", "/unsubscribe/{token}", summary="Unsubscribe from cart reminders",
    answer=Unsubscribed, refusals=(LinkExpired, LinkInvalid),
)  # fmt: skip
def unsubscribe(call: Call, token: str) -> Unsubscribed:
    """Withdraw consent to cart reminders without signing in (RFC 8058). The request body is ignored."""
    customer_id = CustomerId(wiring.links().subject("unsubscribe", token))
    wiring.reminder_consent().choose(customer_id, False)
    return Unsubscribed()
