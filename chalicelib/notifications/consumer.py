"""Which event makes which email."""

from chalicelib import wiring
from chalicelib.events.envelope import Envelope


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
