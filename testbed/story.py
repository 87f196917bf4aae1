"""Story: a failing run as a text that a person reads from top to bottom."""

from collections.abc import Iterator

from testbed.record import Entry
from testbed.simulation import Result

CLOSE_CALLS = 3
"""Calls shown before and after a fault."""


def story(result: Result, command: str) -> str:
    """Return what happened in a run: the orders, the faults, what led to each problem, and how to run it again.

    The run must have kept its history.
    """
    case, record = result.case, result.record
    faults = [entry for entry in record.entries if entry.fault]
    lines = [
        f"Seed {case.seed}: {len(record.outcomes)} orders, {len(result.struck)} faults,"
        f" {len(result.problems)} problems.",
        *(f"  ✗ {problem}" for problem in result.problems),
        "",
        *_steps(record.entries),
        "",
        *(f"  {each.subject} is {each.status}{f' ({each.reason})' if each.reason else ''}" for each in record.outcomes),
        "",
        f"  {len(faults)} of these steps met a fault. To run it again: {command}",
    ]
    return "\n".join(lines)


def _steps(entries: list[Entry]) -> Iterator[str]:
    """Yield the steps that changed something or met a fault; runs of other calls are counted."""
    skipped = 0
    for entry in entries:
        if not _matters(entry):
            skipped += 1
            continue
        if skipped:
            yield f"             … {skipped} calls"
            skipped = 0
        mark = f"  ⚡ {entry.fault}" if entry.fault else ""
        yield f"  {entry.at:9.3f}  {entry.source} → {entry.target}: {entry.text}{mark}"
    if skipped:
        yield f"             … {skipped} calls"


READS = ("Get", "Query", "Scan", "BatchGet", "Describe", "List", "retrieve")


def _matters(entry: Entry) -> bool:
    return entry.fault is not None or not entry.text.startswith(READS)
