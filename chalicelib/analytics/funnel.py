"""Conversion funnel and A/B experiment: pure rules.

Pages report the first three steps once for each browser session. So these miss visitors who block scripts, count a
visitor who returns tomorrow again, and include robots. Placed and completed come from order events and are exact. A
step belongs to the day on which it happened, also where the order is older.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.analytics.experiment import VARIANTS

NEITHER = "-"
"""In place of a variant, where there was none."""

FEWEST = 10
"""The orders, and the visits without one, that each variant must expect before the z-test applies."""
SIGNIFICANT = 0.05


class Step(StrEnum):
    VISIT = "visit"
    CART = "cart"
    CHECKOUT = "checkout"
    PLACED = "placed"
    COMPLETED = "completed"


@dataclass(frozen=True)
class Counts:
    """How often each step was taken."""

    visit: int = 0
    cart: int = 0
    checkout: int = 0
    placed: int = 0
    completed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{step: getattr(self, step) + getattr(other, step) for step in Step})

    @property
    def conversion(self) -> float | None:
        """Orders for each visit, from 0 to 1. None without visits, or with fewer visits than orders."""
        return self.placed / self.visit if self.visit and self.placed <= self.visit else None


@dataclass(frozen=True)
class FunnelDay:
    date: str
    by_variant: dict[str, Counts]

    @property
    def all(self) -> Counts:
        return summed(list(self.by_variant.values()))


def funnel_days(dates: list[str], found: dict[tuple[str, str, Step], int]) -> list[FunnelDay]:
    """Return the funnel of each of these days, also of days without a count."""
    return [
        FunnelDay(
            date,
            {
                variant: Counts(**{step: found.get((date, variant, step), 0) for step in Step})
                for variant in (*VARIANTS, NEITHER)
            },
        )
        for date in dates
    ]


def of_variant(days: list[FunnelDay], variant: str) -> Counts:
    return summed([day.by_variant[variant] for day in days])


def summed(counts: list[Counts]) -> Counts:
    return sum(counts, Counts())


class Finding(StrEnum):
    TOO_FEW = "TOO_FEW"
    NO_DIFFERENCE = "NO_DIFFERENCE"
    A_IS_BETTER = "A_IS_BETTER"
    B_IS_BETTER = "B_IS_BETTER"
    MISCOUNTED = "MISCOUNTED"


@dataclass(frozen=True)
class Comparison:
    """`p_value` is the probability of at least this difference if the variants are equal. None if not tested."""

    finding: Finding
    p_value: float | None = None


def compared(a: Counts, b: Counts) -> Comparison:
    """Compare orders placed for each visit, by a two-sided two-proportion z-test."""
    if a.placed > a.visit or b.placed > b.visit:
        return Comparison(Finding.MISCOUNTED)
    together = a + b
    converting, staying = together.placed, together.visit - together.placed
    smallest = min(a.visit, b.visit)
    if not smallest or min(converting, staying) * smallest / together.visit < FEWEST:
        return Comparison(Finding.TOO_FEW)
    pooled = converting / together.visit
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / a.visit + 1 / b.visit))
    difference = b.placed / b.visit - a.placed / a.visit
    p_value = math.erfc(abs(difference) / deviation / math.sqrt(2))
    if p_value >= SIGNIFICANT:
        return Comparison(Finding.NO_DIFFERENCE, p_value)
    return Comparison(Finding.B_IS_BETTER if difference > 0 else Finding.A_IS_BETTER, p_value)


def in_words(a: Counts, b: Counts, comparison: Comparison) -> str:
    """Return the finding as a sentence for the console."""
    match comparison.finding:
        case Finding.MISCOUNTED:
            return "One half has more orders than visits, so they cannot be compared."
        case Finding.TOO_FEW:
            return (
                f"Too few to say: each half needs about {FEWEST} orders, and as many visits without one. "
                f"There are {a.placed} orders of {a.visit} visits in a, {b.placed} of {b.visit} in b."
            )
        case Finding.NO_DIFFERENCE:
            return f"No difference that chance would not make as well (p = {comparison.p_value:.2f})."
    better = "b" if comparison.finding == Finding.B_IS_BETTER else "a"
    p_value = comparison.p_value or 0.0
    by_chance = f"{p_value:.3f}" if p_value >= 0.001 else "less than 0.001"
    return f"Variant {better} sells to more of its visitors, and chance alone would hardly make that (p = {by_chance})."
