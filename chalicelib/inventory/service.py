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
from chalicelib.inventory.shards import StockShard, counters_left, total
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

    def reading(self, skus: list[Sku]) -> Read[dict[Sku, StockShard]]:
        """Return a read from which `available_of` makes what `available` returns."""
        return self._store.reading(skus)

    def available_of(self, found: dict[Sku, StockShard]) -> dict[Sku, int]:
        """Return the available units. It reads only if one of the SKUs is split."""
        return _available(self._store.totals(found))

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
        """Add units, or take available ones away, once for each key.

        Raises StockTooLow, StockBusy, IdempotencyConflict.
        """
        entry = _entry(key)
        booked = self._add(entry, sku, self._adjustment(delta, note, by), key.fingerprint if key else None)
        if booked == Booked.REFUSED:
            raise StockTooLow
        return self._answer(entry, sku, key)

    def set_on_hand(
        self, sku: Sku, units: int, note: str = "", by: str | None = None, key: RequestKey | None = None
    ) -> Stock:
        """Set the units on hand, reserved ones included, once for each key.

        Raises StockSetAside, StockBusy, IdempotencyConflict.
        """
        entry = _entry(key)
        if key is None or self._store.fingerprint(entry) is None:
            self._level(entry, sku, units, self._adjustment(0, note, by), key.fingerprint if key else None)
        return self._answer(entry, sku, key)

    def receive_once(self, receipt_id: str, sku: Sku, units: int, note: str = "") -> None:
        """Add the units of this receipt. Repeating it adds none. Raises StockBusy."""
        self._add(receipt_key(receipt_id), sku, self._adjustment(units, note))

    def set_on_hand_once(self, receipt_id: str, sku: Sku, units: int, note: str = "") -> None:
        """Set the units on hand, once for each receipt. Raises StockSetAside, StockBusy."""
        if not self._store.received([receipt_id]):
            self._level(receipt_key(receipt_id), sku, units, self._adjustment(0, note))

    def split(self, sku: Sku, shards: int, by: str | None = None) -> Stock:
        """Spread the available units, and with them the reservations, over so many shards. Raises StockBusy.

        Former shards keep what is reserved there. Repeating it when nothing is reserved there ends their use.
        """
        for _ in retry_on_conflict(LEVEL_ATTEMPTS):
            seen = self._store.shards(sku)
            if seen and seen[0].shards == shards and counters_left(seen, shards) == seen[0].counters:
                return total(sku, seen)
            change = self._adjustment(0, "", by).model_copy(update={"shards": shards})
            if self._store.adjust(_entry(None), sku, change, seen=seen) == Booked.WRITTEN:
                return total(sku, self._store.shards(sku))
        raise StockBusy

    def _add(
        self, entry: dict[str, str], sku: Sku, movement: StockAdjustment, fingerprint: str | None = None
    ) -> Booked:
        """Add the units of the movement; return REFUSED if it takes away more than are available. Raises StockBusy."""
        booked = self._store.adjust(entry, sku, movement, fingerprint)
        if booked != Booked.SPLIT:
            return booked
        for _ in retry_on_conflict(LEVEL_ATTEMPTS):
            seen = self._store.shards(sku)
            booked = self._store.adjust(entry, sku, movement, fingerprint, seen)
            if booked != Booked.REFUSED or total(sku, seen).available + movement.delta < 0:
                return booked
        raise StockBusy

    def _level(
        self, entry: dict[str, str], sku: Sku, units: int, movement: StockAdjustment, fingerprint: str | None = None
    ) -> None:
        """Write the difference to the units on hand; if a sale changed them meanwhile, read and compute again."""
        for _ in retry_on_conflict(LEVEL_ATTEMPTS):
            seen = self._store.shards(sku)
            stock = total(sku, seen)
            if units < stock.reserved:
                raise StockSetAside(f"{stock.reserved} units are set aside for open orders, more than {units} on hand.")
            change = movement.model_copy(update={"delta": units - stock.on_hand})
            booked = self._store.adjust(entry, sku, change, fingerprint, seen, only_as_read=True)
            if booked != Booked.REFUSED:
                return
        raise StockBusy

    def _answer(self, entry: dict[str, str], sku: Sku, key: RequestKey | None) -> Stock:
        """Return the current stock; with a key, the stock of the first answer.

        Raises IdempotencyConflict.
        """
        stock = total(sku, self._store.shards(sku))
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
        """Make returned units available again, once for each return. Raises UnitsNotSold."""
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


def _entry(key: RequestKey | None) -> dict[str, str]:
    """Return the key of the adjustment of a request."""
    return movement_key(key.id if key else str(uuid.uuid4()))


def _available(stocks: dict[Sku, Stock]) -> dict[Sku, int]:
    return {sku: stock.available for sku, stock in stocks.items()}
