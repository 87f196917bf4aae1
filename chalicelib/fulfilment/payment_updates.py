"""Payment updates: apply what changed at Stripe to the payment and its order."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from chalicelib.events.contracts import PaymentMovement
from chalicelib.fulfilment.buyer import BuyerConfirmation
from chalicelib.fulfilment.returns import Returns
from chalicelib.orders.model import Reason, TooLateToCancel
from chalicelib.orders.service import Orders
from chalicelib.payments.model import DISPUTE_ENDS, PaymentUpdate, UpdateKind
from chalicelib.payments.provider import PaymentId, PaymentUnknown
from chalicelib.payments.service import Payments
from chalicelib.payments.webhooks import StripeEventRef
from chalicelib.platform import metrics
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log
from chalicelib.platform.money import Money

EVENT_OF = {
    UpdateKind.REFUNDED_OUTSIDE: "PaymentRefundedOutside",
    UpdateKind.REFUND_FAILED: "PaymentRefundFailed",
    UpdateKind.REFUND_RETRIED: "PaymentRefundRetried",
    UpdateKind.DISPUTED: "PaymentDisputed",
    UpdateKind.DISPUTE_WON: "PaymentDisputeWon",
    UpdateKind.DISPUTE_LOST: "PaymentDisputeLost",
    UpdateKind.DISPUTE_WITHDRAWN: "PaymentDisputeWithdrawn",
}


class RunsOnce(Protocol):
    def run_once(self, key: str, work: Callable[[], None]) -> bool: ...


class PaymentUpdates:
    def __init__(
        self,
        orders: Orders,
        payments: Payments,
        idempotency: RunsOnce,
        buyer: BuyerConfirmation,
        returns: Returns,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._idempotency = idempotency
        self._buyer = buyer
        self._returns = returns

    def process_stripe_event(self, notice: StripeEventRef) -> None:
        """Raises PaymentProviderUnavailable."""
        if notice.event_id:
            event_id = notice.event_id
            self._idempotency.run_once(f"stripe#{event_id}", lambda: self._look(notice, event_id))
        elif notice.order_id:
            self._buyer.wake_if_answered(notice.order_id)

    def _look(self, notice: StripeEventRef, event_id: str) -> None:
        if notice.order_id:
            self._buyer.wake_if_answered(notice.order_id)
        try:
            self.learn(notice.payment_intent, event_id)
        except PaymentUnknown:
            log.warning("Stripe sent an event of a payment that it does not have", extra={"event_id": event_id})

    def learn(self, payment_id: PaymentId, cause: str) -> None:
        """Raises PaymentProviderUnavailable, PaymentUnknown."""
        self._payments.learn(payment_id, lambda order_id, update: self._apply(order_id, update, cause))

    def _apply(self, order_id: OrderId, update: PaymentUpdate, cause: str) -> None:
        """Record the update on its order. An order whose hold is lost is cancelled; if it was sent already, its capture
        fails and the shipment is recalled."""
        if update.kind == UpdateKind.HOLD_LOST:
            with suppress(TooLateToCancel):
                self._orders.cancel(order_id, Reason.FULFILMENT_FAILED)
            return
        event_type = EVENT_OF[update.kind]
        self._orders.record(order_id, event_type, update.fact, cause, self._movement(order_id, update))
        metrics.count(event_type)
        if update.kind in DISPUTE_ENDS:
            self._returns.go_on(order_id, cause=update.fact)

    def _movement(self, order_id: OrderId, update: PaymentUpdate) -> PaymentMovement:
        currency = self._orders.get(order_id).total.currency
        amount = Money(amount=update.amount, currency=currency)
        return PaymentMovement(
            reference=update.reference or "", amount=amount, return_id=update.return_id, outside=update.outside
        )
