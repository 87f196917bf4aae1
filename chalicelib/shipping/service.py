"""Requesting a shipment, hearing the warehouse's answer, recalling. Every call may be repeated."""

from chalicelib.platform.log import log
from chalicelib.shipping.model import (
    Parcel,
    Shipment,
    ShipmentEnded,
    ShipmentRefused,
    ShipmentStatus,
    WarehouseReply,
    WarehouseRequest,
)
from chalicelib.shipping.store import ShipmentStore
from chalicelib.shipping.warehouse import WaitingTask, Warehouse

REQUESTED, DISPATCHED = ShipmentStatus.REQUESTED, ShipmentStatus.DISPATCHED
REFUSED, RECALLED = ShipmentStatus.REFUSED, ShipmentStatus.RECALLED


class Shipping:
    def __init__(self, store: ShipmentStore, warehouse: Warehouse, waiting: WaitingTask) -> None:
        self._store = store
        self._warehouse = warehouse
        self._waiting = waiting

    def of(self, order_id: str) -> Shipment | None:
        return self._store.get(order_id)

    def expects(self, order_id: str) -> bool:
        """Whether a parcel of this order may still leave, or has left."""
        shipment = self._store.get(order_id)
        return shipment is not None and shipment.status in (REQUESTED, DISPATCHED)

    def request(self, parcel: Parcel, task_token: str) -> None:
        """Ask the warehouse to ship; its answer will wake the step that `task_token` stands for.

        A repeated step has a token of its own, and the warehouse is asked again: it must know an
        order that it has already shipped by the order's id. Raises ShipmentEnded.
        """
        requested = Shipment(order_id=parcel.order_id, status=REQUESTED, task_token=task_token)
        if not self._store.create(requested):
            existing = self._existing(parcel.order_id)
            if existing.status == DISPATCHED:
                return self._waiting.succeeded(task_token, _dispatch_note(existing))
            if existing.status != REQUESTED:
                raise ShipmentEnded(parcel.order_id)
            if not self._store.replace(existing, task_token=task_token):
                return self.request(parcel, task_token)
        self._warehouse.send(
            WarehouseRequest(action="ship", order_id=parcel.order_id, task_token=task_token, parcel=parcel)
        )

    def fail(self, task_token: str, error: Exception) -> None:
        """The shipment could not be requested: end the wait at once, with the error's name."""
        self._waiting.failed(task_token, error)

    def hear(self, reply: WarehouseReply) -> None:
        """An answer of the warehouse. One that comes too late or twice finds the door closed."""
        shipment = self._store.get(reply.order_id)
        if shipment is None:
            log.warning("the warehouse answers to an unknown shipment", extra={"order_id": reply.order_id})
        elif reply.outcome == "accepted":
            self._waiting.is_alive(reply.task_token)
        elif reply.outcome == "dispatched":
            self._dispatched(shipment, reply)
        else:
            self._refused(shipment, reply)

    def recall(self, order_id: str) -> Shipment:
        """A no-op where nothing is under way; also closes the door for a request that comes late.

        The warehouse is told first and it is noted after, so that a lost message is sent by the next try.
        """
        closed = Shipment(order_id=order_id, status=RECALLED)
        shipment = self._store.get(order_id)
        if shipment is None and self._store.create(closed):
            return closed
        shipment = shipment or self._existing(order_id)
        if shipment.status in (REFUSED, RECALLED):
            return shipment
        self._warehouse.send(WarehouseRequest(action="recall", order_id=order_id))
        return self._store.replace(shipment, status=RECALLED) or self.recall(order_id)

    def stop(self, order_id: str, why: Exception) -> None:
        """Recall, and let the step that waits for the warehouse go at once, under the name of `why`."""
        recalled = self.recall(order_id)
        if recalled.task_token:
            self._waiting.failed(recalled.task_token, why)

    def _existing(self, order_id: str) -> Shipment:
        shipment = self._store.get(order_id)
        if shipment is None:
            raise ShipmentEnded(order_id)
        return shipment

    def _dispatched(self, shipment: Shipment, reply: WarehouseReply) -> None:
        if shipment.status == REQUESTED:
            dispatched = self._store.replace(
                shipment, status=DISPATCHED, carrier=reply.carrier, tracking_number=reply.tracking_number
            )
            if dispatched is None:
                return self.hear(reply)
            shipment = dispatched
        if shipment.status == DISPATCHED:
            self._waiting.succeeded(reply.task_token, _dispatch_note(shipment))
        else:
            log.warning("dispatched too late", extra={"order_id": reply.order_id, "status": shipment.status})

    def _refused(self, shipment: Shipment, reply: WarehouseReply) -> None:
        if shipment.status == REQUESTED and not self._store.replace(shipment, status=REFUSED):
            return self.hear(reply)
        if shipment.status in (REQUESTED, REFUSED):
            self._waiting.failed(reply.task_token, ShipmentRefused(reply.reason or "refused"))


def _dispatch_note(shipment: Shipment) -> dict[str, str | None]:
    return {"carrier": shipment.carrier, "tracking_number": shipment.tracking_number}
