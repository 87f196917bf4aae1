"""Cancelling against shipping. The order decides, in one conditional write; the second of the two is refused."""

from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment.buyer import BuyerConfirmation
from chalicelib.fulfilment.recovery import Recovery
from chalicelib.orders.model import CancellationRequested, IllegalTransition, OrderNotFound
from chalicelib.orders.service import Orders
from chalicelib.platform.log import log
from chalicelib.shipping.model import WarehouseReply
from chalicelib.shipping.service import Shipping


class Cancellation:
    def __init__(self, orders: Orders, shipping: Shipping, buyer: BuyerConfirmation, recovery: Recovery) -> None:
        self._orders = orders
        self._shipping = shipping
        self._buyer = buyer
        self._recovery = recovery

    def process_warehouse_reply(self, reply: WarehouseReply) -> None:
        """Process a reply; recall a parcel that left although the order is cancelled."""
        shipment = self._shipping.of(reply.order_id)
        if reply.outcome == "dispatched" and shipment and shipment.may_leave:
            try:
                self._orders.dispatched(reply.order_id)
            except (CancellationRequested, IllegalTransition, OrderNotFound) as too_late:
                log.info("not to be shipped", extra={"order_id": reply.order_id, "why": type(too_late).__name__})
                return self._shipping.left_too_late(reply.order_id)
        self._shipping.process_reply(reply, shipment)

    def stop_fulfilment(self, cancel_requested: Envelope) -> None:
        """Wake the saga if it waits for the buyer or the warehouse; elsewhere, its next step notices by itself.

        If it is dead, or never began, a recovery runs in its place. It may also run beside it: each of its steps is a
        no-op where the other was first.
        """
        order_id = cancel_requested.order_id
        requested = CancellationRequested(cancel_requested.data["reason"])
        self._buyer.stop_waiting(order_id, requested)
        self._shipping.stop(order_id, requested)
        self._recovery.recover_if_abandoned(order_id)
