"""Consumer of order events: which document each event leads to. An event that comes again issues nothing new."""

from chalicelib.billing.model import Cause, Credit, OrderNotCompleted, completed_at
from chalicelib.billing.service import Billing
from chalicelib.events.contracts import PaymentEventData, PaymentMovement, ReturnEventData
from chalicelib.events.envelope import Envelope
from chalicelib.events.fan_in import Consequence, FanIn
from chalicelib.orders.model import Order, Status
from chalicelib.orders.service import Orders

CAUSE = {
    "PaymentRefundedOutside": Cause.REFUND,
    "PaymentRefundRetried": Cause.REFUND,
    "PaymentDisputeLost": Cause.DISPUTE_LOST,
}


class DocumentConsumer:
    def __init__(self, orders: Orders, billing: Billing, fan_in: FanIn) -> None:
        self._orders = orders
        self._billing = billing
        self._fan_in = fan_in

    def issue_document(self, event: Envelope) -> None:
        """OrderCompleted → the invoice; money that went back → a credit note; a refund that failed → a reversal.

        Name and address are the order's: no event holds them. Raises OrderNotCompleted or CreditNoteMissing if what the
        document refers to is still to come: the message is tried again.
        """
        order = self._orders.get(event.order_id)
        if event.type == "OrderCompleted":
            self._billing.invoice(order)
            self._fan_in.complete(event, Consequence.INVOICE)
        elif _has_invoice(order):
            self._issue_credit_note(order, event)

    def _issue_credit_note(self, order: Order, event: Envelope) -> None:
        if event.type in ("OrderReturned", "OrderPartlyReturned"):
            self._credit_return(order, ReturnEventData.model_validate(event.data))
        elif event.data.get("movement"):
            self._settle_movement(order, event.type, PaymentEventData.model_validate(event.data).movement)

    def _credit_return(self, order: Order, event: ReturnEventData) -> None:
        returned = event.returned
        if returned.refund.amount:
            credit = Credit(
                reference=returned.return_id,
                amount=returned.refund.amount,
                cause=Cause.RETURN,
                quantities=returned.quantities,
            )
            self._billing.credit(order, credit)

    def _settle_movement(self, order: Order, event_type: str, movement: PaymentMovement) -> None:
        if event_type == "PaymentRefundFailed":
            self._billing.reverse(order, movement.reference, movement.return_id)
        elif cause := CAUSE.get(event_type):
            credit = Credit(reference=movement.reference, amount=movement.amount.amount, cause=cause)
            self._billing.credit(order, credit)


def _has_invoice(order: Order) -> bool:
    """False for an order that was cancelled: nothing was sold. Raises OrderNotCompleted while it may be completed."""
    if completed_at(order):
        return True
    if order.status == Status.CANCELLED:
        return False
    raise OrderNotCompleted(order.id)
