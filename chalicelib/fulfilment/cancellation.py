"""Cancelling against shipping. The order decides, in one conditional write; the second of the two is refused."""

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment.recovery import recover_if_abandoned
from chalicelib.orders.model import CancellationRequested, IllegalTransition, OrderNotFound
from chalicelib.platform.log import log
from chalicelib.shipping.model import WarehouseReply
from chalicelib.wiring import fulfilment


def process_warehouse_reply(reply: WarehouseReply) -> None:
    """Process a reply; recall a parcel that left although the order is cancelled."""
    if reply.outcome == "dispatched" and wiring.shipping().expects(reply.order_id):
        try:
            wiring.orders().dispatched(reply.order_id)
        except (CancellationRequested, IllegalTransition, OrderNotFound) as too_late:
            log.info("not to be shipped", extra={"order_id": reply.order_id, "why": type(too_late).__name__})
            return wiring.shipping().left_too_late(reply.order_id)
    wiring.shipping().hear(reply)


def stop_fulfilment(cancel_requested: Envelope) -> None:
    """Wake the saga if it waits for the buyer or the warehouse; if it is elsewhere, its next step notices by itself.

    If it is dead, or never began, a recovery runs in its place. It may also run beside it: each of its steps is a
    no-op where the other was first.
    """
    order_id = cancel_requested.order_id
    requested = CancellationRequested(cancel_requested.data["reason"])
    fulfilment.buyer_confirmation().stop_waiting(order_id, requested)
    wiring.shipping().stop(order_id, requested)
    recover_if_abandoned(order_id)
