"""Figures of a report: percentiles, orders by ending, and the histogram of the time to end."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.record import Outcome

MINUTE, HOUR, DAY = 60, 3600, 86400
BOUNDS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY),
)
"""Upper bounds of the histogram's columns in seconds; the last column has none."""
TONES = {"COMPLETED": "good", "RETURNED": "calm", "CANCELLED": "bad"}
NEVER = "never"
GRAPH = (640, 180)


@dataclass(frozen=True)
class Ending:
    status: str
    reason: str
    count: int
    share: float
    tone: str


@dataclass(frozen=True)
class Part:
    """One status in a column of the histogram, as a rectangle."""

    status: str
    tone: str
    count: int
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    label: str
    x: float
    width: float
    count: int
    parts: list[Part]


@dataclass(frozen=True)
class Histogram:
    width: int
    height: int
    columns: list[Column]
    tones: dict[str, str]
    lines: list[tuple[float, int]]
    """Grid: height of a line, and the number of orders that it stands for."""


def counted(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def span(seconds: float | None) -> str:
    """Return seconds in at most two units, such as `2 min 5 s`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds else "0 s"
    rest = round(seconds)
    parts = []
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that is not below so many percent of the values; None without values."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else None


def endings(outcomes: Sequence[Outcome]) -> list[Ending]:
    """Return the orders by status and reason, the most frequent ones first."""
    counts = Counter((each.status, each.reason or "") for each in outcomes)
    most = max(counts.values(), default=1)
    return [
        Ending(status, reason, count, 100 * count / most, tone(status))
        for (status, reason), count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]


def tone(status: str) -> str:
    return TONES.get(status, "going")


def histogram(outcomes: Sequence[Outcome]) -> Histogram:
    """Return the orders by the time that they took, stacked by status. Those that never ended have the last column."""
    width, height = GRAPH
    labels, counts = _columns(outcomes)
    totals = [sum(count.values()) for count in counts]
    step = _step(max(totals, default=1))
    top = max(step, math.ceil(max(totals, default=1) / step) * step)
    each = width / max(len(labels), 1)
    columns = [
        Column(label, number * each + each * 0.12, each * 0.76, total, _stacked(count, height / top, height))
        for number, (label, count, total) in enumerate(zip(labels, counts, totals, strict=True))
    ]
    tones = {part.status: part.tone for column in columns for part in column.parts}
    lines = [(height - value * height / top, value) for value in range(0, top + 1, step)]
    return Histogram(width, height, columns, dict(sorted(tones.items())), lines)


def _columns(outcomes: Sequence[Outcome]) -> tuple[list[str], list[Counter[str]]]:
    """Return label and content of each column, from the first that has an order to the last."""
    by_column: dict[int, Counter[str]] = {}
    never: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.seconds is None:
            never[outcome.status] += 1
        else:
            by_column.setdefault(bisect_left(BOUNDS, outcome.seconds), Counter())[outcome.status] += 1
    used = range(min(by_column), max(by_column) + 1) if by_column else range(0)
    labels = [f"≤ {span(BOUNDS[place])}" if place < len(BOUNDS) else f"> {span(BOUNDS[-1])}" for place in used]
    counts = [by_column.get(place, Counter()) for place in used]
    return ([*labels, NEVER], [*counts, never]) if never else (labels, counts)


def _stacked(counts: Counter[str], scale: float, height: float) -> list[Part]:
    """Return the rectangles of a column from the bottom up."""
    parts, y = [], height
    for status in sorted(counts, key=lambda status: (list(TONES).index(status) if status in TONES else 9, status)):
        y -= counts[status] * scale
        parts.append(Part(status, tone(status), counts[status], round(y, 2), round(counts[status] * scale, 2)))
    return parts


def _step(most: int) -> int:
    """Return a round distance of grid lines, of which there are at most five."""
    for step in (size * 10**power for power in range(9) for size in (1, 2, 5)):
        if most / step <= 5:
            return step
    return most
