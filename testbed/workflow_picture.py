"""Workflow coverage as a picture: the graph of a workflow, on which each line shows how often it was taken.

The graphs are those of `docs/workflows`, drawn by `make workflows` in the layout of the operator console.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import pairwise
from math import dist
from pathlib import Path
from typing import Any

from testbed import coverage
from testbed.coverage import DEFINITIONS, Edge
from testbed.record import EdgeRecord

LINE = re.compile(
    r'<path class="([^"]*)" data-from="(\w+)" data-to="(\w+)" d="M([^"]+)"( marker-end="url\(#head\)")?/>'
)
STYLE = re.compile(r"<style>.*?</style>\n?", re.DOTALL)
HEAD = re.compile(r'<marker id="head".*?</marker>')
LOOK = """<style>
  :root { --good: #1d6a4f; --bad: #a1213a; }
  @media (prefers-color-scheme: dark) { :root { --good: #8fd0b6; --bad: #ff9ca6; } }
  path.taken { stroke: var(--good); stroke-width: 2; stroke-dasharray: none; opacity: 1; }
  path.missed { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 5 4; opacity: 1; }
  .head-taken { fill: var(--good); stroke: none; } .head-missed { fill: var(--bad); stroke: none; }
  .count { font-size: 10.5px; font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
  .count.taken { fill: var(--good); } .count.missed { fill: var(--bad); }
  .count.on-left { text-anchor: end; } .count.on-right { text-anchor: start; }
</style>
"""

Points = list[tuple[float, float]]


def drawn(
    workflow: str,
    definition: dict[str, Any],
    records: Iterable[EdgeRecord],
    folder: Path = DEFINITIONS,
    style: str = LOOK,
) -> str:
    """Return the graph as SVG. Without a `style` it has none of its own, for a page that styles it."""
    text = (folder / f"{workflow}.svg").read_text()
    taken = coverage.times(records)
    expected = coverage.edges(workflow, definition)
    outer = _outer(definition)
    counts: list[str] = []
    lines: list[tuple[str, str]] = []

    def marked(found: re.Match[str]) -> str:
        look, source, target, points, has_head = found.groups()
        edges = list(_drawn_as(expected, source, target, outer))
        times = {edge: taken.get(edge, 0) for edge in edges}
        state = "taken" if all(times.values()) else "missed"
        head = f' marker-end="url(#{workflow}-{state})"' if has_head else ""
        counts.append(_count(_points(points), sum(times.values()), state, "rail" in look))
        names = escape("; ".join(f"{edge.step}: {count}" for edge, count in times.items()))
        lines.append((state, f'<path class="{look} {state}" d="M{points}"{head}><title>{names}</title></path>'))
        return ""

    text = LINE.sub(marked, text)
    # Where lines share a way, one that was taken lies above those that were not.
    text = text.replace("<g ", "\n".join([*(line for _, line in sorted(lines)), "<g "]), 1)
    heads = "".join(_head(text, workflow, state) for state in ("taken", "missed"))
    text = HEAD.sub(lambda _: heads, text, count=1)
    text = STYLE.sub(lambda each: each[0] + style if style else "", text, count=1)
    covered = sum(1 for edge in expected if taken.get(edge))
    title = f"{workflow}: {covered} of {len(expected)} edges taken"
    text = re.sub(r"<svg ([^>]*)>\n", rf'<svg \1 role="img" aria-label="{title}">\n', text, count=1)
    return text.replace("</svg>", "\n".join([*counts, "</svg>"]))


def _outer(definition: dict[str, Any]) -> dict[str, str]:
    """Return, for each last state inside a Map or Parallel, the state that it is inside of."""
    return {
        inner: name
        for name, state in definition["States"].items()
        for branch in coverage.inside(state)
        for inner, each in branch["States"].items()
        if coverage.END in coverage.following(each)
    }


def _drawn_as(expected: list[Edge], source: str, target: str, outer: Mapping[str, str]) -> Iterator[Edge]:
    """Yield the edges that one line stands for: several errors, or what follows a Map and the end of its last state."""
    sources = {source, outer.get(source, source)}
    for edge in expected:
        ends_inside = source in outer and edge.source == source and edge.target == coverage.END
        if (edge.source in sources and edge.target == target) or ends_inside:
            yield edge


def _head(svg: str, workflow: str, state: str) -> str:
    found = HEAD.search(svg)
    assert found, "the graph has no arrow head"
    return found[0].replace('id="head"', f'id="{workflow}-{state}"').replace('class="head"', f'class="head-{state}"')


def _points(text: str) -> Points:
    return [(float(x), float(y)) for x, y in (point.split() for point in text.split(" L"))]


def _count(points: Points, times: int, state: str, is_rail: bool) -> str:
    """Return the number beside a line: at its longest part, or where it leaves its state if others join it."""
    parts = list(pairwise(points))
    (x1, y1), (x2, y2) = parts[0] if is_rail else max(parts, key=_length)
    if y1 == y2:
        return f'<text class="count {state}" x="{(x1 + x2) / 2:g}" y="{y1 - 4:g}">{times}</text>'
    side, x = ("left", x1 - 5) if len(points) > 2 else ("right", x1 + 6)
    return f'<text class="count {state} on-{side}" x="{x:g}" y="{(y1 + y2) / 2 + 4:g}">{times}</text>'


def _length(part: tuple[tuple[float, float], tuple[float, float]]) -> float:
    return dist(*part)
