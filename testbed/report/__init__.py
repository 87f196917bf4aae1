"""Report of a run: one HTML page with everything that a reader needs to judge it.

The page is complete in itself: it has no script, loads nothing, and its content security policy allows nothing else.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from testbed import coverage, workflow_picture
from testbed.plan import Fault
from testbed.record import Outcome, RunRecord
from testbed.report.figures import counted, endings, histogram, percentile, span, tone
from testbed.report.sequence import diagram

HERE = Path(__file__).parent
FONT = HERE.parents[1] / "frontend/node_modules/@fontsource/fraunces/files/fraunces-latin-600-normal.woff2"
"""Font of the headings, embedded if it is installed."""
SEPARATORS = re.compile(r"([./])")
SHOWN_ORDERS = 8
SHOWN_VIOLATIONS = 50
SHOWN_FAULTS = 12
SHOWN_STEPS = 200


def write(record: RunRecord, path: Path, workflows: Path = coverage.DEFINITIONS) -> Path:
    """Write the page of a run to `path`, and the record beside it as JSON. `workflows` has definitions and graphs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(record.model_dump_json(indent=1))
    path.write_text(page(record, workflows))
    return path


def page(record: RunRecord, workflows: Path = coverage.DEFINITIONS) -> str:
    """Return the page of a run as HTML."""
    environment = Environment(
        loader=PackageLoader("testbed.report", "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["span"] = span
    environment.filters["breakable"] = _breakable
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        record=record,
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:; base-uri 'none'; form-action 'none'",
        summary=_summary(record),
        endings=endings(record.outcomes),
        histogram=histogram(record.outcomes),
        planned=[_planned(fault) for fault in record.plan.faults],
        orders=_orders(record),
        graphs=_graphs(record, workflows),
        missing=_missing(record, workflows),
        verdicts=sorted(record.verdicts, key=lambda each: -len(each.violations)),
        injected=sorted(record.injected, key=lambda each: (-each.times, each.site)),
        most_injected=max((each.times for each in record.injected), default=1),
        tone=tone,
        most_violations=SHOWN_VIOLATIONS,
        most_faults=SHOWN_FAULTS,
        most_steps=SHOWN_STEPS,
    )


def _breakable(site: str) -> Markup:
    """Return the name of a site, which may be broken after a dot and a slash."""
    return Markup("").join(
        part if part not in (".", "/") else Markup("{}<wbr>").format(part) for part in SEPARATORS.split(site)
    )


def _style() -> str:
    style = (HERE / "page.css").read_text()
    if FONT.exists():
        source = base64.b64encode(FONT.read_bytes()).decode()
        style = (
            "@font-face { font-family: Fraunces; font-weight: 600; "
            f"src: url(data:font/woff2;base64,{source}) format('woff2'); }}\n{style}"
        )
    return style


def _summary(record: RunRecord) -> list[tuple[str, str, str]]:
    """Return the figures at the top: name, value, and whether it is good, bad or neither."""
    ended = sorted(each.seconds for each in record.outcomes if each.seconds is not None)
    open_orders = len(record.outcomes) - len(ended)
    return [
        ("violations", counted(record.violations), "bad" if record.violations else "good"),
        ("orders", counted(len(record.outcomes)), ""),
        ("not ended", counted(open_orders), "bad" if open_orders else ""),
        ("faults", counted(sum(each.times for each in record.injected)), ""),
        ("retries", counted(sum(each.retries for each in record.outcomes)), ""),
        ("compensations", counted(sum(each.compensations for each in record.outcomes)), ""),
        ("median to end", span(percentile(ended, 50)), ""),
        ("99th percentile", span(percentile(ended, 99)), ""),
    ]


def _planned(fault: Fault) -> dict[str, str]:
    """Return a planned fault in words."""
    when = f"each call with a probability of {100 * fault.probability:g} %"
    if fault.calls:
        when = f"call {', '.join(map(str, fault.calls))}"
    elif fault.probability == 1:
        when = "every call"
    if fault.since or fault.until is not None:
        until = f" until {span(fault.until)}" if fault.until is not None else ""
        when += f", from {span(fault.since)}{until}"
    return {"where": fault.where, "what": fault.what, "when": when}


def _orders(record: RunRecord) -> list[dict[str, Any]]:
    """Return the worst orders with their diagrams: violated ones first, then those that never ended, then by faults."""
    violated = {subject for verdict in record.verdicts for subject in verdict.violations}
    entries: dict[str, list[Any]] = {}
    for entry in record.entries:
        entries.setdefault(entry.subject or "", []).append(entry)
    outcomes = {each.subject: each for each in record.outcomes}

    def badness(subject: str) -> tuple[bool, bool, int, float]:
        outcome = outcomes.get(subject) or Outcome(subject=subject, status="")
        return subject in violated, outcome.seconds is None, outcome.faults, outcome.seconds or 0

    worst = sorted((subject for subject in entries if subject), key=badness, reverse=True)[:SHOWN_ORDERS]
    return [
        {
            "subject": subject,
            "outcome": outcomes.get(subject),
            "is_violated": subject in violated,
            "steps": entries[subject],
            "diagram": diagram(entries[subject]),
        }
        for subject in worst
    ]


def _graphs(record: RunRecord, workflows: Path) -> list[dict[str, Any]]:
    """Return the graph of each workflow of which an edge was recorded, with the number of its edges."""
    known = coverage.definitions(workflows)
    records = coverage.merged(record.edges, known)
    taken = coverage.times(records)
    seen = {edge.workflow for edge in taken}
    return [
        {
            "name": name,
            "edges": len(coverage.edges(name, definition)),
            "taken": sum(1 for edge in coverage.edges(name, definition) if edge in taken),
            "picture": Markup(workflow_picture.drawn(name, definition, records, workflows, style="")),
        }
        for name, definition in known.items()
        if name in seen
    ]


def _missing(record: RunRecord, workflows: Path) -> dict[str, list[str]]:
    """Return the edges that no execution took, by workflow."""
    known = coverage.definitions(workflows)
    found: dict[str, list[str]] = {}
    for edge in coverage.missing(coverage.merged(record.edges, known), known):
        found.setdefault(edge.workflow, []).append(edge.step)
    return found
