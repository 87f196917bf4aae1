"""Report statements: each is one typed select. They run as a role that can only read."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, cast, exists, extract, func, select, tuple_
from sqlalchemy import Date as SqlDate
from sqlalchemy.dialects.postgresql import aggregate_order_by

from chalicelib.orders.model import Status
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import iso
from chalicelib.reporting.reports import (
    PAGE_SIZE,
    Categories,
    CategoriesQuery,
    CategoryMonth,
    Cohort,
    Cohorts,
    CohortsQuery,
    OrderSearch,
    Repeat,
    ReportedOrder,
    ReportedOrders,
    ReportRequest,
    cursor_after,
)
from chalicelib.reporting.sql.tables import order_lines, orders, products

if TYPE_CHECKING:
    from chalicelib.reporting.sql.database import Database

LANGUAGE = "english"


def months_before(day: date, months: int) -> date:
    """Return the first day of the month that is so many months before the day's."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


class ReportQueries:
    """Answers to the reports. `today` and `currency` are the shop's."""

    def __init__(self, database: "Database", today: date, currency: str) -> None:
        self._database = database
        self._today = today
        self._currency = currency

    def cohorts(self, query: CohortsQuery) -> Cohorts:
        """Cancelled orders count for nothing, neither as the first order nor as a repeated one."""
        rows = self._database.run(lambda connection: connection.execute(_cohorts(self._oldest(query.months - 1))).all())
        found: dict[str, Cohort] = {}
        for row in rows:
            cohort = found.setdefault(row.month, Cohort(month=row.month, customers=row.size, repeats=[]))
            cohort.repeats.append(Repeat(months_later=row.later, customers=row.customers, revenue=row.revenue))
        return Cohorts(currency=self._currency, items=list(found.values()))

    def categories(self, query: CategoriesQuery) -> Categories:
        since = query.since or self._oldest(11)
        statement = _categories(since, query.until or self._today)
        rows = self._database.run(lambda connection: connection.execute(statement).all())
        items = [CategoryMonth(**row._mapping, net=row.revenue - row.refunds) for row in rows]
        return Categories(currency=self._currency, items=sorted(items, key=_newest_and_best))

    def orders(self, search: OrderSearch) -> ReportedOrders:
        """Raises CursorInvalid."""
        condition = and_(True, *_conditions(search))
        position = search.position

        def found(connection: Connection) -> tuple[Row[Any], Sequence[Row[Any]]]:
            count = select(func.count().label("matching"), func.coalesce(func.sum(orders.c.total), 0).label("total"))
            return connection.execute(count.where(condition)).one(), connection.execute(
                _page(condition, position)
            ).all()

        counted, rows = self._database.run(found)
        items = [_reported(row) for row in rows[:PAGE_SIZE]]
        more = len(rows) > PAGE_SIZE
        return ReportedOrders(
            matching=counted.matching,
            matching_total=int(counted.total),
            items=items,
            next_cursor=cursor_after(items[-1].placed_at, items[-1].order_id) if more else None,
        )

    def _oldest(self, months: int) -> date:
        return months_before(self._today, months)


def _month(column: ColumnElement[date]) -> ColumnElement[date]:
    return cast(func.date_trunc("month", column), SqlDate)


def _cohorts(oldest: date) -> Select[Any]:
    counted = orders.c.status != Status.CANCELLED
    firsts = (
        select(orders.c.customer_id, _month(func.min(orders.c.placed_on)).label("first"))
        .where(orders.c.customer_id.is_not(None), counted)
        .group_by(orders.c.customer_id)
        .cte("firsts")
    )
    sizes = select(firsts.c.first, func.count().label("size")).group_by(firsts.c.first).cte("sizes")
    placed = _month(orders.c.placed_on)
    later = (
        (extract("year", placed) - extract("year", firsts.c.first)) * 12
        + extract("month", placed)
        - extract("month", firsts.c.first)
    ).label("later")
    return (
        select(
            func.to_char(firsts.c.first, "YYYY-MM").label("month"),
            sizes.c.size,
            later,
            func.count(orders.c.customer_id.distinct()).label("customers"),
            cast_sum(orders.c.total).label("revenue"),
        )
        .join_from(orders, firsts, orders.c.customer_id == firsts.c.customer_id)
        .join(sizes, sizes.c.first == firsts.c.first)
        .where(counted, firsts.c.first >= oldest)
        .group_by(firsts.c.first, sizes.c.size, later)
        .order_by(firsts.c.first.desc(), later)
    )


def cast_sum(column: ColumnElement[int]) -> ColumnElement[int]:
    """Return the sum as a whole number: PostgreSQL's sum of bigint is a numeric."""
    return cast(func.coalesce(func.sum(column), 0), orders.c.total.type)


def _categories(since: date, until: date) -> Select[Any]:
    month = func.to_char(orders.c.placed_on, "YYYY-MM").label("month")
    return (
        select(
            month,
            products.c.category,
            func.count(orders.c.order_id.distinct()).label("orders"),
            cast_sum(order_lines.c.quantity).label("units"),
            cast_sum(order_lines.c.returned).label("returned"),
            cast_sum(order_lines.c.net).label("revenue"),
            cast_sum(order_lines.c.refunded).label("refunds"),
        )
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.order_id)
        .outerjoin(products, products.c.sku == order_lines.c.sku)
        .where(orders.c.is_sold, orders.c.placed_on.between(since, until))
        .group_by(month, products.c.category)
    )


def _newest_and_best(item: CategoryMonth) -> tuple[int, int, str]:
    return -int(item.month.replace("-", "")), -item.net, item.category or ""


def _conditions(search: OrderSearch) -> list[ColumnElement[bool]]:
    given = search.model_dump(exclude_none=True, exclude={"cursor"})
    return [FILTERS[name](value) for name, value in given.items()]


def _has_line(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    lines = order_lines.outerjoin(products, products.c.sku == order_lines.c.sku)
    return exists().select_from(lines).where(order_lines.c.order_id == orders.c.order_id, condition)


FILTERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "q": lambda words: orders.c.search.op("@@")(func.websearch_to_tsquery(LANGUAGE, words)),
    "status": lambda status: orders.c.status == status,
    "country": lambda country: orders.c.country == country,
    "min_total": lambda amount: orders.c.total >= amount,
    "max_total": lambda amount: orders.c.total <= amount,
    "since": lambda day: orders.c.placed_on >= day,
    "until": lambda day: orders.c.placed_on <= day,
    "sku": lambda sku: _has_line(order_lines.c.sku == sku),
    "category": lambda category: _has_line(products.c.category == category),
}
"""The condition of each filter, by its name in `OrderSearch`."""


def _page(condition: ColumnElement[bool], after: tuple[datetime, str] | None) -> Select[Any]:
    place = tuple_(orders.c.placed_at, orders.c.order_id)
    names = (
        select(func.array_agg(aggregate_order_by(order_lines.c.name, order_lines.c.sku)))
        .where(order_lines.c.order_id == orders.c.order_id)
        .scalar_subquery()
    )
    page = select(orders, names.label("products")).where(condition)
    if after:
        page = page.where(place < after)
    return page.order_by(orders.c.placed_at.desc(), orders.c.order_id.desc()).limit(PAGE_SIZE + 1)


def _reported(row: Row[Any]) -> ReportedOrder:
    return ReportedOrder(
        order_id=row.order_id,
        number=row.number,
        status=Status(row.status),
        reason=row.reason,
        country=row.country,
        total=row.total,
        currency=row.currency,
        placed_at=iso(row.placed_at),
        products=row.products or [],
    )


def answer(request: dict[str, Any], queries: ReportQueries) -> dict[str, Any]:
    """Return the answer of a report as JSON. Raises CursorInvalid, DatabaseUnavailable."""
    asked = ReportRequest.model_validate(request)
    found: BaseModel
    match asked.report:
        case "cohorts":
            found = queries.cohorts(CohortsQuery.model_validate(asked.query))
        case "categories":
            found = queries.categories(CategoriesQuery.model_validate(asked.query))
        case "orders":
            found = queries.orders(OrderSearch.model_validate(asked.query))
    return found.model_dump(mode="json")
