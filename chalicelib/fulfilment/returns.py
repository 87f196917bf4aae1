"""One function per state of `statemachine/order_return.asl.yaml`, and its start. Each may be run twice."""

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.orders.model import Return


def start(return_requested: Envelope) -> None:
    return_id = return_requested.data["returned"]["return_id"]
    wiring.return_workflow().start(return_id, {"order_id": return_requested.order_id, "return_id": return_id})


def refund_return(order_id: str, return_id: str) -> int:
    """Returns what was given back, in minor units: less than asked for if less was left. Raises PaymentDisputed."""
    return wiring.payments().refund_part(order_id, _return(order_id, return_id).refund, reference=return_id)


def restock_return(order_id: str, return_id: str) -> None:
    wiring.inventory().restock(return_id, _return(order_id, return_id).quantities)


def complete_return(order_id: str, return_id: str, refunded: int) -> None:
    wiring.orders().return_settled(order_id, return_id, refunded)


def _return(order_id: str, return_id: str) -> Return:
    return wiring.orders().get(order_id).accepted_return(return_id)
