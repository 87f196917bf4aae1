"""Payment updates: apply what changed at Stripe to the payment and its order."""

from contextlib import suppress

from chalicelib import wiring
from chalicelib.events.contracts import PaymentMovement
from chalicelib.orders.model import Reason, TooLateToCancel
from chalicelib.payments.model import DISPUTE_ENDS, PaymentUpdate, UpdateKind
from chalicelib.payments.provider import PaymentUnknown
from chalicelib.payments.webhooks import StripeEventRef
from chalicelib.platform import metrics
from chalicelib.platform.log import log
from chalicelib.platform.money import Money
from chalicelib.wiring import fulfilment

EVENT_OF = {
    UpdateKind.REFUNDED_OUTSIDE: "PaymentRefundedOutside",
    UpdateKind.REFUND_FAILED: "PaymentRefundFailed",
    UpdateKind.REFUND_RETRIED: "PaymentRefundRetried",
    UpdateKind.DISPUTED: "PaymentDisputed",
    UpdateKind.DISPUTE_WON: "PaymentDisputeWon",
    UpdateKind.DISPUTE_LOST: "PaymentDisputeLost",
    UpdateKind.DISPUTE_WITHDRAWN: "PaymentDisputeWithdrawn",
}


def process_stripe_event(notice: StripeEventRef) -> None:
    """Raises PaymentProviderUnavailable."""
    if notice.event_id:
        event_id = notice.event_id
        wiring.idempotency().run_once(f"stripe#{event_id}", lambda: _look(notice, event_id))
    elif notice.order_id:
        fulfilment.buyer_confirmation().wake_if_answered(notice.order_id)


def _look(notice: StripeEventRef, event_id: str) -> None:
    if notice.order_id:
        fulfilment.buyer_confirmation().wake_if_answered(notice.order_id)
    try:
        learn(notice.payment_intent, event_id)
    except PaymentUnknown:
        log.warning("Stripe sent an event of a payment that it does not have", extra={"event_id": event_id})


def learn(payment_id: str, cause: str) -> None:
    """Raises PaymentProviderUnavailable, PaymentUnknown."""
    wiring.payments().learn(payment_id, lambda order_id, update: _tell(order_id, update, cause))


def _tell(order_id: str, update: PaymentUpdate, cause: str) -> None:
    """Nothing is sent out that nobody pays for; what was sent already, the capture will miss and recall."""
    if update.kind == UpdateKind.HOLD_LOST:
        with suppress(TooLateToCancel):
            wiring.orders().cancel(order_id, Reason.FULFILMENT_FAILED)
        return
    event_type = EVENT_OF[update.kind]
    wiring.orders().tell(order_id, event_type, update.fact, cause, _movement(order_id, update))
    metrics.count(event_type)
    if update.kind in DISPUTE_ENDS:
        fulfilment.returns().go_on(order_id, cause=update.fact)


def _movement(order_id: str, update: PaymentUpdate) -> PaymentMovement:
    currency = wiring.orders().get(order_id).total.currency
    amount = Money(amount=update.amount, currency=currency)
    return PaymentMovement(
        reference=update.reference or "", amount=amount, return_id=update.return_id, outside=update.outside
    )
