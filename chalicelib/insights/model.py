"""What follows from a completed order, what the points are, and what a day sold: pure rules."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from chalicelib.platform.errors import Unavailable

CENTS_PER_POINT = 100


class InsightsBusy(Unavailable):
    """Others count at the same things at the same time. Trying again later will do."""


class Consequence(StrEnum):
    """What follows from a completed order. Each is done by a consumer of its own, in any order."""

    POINTS = "POINTS"
    INVOICE = "INVOICE"
    SALES = "SALES"
    AFFINITY = "AFFINITY"


def expected_parts(is_guest: bool) -> frozenset[Consequence]:
    """What must be done before an order is settled. A guest has no account to keep points in."""
    return frozenset(Consequence) - ({Consequence.POINTS} if is_guest else set())


def points_for(kept: int) -> int:
    """One for each whole euro that the shop keeps of an order; `kept` is minor units."""
    return max(kept, 0) // CENTS_PER_POINT


@dataclass(frozen=True)
class Sold:
    """Pieces, and minor units. Less than nothing if more came back than was sold."""

    pieces: int
    revenue: int


@dataclass(frozen=True)
class Sales:
    """Orders, and minor units less what came back."""

    orders: int
    revenue: int


@dataclass(frozen=True)
class Day:
    """What a day sold, less what came back on it. A return takes away no order. `countries` is empty for what was
    sold before they were counted."""

    date: str
    orders: int
    revenue: int
    products: dict[str, Sold]
    countries: dict[str, Sales] = field(default_factory=dict)

    @property
    def pieces(self) -> int:
        return sum(sold.pieces for sold in self.products.values())


def last_days(today: date, days: int) -> list[str]:
    """The dates of so many days, today the last."""
    return [(today - timedelta(days=back)).isoformat() for back in reversed(range(days))]


def best_selling(days: list[Day]) -> list[tuple[str, Sold]]:
    """Products by sku, those with most revenue first."""
    sold = ((sku, each.pieces, each.revenue) for day in days for sku, each in day.products.items())
    return [(sku, Sold(pieces, revenue)) for sku, pieces, revenue in _most_revenue_first(sold)]


def by_country(days: list[Day]) -> list[tuple[str, Sales]]:
    """Those that brought most revenue first."""
    sales = ((country, each.orders, each.revenue) for day in days for country, each in day.countries.items())
    return [(country, Sales(orders, revenue)) for country, orders, revenue in _most_revenue_first(sales)]


def _most_revenue_first(told: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Name, count and revenue, added up by name."""
    counts: Counter[str] = Counter()
    revenue: Counter[str] = Counter()
    for name, count, amount in told:
        counts[name] += count
        revenue[name] += amount
    ranked = sorted(counts, key=lambda name: (-revenue[name], -counts[name], name))
    return [(name, counts[name], revenue[name]) for name in ranked]


def most_often(times: dict[str, int]) -> list[str]:
    return sorted(times, key=lambda sku: (-times[sku], sku))


def top_pairs(together: dict[str, dict[str, int]], most: int) -> list[tuple[str, str, int]]:
    """The two skus, in the order of the alphabet, and how many orders had both."""
    pairs = [(one, other, times) for one, others in together.items() for other, times in others.items() if one < other]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))[:most]
