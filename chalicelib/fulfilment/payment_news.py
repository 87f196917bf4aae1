"""What Stripe tells us of a payment, and what that means for its order."""

from chalicelib import wiring
from chalicelib.fulfilment.buyer import wake_if_answered
from chalicelib.orders.model import Reason, TooLateToCancel
from chalicelib.payments.model import News, PaymentUnknown
from chalicelib.payments.webhooks import Notice
from chalicelib.platform import metrics
from chalicelib.platform.log import log

EVENT_OF = {News.REFUNDED_OUTSIDE: "PaymentRefundedOutside", News.DISPUTED: "PaymentDisputed"}


def hear_stripe(notice: Notice) -> None:
    """Raises PaymentProviderUnavailable."""
    if notice.event_id:
        event_id = notice.event_id
        wiring.once().run(f"stripe#{event_id}", lambda: _look(notice, event_id))
    elif notice.order_id:
        wake_if_answered(notice.order_id)


def _look(notice: Notice, event_id: str) -> None:
    if notice.order_id:
        wake_if_answered(notice.order_id)
    try:
        learn(notice.payment_intent, event_id)
    except PaymentUnknown:
        log.warning("Stripe tells of a payment that it does not have", extra={"event_id": event_id})


def learn(payment_intent: str, cause: str) -> None:
    """Raises PaymentProviderUnavailable, PaymentUnknown."""
    wiring.payments().learn(payment_intent, lambda order_id, news, fact: _tell(order_id, news, fact, cause))


def _tell(order_id: str, news: News, fact: str, cause: str) -> None:
    """Nothing is sent out that nobody pays for; what was sent already, the capture will miss and recall."""
    if news == News.HOLD_LOST:
        try:
            wiring.orders().cancel(order_id, Reason.FULFILMENT_FAILED)
        except TooLateToCancel:
            return
    else:
        wiring.orders().tell(order_id, EVENT_OF[news], fact, cause)
        metrics.count(EVENT_OF[news])
