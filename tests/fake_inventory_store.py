"""Inventory store in memory, without split stocks. It passes the contract suite in tests/contract/test_inventory.py."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.inventory.model import (
    Booked,
    OutOfStock,
    Reservation,
    ReservationStatus,
    Stock,
    StockAdjustment,
    UnitsNotSold,
)
from chalicelib.inventory.shards import StockShard

HELD, COMMITTED = ReservationStatus.HELD, ReservationStatus.COMMITTED
SOLD, RELEASED = ReservationStatus.SOLD, ReservationStatus.RELEASED


@dataclass(frozen=True)
class Counters:
    """Units of one SKU."""

    available: int = 0
    reserved: int = 0
    sold: int = 0
    received: int = 0

    @property
    def is_right(self) -> bool:
        return self.available + self.reserved + self.sold == self.received and min(vars(self).values()) >= 0

    def moved(self, units: int, source: str, target: str) -> "Counters":
        return replace(self, **{source: getattr(self, source) - units, target: getattr(self, target) + units})


class FakeInventoryStore:
    """Each change moves all units of a reservation or none, under the conditions of the real store."""

    def __init__(self, **received: int) -> None:
        """`received` are units by SKU, with `_` for `-`."""
        self.counters: dict[str, Counters] = {}
        self.reservations: dict[str, Reservation] = {}
        self.restocks: dict[str, dict[str, int]] = {}
        for sku, units in received.items():
            self.counters[sku.replace("_", "-")] = Counters(available=units, received=units)

    def stocks(self, skus: list[str], consistent: bool = False) -> dict[str, Stock]:
        return {sku: Stock(sku=sku, **vars(self.counters[sku])) for sku in skus if sku in self.counters}

    def shards(self, sku: str) -> list[StockShard]:
        return [StockShard(**stock.model_dump()) for stock in self.stocks([sku]).values()]

    def adjust(self, entry: Any, sku: str, movement: StockAdjustment, fingerprint: str | None = None) -> Booked:
        """Without the adjustments' log: each entry counts as new."""
        before = self.counters.get(sku, Counters())
        if before.available + movement.delta < 0:
            return Booked.REFUSED
        available, received = before.available + movement.delta, before.received + movement.delta
        self.counters[sku] = replace(before, available=available, received=received)
        return Booked.WRITTEN

    def reservation(self, order_id: str) -> Reservation | None:
        return self.reservations.get(order_id)

    def reserve(self, order_id: str, quantities: dict[str, int], expires_at: datetime) -> bool:
        if order_id in self.reservations:
            return False
        short = [sku for sku, units in quantities.items() if self._of(sku).available < units]
        if short:
            raise OutOfStock(", ".join(short))
        self._write(Reservation(order_id=order_id, status=HELD, quantities=quantities, expires_at=expires_at))
        self._move(quantities, "available", "reserved")
        return True

    def write_tombstone(self, order_id: str, now: datetime) -> bool:
        if order_id in self.reservations:
            return False
        self._write(Reservation(order_id=order_id, status=RELEASED, quantities={}, expires_at=now))
        return True

    def commit(self, order_id: str, now: datetime) -> bool:
        held = self.reservations.get(order_id)
        if held is None or held.status != HELD or held.expires_at <= now:
            return False
        self._write(held.model_copy(update={"status": COMMITTED}))
        return True

    def sell(self, reservation: Reservation) -> bool:
        return self._settle(reservation, SOLD, "sold", lambda current: True)

    def release(self, reservation: Reservation) -> bool:
        return self._settle(reservation, RELEASED, "available", lambda current: True)

    def release_expired(self, reservation: Reservation, now: datetime) -> bool:
        return self._settle(reservation, RELEASED, "available", lambda current: current.expires_at <= now)

    def expired(self, now: datetime, limit: int) -> list[Reservation]:
        found = [each for each in self.reservations.values() if each.status == HELD and each.expires_at <= now]
        return sorted(found, key=lambda reservation: reservation.expires_at)[:limit]

    def restock(self, return_id: str, quantities: dict[str, int]) -> bool:
        if return_id in self.restocks:
            return False
        for sku, units in quantities.items():
            if self._of(sku).sold < units:
                raise UnitsNotSold(sku)
        self.restocks[return_id] = quantities
        self._move(quantities, "sold", "available")
        return True

    def _settle(
        self, read: Reservation, status: ReservationStatus, target: str, condition: Callable[[Reservation], bool]
    ) -> bool:
        current = self.reservations[read.order_id]
        if current.status != read.status or not condition(current):
            return False
        self._write(read.model_copy(update={"status": status}))
        self._move(read.quantities, "reserved", target)
        return True

    def _of(self, sku: str) -> Counters:
        return self.counters.get(sku, Counters())

    def _write(self, reservation: Reservation) -> None:
        self.reservations[reservation.order_id] = reservation

    def _move(self, quantities: dict[str, int], source: str, target: str) -> None:
        for sku, units in quantities.items():
            self.counters[sku] = self._of(sku).moved(units, source, target)
