"""Shipping use cases: request, process replies, recall. Every call is idempotent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.platform import metrics
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import Read
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log
from chalicelib.platform.retries import retry_on_conflict
from chalicelib.shipping.model import (
    Parcel,
    Shipment,
    ShipmentBusy,
    ShipmentEnded,
    ShipmentRefused,
    ShipmentStatus,
    WarehouseReply,
    WarehouseRequest,
    WarehouseSilent,
)
from chalicelib.shipping.store import ShipmentStore

REQUESTED, DISPATCHED = ShipmentStatus.REQUESTED, ShipmentStatus.DISPATCHED
REFUSED, RECALLED = ShipmentStatus.REFUSED, ShipmentStatus.RECALLED
ATTEMPTS = 6


@dataclass(frozen=True)
class Limits:
    """`silence` is how long the warehouse may be silent; `dispatch` how long it may take from its acceptance."""

    silence: timedelta
    dispatch: timedelta


class WarehouseQueues(Protocol):
    """The requests to the warehouse, and its answers."""

    def send(self, request: WarehouseRequest) -> None: ...

    def has_backlog(self) -> bool: ...


class WaitingStep(Protocol):
    """The saga step that waits for its task token."""

    def succeeded(self, task_token: str, output: dict[str, Any]) -> None: ...

    def failed(self, task_token: str, error: Exception) -> None: ...


class Shipping:
    def __init__(
        self, store: ShipmentStore, warehouse: WarehouseQueues, waiting: WaitingStep, clock: Clock, limits: Limits
    ) -> None:
        self._store = store
        self._warehouse = warehouse
        self._waiting = waiting
        self._clock = clock
        self._limits = limits

    def of(self, order_id: OrderId) -> Shipment | None:
        return self._store.get(order_id)

    def reading(self, order_id: OrderId) -> Read[Shipment | None]:
        """Return the read of what `of` returns."""
        return self._store.reading(order_id)

    def of_all(self, order_ids: list[OrderId]) -> dict[OrderId, Shipment]:
        """Return the shipments of these orders that have one, in one request for up to 100."""
        return self._store.get_all(order_ids)

    def is_requested(self, order_id: OrderId) -> bool:
        """Whether the warehouse is asked to ship this order and has given no final answer."""
        shipment = self._store.get(order_id)
        return shipment is not None and shipment.status == REQUESTED

    def request(self, parcel: Parcel, task_token: str) -> None:
        """Ask the warehouse to ship; its answer wakes the step that `task_token` stands for.

        A repeated step waits on under its own token, and asks again only if the request may not have been sent.
        Raise WarehouseSilent if the warehouse's time is over, ShipmentRefused or ShipmentEnded after the end.
        """
        shipment = self._claimed(parcel.order_id, task_token)
        if shipment.status == DISPATCHED:
            self._waiting.succeeded(task_token, _dispatch_note(shipment))
        elif shipment.requested_at is None:
            sent_at = self._clock()
            self._send("ship", shipment, parcel)
            self._noted(shipment, requested_at=iso(sent_at))
        elif self._is_late(shipment) and self._is_late_of_its_own(parcel.order_id):
            raise WarehouseSilent(parcel.order_id)

    def fail(self, task_token: str, error: Exception) -> None:
        """The shipment could not be requested: end the wait at once, with the error's name."""
        self._waiting.failed(task_token, error)

    def succeed(self, order_id: OrderId, task_token: str) -> None:
        """Let a step go on for which the parcel has left, and note that where only the order knew it.

        Raise ShipmentEnded if it was recalled or refused.
        """
        shipment = self._existing(order_id)
        if shipment.status == REQUESTED:
            shipment = self._store.replace(shipment, status=DISPATCHED) or self._existing(order_id)
        if shipment.status != DISPATCHED:
            raise ShipmentEnded(order_id)
        self._waiting.succeeded(task_token, _dispatch_note(shipment))

    def process_reply(self, reply: WarehouseReply, known: Shipment | None = None) -> None:
        """Process an answer of the warehouse, which may come late, twice, or in any order.

        `known` is the shipment if the caller has read it before; if it was changed meanwhile, it is read again.
        """
        for _ in retry_on_conflict(ATTEMPTS):
            shipment = known or self._store.get(reply.order_id)
            if shipment is None:
                log.warning("the warehouse answers to an unknown shipment", extra={"order_id": reply.order_id})
                return
            if self._is_processed(reply, shipment):
                return
            known = None
        raise ShipmentBusy(reply.order_id)

    def recall(self, order_id: OrderId) -> Shipment:
        """Close the shipment, and have the warehouse stop the parcel or bring it back.

        A no-op where nothing is under way; a request that comes later finds the shipment closed. The recall is
        written down before it is sent, so its version is higher than that of any request, and it is sent again by
        each repetition until the warehouse has answered.
        """
        shipment = self._closed(order_id)
        if shipment.status == RECALLED and shipment.may_be_known_to_warehouse and not shipment.recall_outcome:
            self._send("recall", shipment)
        return shipment

    def left_too_late(self, order_id: OrderId) -> None:
        """A parcel left although its order is not to be shipped: recall it, and raise the alarm once."""
        shipment = self.recall(order_id)
        if shipment.status == REFUSED or shipment.recall_outcome == "recalled":
            # The warehouse contradicts its own answer, so it is asked again.
            self._send("recall", shipment)
        if shipment.left_at is None:
            log.warning("dispatched too late", extra={"order_id": order_id, "status": shipment.status})
            metrics.count("ParcelNotStopped")
            self._noted(shipment, left_at=iso(self._clock()))

    def stop(self, order_id: OrderId, why: Exception) -> None:
        """Recall, and let the step that waits for the warehouse go at once, under the name of `why`."""
        recalled = self.recall(order_id)
        if recalled.task_token:
            self._waiting.failed(recalled.task_token, why)

    def _closed(self, order_id: OrderId) -> Shipment:
        """Return the shipment once nothing more can be requested or dispatched. Raise ShipmentBusy."""
        closed = Shipment(order_id=order_id, status=RECALLED)
        for _ in retry_on_conflict(ATTEMPTS):
            shipment = self._store.get(order_id)
            if shipment is None:
                if self._store.create(closed):
                    return closed
            elif shipment.status not in (REQUESTED, DISPATCHED):
                return shipment
            elif recalled := self._store.replace(shipment, status=RECALLED):
                return recalled
        raise ShipmentBusy(order_id)

    def _claimed(self, order_id: OrderId, task_token: str) -> Shipment:
        """Return the shipment with this token. Raise ShipmentRefused, ShipmentEnded, ShipmentBusy."""
        requested = Shipment(order_id=order_id, status=REQUESTED, task_token=task_token)
        if self._store.create(requested):
            return requested
        for _ in retry_on_conflict(ATTEMPTS):
            existing = self._existing(order_id)
            if existing.status == DISPATCHED:
                return existing
            if existing.status == REFUSED:
                raise ShipmentRefused(order_id)
            if existing.status == RECALLED:
                raise ShipmentEnded(order_id)
            if claimed := self._store.replace(existing, task_token=task_token):
                return claimed
        raise ShipmentBusy(order_id)

    def _is_late(self, shipment: Shipment) -> bool:
        silent = self._since(shipment.last_reply_at or shipment.requested_at) >= self._limits.silence
        return silent or self._since(shipment.accepted_at) >= self._limits.dispatch

    def _is_late_of_its_own(self, order_id: OrderId) -> bool:
        """Whether the warehouse is late, and not we with reading its answer or it with reading ours.

        The queues are looked at before the record: an answer that was processed in between is in the record. A queue
        that is never empty extends the wait up to the dispatch limit only.
        """
        has_backlog = self._warehouse.has_backlog()
        shipment = self._existing(order_id)
        if shipment.status != REQUESTED or not self._is_late(shipment):
            return False
        return not has_backlog or self._since(shipment.requested_at) >= self._limits.dispatch

    def _since(self, at: str | None) -> timedelta:
        return self._clock() - datetime.fromisoformat(at) if at else timedelta()

    def _noted(self, shipment: Shipment, **facts: Any) -> Shipment:
        """Return the shipment with these facts, which others' changes do not touch. Raises ShipmentBusy."""
        for _ in retry_on_conflict(ATTEMPTS):
            if noted := self._store.replace(shipment, **facts):
                return noted
            shipment = self._existing(shipment.order_id)
        raise ShipmentBusy(shipment.order_id)

    def _send(self, action: Any, shipment: Shipment, parcel: Parcel | None = None) -> None:
        request = WarehouseRequest(action=action, order_id=shipment.order_id, version=shipment.version, parcel=parcel)
        self._warehouse.send(request)

    def _existing(self, order_id: OrderId) -> Shipment:
        shipment = self._store.get(order_id)
        if shipment is None:
            raise ShipmentEnded(order_id)
        return shipment

    def _is_processed(self, reply: WarehouseReply, shipment: Shipment) -> bool:
        """Process the answer. Return False if the shipment changed after it was read."""
        if reply.outcome == "accepted":
            now = self._clock()
            accepted_at = shipment.accepted_at or iso(min(now, reply.at or now))
            return self._store.replace(shipment, accepted_at=accepted_at, last_reply_at=iso(now)) is not None
        if reply.outcome == "dispatched":
            return self._dispatched(shipment, reply)
        if reply.outcome == "refused":
            return self._refused(shipment, reply)
        self._recall_answered(shipment, reply)
        return True

    def _dispatched(self, shipment: Shipment, reply: WarehouseReply) -> bool:
        if shipment.status == REQUESTED:
            dispatched = self._store.replace(
                shipment, status=DISPATCHED, carrier=reply.carrier, tracking_number=reply.tracking_number
            )
            if dispatched is None:
                return False
            shipment = dispatched
        if shipment.status == DISPATCHED:
            self._wake(shipment)
        else:
            self.left_too_late(reply.order_id)
        return True

    def _refused(self, shipment: Shipment, reply: WarehouseReply) -> bool:
        if shipment.status == REQUESTED and not self._store.replace(shipment, status=REFUSED):
            return False
        if shipment.status in (REQUESTED, REFUSED) and shipment.task_token:
            self._waiting.failed(shipment.task_token, ShipmentRefused(reply.reason or "refused"))
        return True

    def _recall_answered(self, shipment: Shipment, reply: WarehouseReply) -> None:
        if shipment.status in (REQUESTED, DISPATCHED):
            return  # Of a recall that we never wrote down.
        if shipment.recall_outcome != "returned":
            self._noted(shipment, recall_outcome=reply.outcome)
        if reply.outcome != "recalled":
            self.left_too_late(reply.order_id)

    def _wake(self, shipment: Shipment) -> None:
        if shipment.task_token:
            self._waiting.succeeded(shipment.task_token, _dispatch_note(shipment))


def _dispatch_note(shipment: Shipment) -> dict[str, str | None]:
    return {"carrier": shipment.carrier, "tracking_number": shipment.tracking_number}
