"""One function per state of `statemachine/order_return.asl.yaml`, and its start. Each may be run twice."""

from functools import partial

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.orders.model import Return, ReturnStatus
from chalicelib.payments.service import Given


def start(return_requested: Envelope) -> None:
    return_id = return_requested.data["returned"]["return_id"]
    wiring.return_workflow().start(return_id, given(return_requested.order_id, return_id))


def given(order_id: str, return_id: str) -> dict[str, str]:
    """The workflow's input."""
    return {"order_id": order_id, "return_id": return_id}


def refund_return(order_id: str, return_id: str) -> Given:
    """Return what was given back: less than the items' value if less was left. Raises PaymentDisputed."""
    returned = _return(order_id, return_id)
    return wiring.payments().refund_part(order_id, returned.value or returned.refund, reference=return_id)


def restock_return(order_id: str, return_id: str) -> None:
    wiring.inventory().restock(return_id, _return(order_id, return_id).quantities)


def complete_return(order_id: str, return_id: str, refunded: int, shortfall: str) -> None:
    wiring.orders().return_settled(order_id, return_id, refunded, shortfall)


def go_on(order_id: str, cause: str) -> None:
    """Settle the returns that waited for a bank's decision, once for each `cause`.

    The workflow that met the dispute may not have ended yet, so another one begins whether it runs or not: each step
    is a no-op where it was done already.
    """
    for each in wiring.orders().get(order_id).returns:
        if each.status == ReturnStatus.REQUESTED:
            given = {"order_id": order_id, "return_id": each.id}
            again = partial(wiring.return_workflow().restart, each.id, given, beside=True)
            wiring.idempotency().run_once(f"{cause}#{each.id}", again)


def _return(order_id: str, return_id: str) -> Return:
    return wiring.orders().get(order_id).accepted_return(return_id)
