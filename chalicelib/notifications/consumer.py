"""Email consumers: the queued confirmations of the saga, and which event makes which email."""

from pydantic import BaseModel

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.orders.model import Status


class ConfirmationRequest(BaseModel):
    """A message of the saga's step SendConfirmation."""

    order_id: str


def confirm(request: ConfirmationRequest) -> None:
    """Send the order's confirmation, unless the order was cancelled while the message waited. Raises OrderNotFound."""
    order = wiring.orders().get(request.order_id)
    if order.status != Status.CANCELLED:
        wiring.notifications().order_confirmed(order)


def notify(event: Envelope) -> None:
    """Other events are none of our business, should the rule ever let one through."""
    order = wiring.orders().get(event.order_id)
    match event.type:
        case "OrderCompleted":
            wiring.notifications().order_completed(order)
        case "OrderCancelled":
            wiring.notifications().order_cancelled(order)
        case "OrderReturned" | "OrderPartlyReturned":
            wiring.notifications().return_refunded(order, event.data["returned"]["return_id"])
