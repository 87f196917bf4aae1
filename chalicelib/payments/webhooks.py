"""Webhook receiver for Stripe: verifies each event's signature and puts the payment's id into a queue.

Only ids go into the queue. The consumer retrieves the payment as it stands now, so it does not matter in which
order the events arrive, or how late.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from chalicelib.payments.provider import PaymentId
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Malformed
from chalicelib.platform.ids import OrderId
from chalicelib.platform.parameters import Parameter

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

SIGNATURE_TOLERANCE_SECONDS = 300

HANDLED = frozenset(
    {
        "payment_intent.amount_capturable_updated",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.refunded",
        "charge.refund.updated",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
"""The event types that the webhook endpoint at Stripe subscribes to."""

ABOUT_BUYERS = "payment_intent.amount_capturable_updated"
"""Of use only while the buyer's confirmation is awaited. Stripe sends it for every payment that is authorized."""


class SignatureInvalid(Malformed):
    """The Stripe-Signature header does not fit this body, or is too old."""


StripeId = Annotated[str, StringConstraints(max_length=255)]


class StripeEventData(BaseModel):
    model_config = ConfigDict(extra="ignore")

    object: Annotated[dict[str, Any], Field(description="The object as it was when the event was made.")]


class StripeEvent(BaseModel):
    """An event as Stripe sends it, as far as we read it."""

    model_config = ConfigDict(extra="ignore")

    id: StripeId
    type: StripeId
    data: StripeEventData

    @property
    def payment_intent(self) -> PaymentId | None:
        about = self.data.object
        found = about.get("id") if about.get("object") == "payment_intent" else about.get("payment_intent")
        return PaymentId(found) if isinstance(found, str) else None

    @property
    def order_id(self) -> OrderId | None:
        """Of a payment that one of our orders began."""
        metadata = self.data.object.get("metadata")
        found = metadata.get("order_id") if isinstance(metadata, dict) else None
        return OrderId(found) if isinstance(found, str) else None


class StripeEventRef(BaseModel):
    """In our queue: which payment to look at, and the event that made us look; none if it was the buyer's return."""

    event_id: str | None = None
    payment_intent: PaymentId
    order_id: OrderId | None = None


def check_signature(body: bytes, header: str, secret: str) -> None:
    """Raises SignatureInvalid unless Stripe signed exactly these bytes, a short while ago."""
    import stripe

    try:
        stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=SIGNATURE_TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        raise SignatureInvalid from error


class WebhookReceiver:
    def __init__(self, sqs: "SQSClient", queue_url: str, secret: Parameter) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._secret = secret

    def check(self, body: bytes, signature: str) -> None:
        """The secret may have been changed since it was read. Raises SignatureInvalid."""
        try:
            check_signature(body, signature, self._secret())
        except SignatureInvalid:
            check_signature(body, signature, self._secret.refreshed())

    def accept(self, event: StripeEvent) -> None:
        """What we cannot use is answered as received all the same, or Stripe would send it for days."""
        if event.type in HANDLED and event.payment_intent:
            self._send(StripeEventRef(event_id=event.id, payment_intent=event.payment_intent, order_id=event.order_id))

    def buyer_returned(self, order_id: OrderId, payment_id: PaymentId) -> None:
        """Have the payment's state retrieved after the buyer answered; a webhook may be late, or never arrive."""
        self._send(StripeEventRef(payment_intent=payment_id, order_id=order_id))

    def _send(self, notice: StripeEventRef) -> None:
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=notice.model_dump_json(exclude_none=True))
