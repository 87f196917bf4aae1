"""Rows of the reporting read model, made from an order, its payment and the products in it.

No row holds a name, an email or a postal address. `customer_id` is the only personal datum: it goes when the order is
erased. Amounts are minor units of the order's currency.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.catalog.model import Product
from chalicelib.orders.model import Order, Status
from chalicelib.orders.numbers import number_of
from chalicelib.orders.returns import ReturnStatus
from chalicelib.payments.model import Payment
from chalicelib.platform.ids import CustomerId, OrderId, OrderNumber, ReturnId, Sku
from chalicelib.pricing.apportioning import apportion, parts_of_return
from chalicelib.pricing.model import AdjustmentKind

DayOf = Callable[[datetime], date]
"""The day of a time in the shop's time zone."""


@dataclass(frozen=True)
class OrderRow:
    """`placed_on` is in the shop's time zone. `is_sold` says whether the order was ever completed."""

    order_id: OrderId
    version: int
    number: OrderNumber
    status: str
    reason: str | None
    country: str
    customer_id: CustomerId | None
    currency: str
    total: int
    variant: str | None
    is_sold: bool
    placed_at: datetime
    placed_on: date
    search_text: str


@dataclass(frozen=True)
class LineRow:
    """`net` is what the units cost with their part of discounts and taxes; `refunded` is what returns gave back."""

    order_id: OrderId
    sku: Sku
    name: str
    quantity: int
    unit_price: int
    net: int
    returned: int
    refunded: int


@dataclass(frozen=True)
class StockMovementRow:
    """`units` are positive when they come in. `order_id` is None of an adjustment by an operator or an import."""

    movement_id: str
    order_id: OrderId | None
    sku: Sku
    kind: str
    units: int
    at: datetime


@dataclass(frozen=True)
class PaymentRow:
    order_id: OrderId
    version: int
    status: str
    captured: int
    refunded: int
    refunded_outside: int
    lost: int
    is_disputed: bool


@dataclass(frozen=True)
class RefundRow:
    """`return_id` is None of a refund that undid the whole payment or was made outside of the shop."""

    order_id: OrderId
    refund_id: str
    amount: int
    status: str
    return_id: ReturnId | None


@dataclass(frozen=True)
class ProductRow:
    sku: Sku
    version: int
    name: str
    category: str


@dataclass(frozen=True)
class OrderRows:
    """An order in one version, with the rows that are replaced together with it."""

    order: OrderRow
    lines: tuple[LineRow, ...]
    movements: tuple[StockMovementRow, ...]


@dataclass(frozen=True)
class PaymentRows:
    payment: PaymentRow
    refunds: tuple[RefundRow, ...]


def rows_of_order(order: Order, day_of: DayOf) -> OrderRows:
    return OrderRows(_order_row(order, day_of), tuple(_line_rows(order)), tuple(_movement_rows(order)))


def _order_row(order: Order, day_of: DayOf) -> OrderRow:
    placed_at = datetime.fromisoformat(order.placed_at)
    reason = order.reason or order.cancellation
    words = (
        number_of(order.id),
        order.status,
        reason or "",
        order.shipping_address.country,
        *(f"{line.name} {line.sku}" for line in order.lines),
    )
    return OrderRow(
        order_id=order.id,
        version=order.version,
        number=number_of(order.id),
        status=order.status.value,
        reason=reason.value if reason else None,
        country=order.shipping_address.country,
        customer_id=order.customer_id,
        currency=order.total.currency,
        total=order.total.amount,
        variant=order.variant,
        is_sold=_completed_at(order) is not None,
        placed_at=placed_at,
        placed_on=day_of(placed_at),
        search_text=" ".join(words),
    )


def _line_rows(order: Order) -> Iterator[LineRow]:
    of_items = [each for each in order.adjustments if each.kind != AdjustmentKind.SHIPPING]
    returned, refunded = _given_back(order)
    for line in order.lines:
        parts = parts_of_return(order.lines, of_items, {}, {line.sku: line.quantity})
        yield LineRow(
            order_id=order.id,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price.amount,
            net=line.total.amount + sum(part.amount for part in parts),
            returned=returned[line.sku],
            refunded=refunded[line.sku],
        )


def _given_back(order: Order) -> tuple[Counter[Sku], Counter[Sku]]:
    """Return the units that came back, and what was refunded for them, by sku.

    A refund is split over the returned items in proportion to their value.
    """
    returned: Counter[Sku] = Counter()
    refunded: Counter[Sku] = Counter()
    prices = {line.sku: line.unit_price.amount for line in order.lines}
    for each in order.returns:
        if each.status == ReturnStatus.REFUNDED:
            values = [prices[sku] * units for sku, units in each.quantities.items()]
            returned.update(each.quantities)
            refunded.update(dict(zip(each.quantities, apportion(each.refund.amount, values), strict=True)))
    return returned, refunded


def _movement_rows(order: Order) -> Iterator[StockMovementRow]:
    """Units that left with a completed order, and those that returns brought back."""
    if completed_at := _completed_at(order):
        for line in order.lines:
            yield StockMovementRow(f"{order.id}:{line.sku}", order.id, line.sku, "SOLD", -line.quantity, completed_at)
    for each in order.returns:
        if each.status == ReturnStatus.REFUNDED:
            at = datetime.fromisoformat(each.requested_at)
            for sku, units in each.quantities.items():
                yield StockMovementRow(f"{order.id}:{each.id}:{sku}", order.id, sku, "RETURNED", units, at)


def _completed_at(order: Order) -> datetime | None:
    times = [change.at for change in order.history if change.status == Status.COMPLETED]
    return datetime.fromisoformat(times[0]) if times else None


def rows_of_payment(payment: Payment) -> PaymentRows:
    row = PaymentRow(
        order_id=payment.order_id,
        version=payment.version,
        status=payment.status.value,
        captured=payment.captured,
        refunded=payment.refunded,
        refunded_outside=payment.refunded_outside,
        lost=payment.lost,
        is_disputed=payment.disputed,
    )
    refunds = (
        RefundRow(payment.order_id, each.id, each.amount, each.status.value, payment.return_of(each))
        for each in payment.refunds
    )
    return PaymentRows(row, tuple(refunds))


def rows_of_products(products: Iterable[Product]) -> list[ProductRow]:
    """Return the rows in the order of SKUs, so that two transactions lock them in the same order."""
    rows = [ProductRow(each.sku, each.version, each.name, each.category) for each in products]
    return sorted(rows, key=lambda row: row.sku)
