"""Inventory use cases: reserve, commit, sell, release, restock, adjust. Every call is idempotent."""

import uuid
from datetime import timedelta

from chalicelib.inventory.model import (
    Booked,
    Reservation,
    ReservationEnded,
    ReservationStatus,
    Stock,
    StockAdjustment,
    StockBusy,
    StockLedger,
    StockSetAside,
    StockTooLow,
)
from chalicelib.inventory.store import InventoryStore, movement_key, receipt_key
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import Read
from chalicelib.platform.ids import OrderId, ReturnId, Sku
from chalicelib.platform.request_keys import RequestKey
from chalicelib.platform.retries import retry_on_conflict

SWEEP_SIZE = 100
ADJUSTMENTS_SHOWN = 20
LEVEL_ATTEMPTS = 10
"""Attempts to set a level while orders complete. Each fails only if an order completes within milliseconds."""


class Inventory:
    def __init__(self, store: InventoryStore, clock: Clock, hold: timedelta) -> None:
        """`hold` is how long an uncommitted reservation lasts."""
        self._store = store
        self._clock = clock
        self._hold = hold

    def available(self, skus: list[Sku]) -> dict[Sku, int]:
        return _available(self._store.stocks(skus))

    def reading(self, skus: list[Sku]) -> Read[dict[Sku, int]]:
        """Return the read of what `available` returns."""
        return self._store.reading(skus).mapped(_available)

    def stocks(self, skus: list[Sku]) -> dict[Sku, Stock]:
        """Return the stock of the SKUs that have any, by SKU, read consistently."""
        return self._store.stocks(skus, consistent=True)

    def ledger(self, sku: Sku, cursor: str | None = None) -> StockLedger:
        """Return stock and adjustments; all zero if no unit was ever received. Raises CursorInvalid."""
        stock = self._store.stocks([sku]).get(sku, Stock(sku=sku))
        movements, next_cursor = self._store.adjustments(sku, ADJUSTMENTS_SHOWN, cursor)
        return StockLedger(**stock.model_dump(), movements=movements, next_cursor=next_cursor)

    def receive(
        self, sku: Sku, delta: int, note: str = "", by: str | None = None, key: RequestKey | None = None
    ) -> Stock:
        """Add units, or take available ones away, once for each key. Raises StockTooLow, IdempotencyConflict."""
        entry = movement_key(key.id if key else str(uuid.uuid4()))
        booked = self._store.adjust(
            entry, sku, self._adjustment(delta, note, by), None, key.fingerprint if key else None
        )
        if booked == Booked.REFUSED:
            raise StockTooLow
        return self._answer(entry, sku, key)

    def set_on_hand(
        self, sku: Sku, units: int, note: str = "", by: str | None = None, key: RequestKey | None = None
    ) -> Stock:
        """Set the units on hand, reserved ones included, once for each key.

        Raises StockSetAside, StockBusy, IdempotencyConflict.
        """
        entry = movement_key(key.id if key else str(uuid.uuid4()))
        if key is None or self._store.fingerprint(entry) is None:
            self._level(entry, sku, units, self._adjustment(0, note, by), key.fingerprint if key else None)
        return self._answer(entry, sku, key)

    def receive_once(self, receipt_id: str, sku: Sku, units: int, note: str = "") -> None:
        """Add the units of this receipt. Repeating it adds none."""
        self._store.adjust(receipt_key(receipt_id), sku, self._adjustment(units, note))

    def set_on_hand_once(self, receipt_id: str, sku: Sku, units: int, note: str = "") -> None:
        """Set the units on hand, once for each receipt. Raises StockSetAside, StockBusy."""
        if not self._store.received([receipt_id]):
            self._level(receipt_key(receipt_id), sku, units, self._adjustment(0, note))

    def _level(
        self, entry: dict[str, str], sku: Sku, units: int, movement: StockAdjustment, fingerprint: str | None = None
    ) -> None:
        """Write the difference to the units on hand; if a sale changed them meanwhile, read and compute again."""
        for _ in retry_on_conflict(LEVEL_ATTEMPTS):
            seen = self._store.stock(sku) or Stock(sku=sku)
            if units < seen.reserved:
                raise StockSetAside(f"{seen.reserved} units are set aside for open orders, more than {units} on hand.")
            change = movement.model_copy(update={"delta": units - seen.on_hand})
            if self._store.adjust(entry, sku, change, seen, fingerprint) != Booked.REFUSED:
                return
        raise StockBusy

    def _answer(self, entry: dict[str, str], sku: Sku, key: RequestKey | None) -> Stock:
        """Return the current stock; with a key, the stock of the first answer.

        Raises IdempotencyConflict.
        """
        stock = self._store.stock(sku) or Stock(sku=sku)
        if key is None:
            return stock
        key.check(self._store.fingerprint(entry) or "")
        return self._store.answer(entry, stock)

    def _adjustment(self, delta: int, note: str, by: str | None = None) -> StockAdjustment:
        return StockAdjustment(at=iso(self._clock()), delta=delta, note=note, by=by)

    def received(self, receipt_ids: list[str]) -> set[str]:
        """Return the receipts that are written already. Eventually consistent."""
        return self._store.received(receipt_ids)

    def reserve(self, order_id: OrderId, quantities: dict[Sku, int]) -> None:
        """Reserve the units of one order. Raises OutOfStock, or ReservationEnded if its reservation has ended."""
        if self._store.reserve(order_id, quantities, expires_at=self._clock() + self._hold):
            return
        reservation = self._existing(order_id)
        if reservation.status == ReservationStatus.RELEASED:
            raise ReservationEnded(order_id)

    def commit(self, order_id: OrderId) -> None:
        """Keep the reservation from expiring. Raises ReservationEnded."""
        if self._store.commit(order_id, self._clock()):
            return
        reservation = self._store.reservation(order_id)
        if reservation is None or reservation.status in (ReservationStatus.HELD, ReservationStatus.RELEASED):
            raise ReservationEnded(order_id)

    def sell(self, order_id: OrderId) -> None:
        """Turn reserved units into sold ones. Raises ReservationEnded."""
        reservation = self._existing(order_id)
        if reservation.status == ReservationStatus.SOLD:
            return
        if reservation.status != ReservationStatus.COMMITTED or not self._store.sell(reservation):
            self._require(order_id, ReservationStatus.SOLD)

    def release(self, order_id: OrderId) -> None:
        """Make reserved units available again. Without a reservation, write a tombstone against a late one."""
        reservation = self._store.reservation(order_id)
        if reservation is None and self._store.write_tombstone(order_id, self._clock()):
            return
        reservation = reservation or self._existing(order_id)
        if reservation.status == ReservationStatus.RELEASED:
            return
        if reservation.status == ReservationStatus.SOLD or not self._store.release(reservation):
            self._require(order_id, ReservationStatus.RELEASED)

    def restock(self, return_id: ReturnId, quantities: dict[Sku, int]) -> None:
        """Make returned units available again, once for each return."""
        self._store.restock(return_id, quantities)

    def expired(self) -> list[OrderId]:
        """Return the ids of up to SWEEP_SIZE orders whose uncommitted reservations have expired."""
        return [reservation.order_id for reservation in self._store.expired(self._clock(), SWEEP_SIZE)]

    def release_expired(self, order_id: OrderId) -> bool:
        """Release the order's expired reservation; return False if it is committed, released or not expired."""
        reservation = self._store.reservation(order_id)
        if reservation is None or reservation.status != ReservationStatus.HELD:
            return False
        return self._store.release_expired(reservation, self._clock())

    def _existing(self, order_id: OrderId) -> Reservation:
        reservation = self._store.reservation(order_id)
        if reservation is None:
            raise ReservationEnded(order_id)
        return reservation

    def _require(self, order_id: OrderId, status: ReservationStatus) -> None:
        """Accept a concurrent change that led to `status`. Raises ReservationEnded for any other."""
        if self._existing(order_id).status != status:
            raise ReservationEnded(order_id)


def _available(stocks: dict[Sku, Stock]) -> dict[Sku, int]:
    return {sku: stock.available for sku, stock in stocks.items()}
