"""Sequence diagram of one order: a lifeline for each participant, and an arrow for each entry of the record."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from testbed.record import Entry
from testbed.report.figures import span

WIDTH = 1170
TIMES = 78
"""Room for the times, left of the first lifeline."""
NARROWEST, WIDEST = 66, 150
HEAD, ROW, GAP = 48, 36, 20
MOST_ENTRIES, EDGE_ENTRIES, AROUND_FAULT = 60, 10, 2
"""Of a longer history: the entries drawn in all, those at its beginning and its end, and those beside each fault."""
LONG_PAUSE_SECONDS = 10
CHARACTER = 6.2
"""Width of a character of the texts."""
NAME_CHARACTER = 6
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[^A-Za-z0-9]+|[A-Z]")


@dataclass(frozen=True)
class Lifeline:
    lines: list[str]
    x: float
    width: float


@dataclass(frozen=True)
class Arrow:
    """`x` and `anchor` are those of its text."""

    y: float
    start: float
    end: float
    time: str
    text: str
    x: float
    anchor: str
    fault: str
    fault_width: float
    is_own: bool

    @property
    def middle(self) -> float:
        return self.start + 30 if self.is_own else (self.start + self.end) / 2

    @property
    def tip(self) -> float:
        """Where the line ends, before the arrow head."""
        return self.end - 7 if self.end > self.start else self.end + 7


@dataclass(frozen=True)
class Pause:
    y: float
    text: str


@dataclass(frozen=True)
class Diagram:
    width: float
    height: float
    lifelines: list[Lifeline]
    arrows: list[Arrow]
    pauses: list[Pause]


def diagram(entries: Sequence[Entry]) -> Diagram:
    """Return the places of all parts. Of a long history it has the beginning, the end, and what is beside faults."""
    shown = _shown(entries)
    names = list(dict.fromkeys(name for number in shown for name in (entries[number].source, entries[number].target)))
    distance = min(WIDEST, max(NARROWEST, (WIDTH - TIMES) / max(len(names), 1)))
    at = {name: TIMES + distance * (number + 0.5) for number, name in enumerate(names)}
    width = TIMES + distance * len(names)
    arrows: list[Arrow] = []
    pauses: list[Pause] = []
    y = HEAD - 6.0
    for before, number in pairwise([-1, *shown]):
        entry, left_out = entries[number], number - before - 1
        waited = entry.at - entries[max(before, 0)].at
        if left_out or waited >= LONG_PAUSE_SECONDS:
            y += GAP
            words = [f"{left_out} left out"] if left_out else []
            words += [f"{span(waited)} later"] if waited >= LONG_PAUSE_SECONDS else []
            pauses.append(Pause(y, ", ".join(words)))
        y += ROW
        arrows.append(_arrow(entry, y, at, width))
    lifelines = [Lifeline(_lines(name, distance - 8), x, distance - 6) for name, x in at.items()]
    return Diagram(round(width), y + ROW / 2, lifelines, arrows, pauses)


def _shown(entries: Sequence[Entry]) -> list[int]:
    """Return the numbers of the entries that are drawn."""
    last = len(entries) - 1
    if last < MOST_ENTRIES:
        return list(range(len(entries)))
    shown = {*range(EDGE_ENTRIES), *range(last + 1 - EDGE_ENTRIES, last + 1)}
    for number, entry in enumerate(entries):
        around = (
            set(range(max(0, number - AROUND_FAULT), min(last, number + AROUND_FAULT) + 1)) if entry.fault else set()
        )
        if len(shown | around) > MOST_ENTRIES:
            break
        shown |= around
    return sorted(shown)


def _arrow(entry: Entry, y: float, at: dict[str, float], width: float) -> Arrow:
    start, end = at[entry.source], at[entry.target]
    text = _fitted(entry.text, width - TIMES)
    length = CHARACTER * len(text)
    x, anchor = (start + end) / 2, "middle"
    if start == end:
        x, anchor = (start + 34, "start") if start + 34 + length < width else (start - 8, "end")
    elif x - length / 2 < TIMES:
        x, anchor = float(TIMES), "start"
    elif x + length / 2 > width:
        x, anchor = width, "end"
    fault = entry.fault.replace("_", " ") if entry.fault else ""
    fault_width = CHARACTER * len(fault) + 14
    return Arrow(y, start, end, span(entry.at), text, x, anchor, fault, fault_width, start == end)


def _fitted(text: str, width: float) -> str:
    most = min(70, int(width / CHARACTER))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _lines(name: str, width: float) -> list[str]:
    """Return a name in at most three lines, broken between its words."""
    most = int(width / NAME_CHARACTER)
    lines = [""]
    for word in WORDS.findall(name):
        if lines[-1] and len(lines[-1]) + len(word) > most:
            lines.append("")
        lines[-1] += word
    return [_cut_off(line, most) for line in [*lines[:2], "".join(lines[2:])] if line]


def _cut_off(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
