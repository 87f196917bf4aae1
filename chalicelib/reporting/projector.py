"""Projector: keeps the reporting read model up to date with the orders.

An event only says that an order changed. What is written is the order as it is now, read consistently by its id, so the
events need not carry all that a report wants, and their sequence does not matter. See docs/decisions.md.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from chalicelib.catalog.model import Product
from chalicelib.events.envelope import Envelope, EventId
from chalicelib.orders.model import Order
from chalicelib.payments.model import Payment
from chalicelib.platform.ids import OrderId, Sku
from chalicelib.reporting.model import DayOf, rows_of_order, rows_of_payment, rows_of_products

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.reporting.model import OrderRows, PaymentRows, ProductRow, StockMovementRow


class Store(Protocol):
    """What the projector needs of `sql/store.py`."""

    def save(
        self,
        order: "OrderRows",
        payment: "PaymentRows | None",
        sold: "Sequence[ProductRow]",
        event_id: EventId | None = None,
    ) -> bool: ...

    def add_movements(self, movements: "Sequence[StockMovementRow]") -> None: ...


class OrderMissing(Exception):
    """An event is about an order that the table does not have."""


class Projector:
    """`order`, `payment` and `products` read what is there now, consistently."""

    def __init__(
        self,
        store: Store,
        order: Callable[[OrderId], Order | None],
        payment: Callable[[OrderId], Payment | None],
        products: Callable[[list[Sku]], dict[Sku, Product]],
        day_of: DayOf,
    ) -> None:
        self._store = store
        self._order = order
        self._payment = payment
        self._products = products
        self._day_of = day_of

    def project(self, event: Envelope) -> None:
        """Write the order that an event is about. Raises OrderMissing, DatabaseUnavailable."""
        self._project(event.order_id, event.id)

    def rebuild(self, order_ids: Iterable[OrderId]) -> int:
        """Write these orders again, whichever of their events were projected. Return how many they are."""
        done = 0
        for order_id in order_ids:
            self._project(order_id)
            done += 1
        return done

    def add_adjustments(self, movements: "Sequence[StockMovementRow]") -> None:
        """Write stock adjustments that are not there yet. Raises DatabaseUnavailable."""
        self._store.add_movements(movements)

    def _project(self, order_id: OrderId, event_id: EventId | None = None) -> None:
        order = self._order(order_id)
        if order is None:
            raise OrderMissing(order_id)
        payment = self._payment(order_id)
        self._store.save(
            rows_of_order(order, self._day_of),
            rows_of_payment(payment) if payment else None,
            rows_of_products(self._products([line.sku for line in order.lines]).values()),
            event_id,
        )
