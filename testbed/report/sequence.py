"""Sequence diagram of one order: a lifeline for each participant, and an arrow for each entry of the record."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.record import Entry
from testbed.report.figures import span

WIDTH = 1170
TIMES = 78
"""Room for the times, left of the first lifeline."""
NARROWEST, WIDEST = 66, 150
HEAD, ROW, GAP = 48, 36, 20
MOST_ENTRIES = 60
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
    """Return the places of all parts. Of a long history it has the beginning and the end."""
    names = list(dict.fromkeys(name for entry in entries for name in (entry.source, entry.target)))
    distance = min(WIDEST, max(NARROWEST, (WIDTH - TIMES) / max(len(names), 1)))
    at = {name: TIMES + distance * (number + 0.5) for number, name in enumerate(names)}
    width = TIMES + distance * len(names)
    first, last = _cut(entries)
    arrows: list[Arrow] = []
    pauses: list[Pause] = []
    y, before = HEAD - 6.0, entries[0].at if entries else 0
    for part, left_out in ((first, 0), (last, len(entries) - len(first) - len(last))):
        if part and left_out:
            y += GAP
            pauses.append(Pause(y, f"{left_out} entries are left out here"))
            before = part[0].at
        for entry in part:
            if entry.at - before >= LONG_PAUSE_SECONDS:
                y += GAP
                pauses.append(Pause(y, f"{span(entry.at - before)} later"))
            y += ROW
            arrows.append(_arrow(entry, y, at, width))
            before = entry.at
    lifelines = [Lifeline(_lines(name, distance - 8), x, distance - 6) for name, x in at.items()]
    return Diagram(round(width), y + ROW / 2, lifelines, arrows, pauses)


def _cut(entries: Sequence[Entry]) -> tuple[Sequence[Entry], Sequence[Entry]]:
    if len(entries) <= MOST_ENTRIES:
        return entries, []
    return entries[: MOST_ENTRIES // 2], entries[-MOST_ENTRIES // 2 :]


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
