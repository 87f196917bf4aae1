"""Reserving, committing, selling and giving back. Every call may be repeated and changes nothing twice."""

from datetime import timedelta

from chalicelib.inventory.model import Movement, Reservation, ReservationEnded, ReservationStatus, Shelf, Stock
from chalicelib.inventory.store import InventoryStore
from chalicelib.platform.clock import Clock, iso

SWEEP_SIZE = 100
MOVEMENTS_SHOWN = 20


class Inventory:
    def __init__(self, store: InventoryStore, clock: Clock, hold: timedelta) -> None:
        """`hold` is how long a reservation lasts if nothing commits it."""
        self._store = store
        self._clock = clock
        self._hold = hold

    def available(self, skus: list[str]) -> dict[str, int]:
        return {sku: stock.available for sku, stock in self._store.stocks(skus).items()}

    def shelf(self, sku: str) -> Shelf:
        """Nothing but zeros where no piece was ever received."""
        stock = self._store.stocks([sku]).get(sku, Stock(sku=sku))
        return Shelf(**stock.model_dump(), movements=self._store.movements(sku, MOVEMENTS_SHOWN))

    def receive(self, sku: str, delta: int, note: str = "", by: str | None = None) -> Stock:
        """Raises StockTooLow."""
        return self._store.receive(sku, Movement(at=iso(self._clock()), delta=delta, note=note, by=by))

    def receive_once(self, receipt_id: str, sku: str, pieces: int, note: str = "") -> None:
        """Pieces that came with this receipt. Repeating it adds none."""
        self._store.receive_once(receipt_id, sku, Movement(at=iso(self._clock()), delta=pieces, note=note))

    def received(self, receipt_ids: list[str]) -> set[str]:
        """Those among these receipts whose pieces are there."""
        return self._store.received(receipt_ids)

    def reserve(self, order_id: str, quantities: dict[str, int]) -> None:
        """Raises OutOfStock, or ReservationEnded if this order's reservation is already over."""
        if self._store.reserve(order_id, quantities, expires_at=self._clock() + self._hold):
            return
        reservation = self._existing(order_id)
        if reservation.status == ReservationStatus.RELEASED:
            raise ReservationEnded(order_id)

    def commit(self, order_id: str) -> None:
        """From here on the reservation does not expire. Raises ReservationEnded."""
        if self._store.commit(order_id, self._clock()):
            return
        reservation = self._store.reservation(order_id)
        if reservation is None or reservation.status in (ReservationStatus.HELD, ReservationStatus.RELEASED):
            raise ReservationEnded(order_id)

    def sell(self, order_id: str) -> None:
        """Raises ReservationEnded."""
        reservation = self._existing(order_id)
        if reservation.status == ReservationStatus.SOLD:
            return
        if reservation.status != ReservationStatus.COMMITTED or not self._store.sell(reservation):
            self._require(order_id, ReservationStatus.SOLD)

    def release(self, order_id: str) -> None:
        """A no-op where nothing is held; also closes the door for a reservation that comes late."""
        reservation = self._store.reservation(order_id)
        if reservation is None and self._store.close(order_id, self._clock()):
            return
        reservation = reservation or self._existing(order_id)
        if reservation.status == ReservationStatus.RELEASED:
            return
        if reservation.status == ReservationStatus.SOLD or not self._store.release(reservation):
            self._require(order_id, ReservationStatus.RELEASED)

    def restock(self, return_id: str, quantities: dict[str, int]) -> None:
        """Returned pieces go back on the shelf, once for each return."""
        self._store.restock(return_id, quantities)

    def expired(self) -> list[str]:
        """The orders whose reservations are over and were never committed, a batch of them."""
        return [reservation.order_id for reservation in self._store.expired(self._clock(), SWEEP_SIZE)]

    def release_expired(self, order_id: str) -> bool:
        """False if it was committed or released meanwhile, or is not over at all."""
        reservation = self._store.reservation(order_id)
        if reservation is None or reservation.status != ReservationStatus.HELD:
            return False
        return self._store.release_expired(reservation, self._clock())

    def _existing(self, order_id: str) -> Reservation:
        reservation = self._store.reservation(order_id)
        if reservation is None:
            raise ReservationEnded(order_id)
        return reservation

    def _require(self, order_id: str, status: ReservationStatus) -> None:
        """Somebody else moved the reservation meanwhile: fine if to where we wanted it."""
        if self._existing(order_id).status != status:
            raise ReservationEnded(order_id)
