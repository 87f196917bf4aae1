"""Payments over HTTP: the webhook that receives Stripe's events."""

from typing import Literal

from chalice import Blueprint

from chalicelib import wiring
from chalicelib.payments.webhooks import ABOUT_BUYERS, SignatureInvalid, StripeEvent
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint

routes = Blueprint(__name__)

SIGNATURE = "Stripe-Signature"
EVENT_LIMIT = 256 * 1024
"""Bytes. An event brings the whole object that it is about."""


class Received(BaseModel):
    received: Literal[True] = True


def _check(call: Call) -> None:
    wiring.stripe_inbox().check(call.raw_body, call.headers.get(SIGNATURE.lower(), ""))


@endpoint(
    routes, "POST", "/webhooks/stripe", summary="Receive a Stripe webhook", required_headers=(SIGNATURE,),
    body=StripeEvent, body_limit=EVENT_LIMIT, check=_check, answer=Received, refusals=(SignatureInvalid,),
)  # fmt: skip
def receive_stripe_webhook(call: Call, body: StripeEvent) -> Received:
    """Receive an event from Stripe, verify its signature and queue it for processing."""
    if body.type != ABOUT_BUYERS or wiring.payments().awaits_buyer(body.order_id):
        wiring.stripe_inbox().accept(body)
    return Received()
