"""Sales by day, product and country: pure rules."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

from chalicelib.platform.ids import Sku

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Sold:
    """Units, and revenue in minor units. Negative if more was returned than sold."""

    pieces: int
    revenue: int


@dataclass(frozen=True)
class Sales:
    """Orders, and revenue in minor units, less returns."""

    orders: int
    revenue: int


@dataclass(frozen=True)
class Day:
    """The sales of a day, less its returns. A return does not reduce `orders`. `countries` is empty for days before
    countries were counted."""

    date: str
    orders: int
    revenue: int
    products: dict[Sku, Sold]
    countries: dict[str, Sales] = field(default_factory=dict)

    @property
    def pieces(self) -> int:
        return sum(sold.pieces for sold in self.products.values())


def last_days(today: date, days: int) -> list[str]:
    """Return the dates of the last `days` days, today last."""
    return [(today - timedelta(days=back)).isoformat() for back in reversed(range(days))]


def best_selling(days: list[Day]) -> list[tuple[Sku, Sold]]:
    """Return products by sku, most revenue first."""
    sold = ((sku, each.pieces, each.revenue) for day in days for sku, each in day.products.items())
    return [(sku, Sold(pieces, revenue)) for sku, pieces, revenue in _most_revenue_first(sold)]


def by_country(days: list[Day]) -> list[tuple[str, Sales]]:
    """Return countries, most revenue first."""
    sales = ((country, each.orders, each.revenue) for day in days for country, each in day.countries.items())
    return [(country, Sales(orders, revenue)) for country, orders, revenue in _most_revenue_first(sales)]


def _most_revenue_first(rows: Iterable[tuple[Name, int, int]]) -> list[tuple[Name, int, int]]:
    """Return name, count and revenue, summed by name."""
    counts: Counter[Name] = Counter()
    revenue: Counter[Name] = Counter()
    for name, count, amount in rows:
        counts[name] += count
        revenue[name] += amount
    ranked = sorted(counts, key=lambda name: (-revenue[name], -counts[name], name))
    return [(name, counts[name], revenue[name]) for name in ranked]
