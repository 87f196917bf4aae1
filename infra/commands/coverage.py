"""Workflow coverage: which edges of the workflows the latest test run took, as tables and drawn on the graphs."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table

from testbed import coverage, workflow_picture
from testbed.coverage import RESULT, Edge
from testbed.record import EdgeRecord, How

PICTURES = RESULT.parent / "workflow-coverage"


class NotCovered(Exception):
    """No whole test run has left its coverage. Run `make test` first."""

    def __str__(self) -> str:
        return "No whole test run has left its coverage. Run `make test` first."


def show(console: Console, result: Path = RESULT, pictures: Path = PICTURES) -> int:
    """Print the edges of each workflow and draw them. Return 1 if one was never taken. Raises NotCovered."""
    if not result.exists():
        raise NotCovered
    known = coverage.definitions()
    records = coverage.merged(coverage.read(result), known)
    pictures.mkdir(parents=True, exist_ok=True)
    for workflow, definition in known.items():
        console.print(_table(workflow, coverage.edges(workflow, definition), records))
        (pictures / f"{workflow}.svg").write_text(workflow_picture.drawn(workflow, definition, records))
    edges, missing = coverage.all_edges(known), coverage.missing(records, known)
    real = {coverage.edge_of(record) for record in records if record.how is How.EXECUTED}
    taken = f"{len(edges) - len(missing)} of {len(edges)} edges taken, {len(real)} by executions on the emulator."
    console.print(f"{taken} Drawn in {pictures}")
    return 1 if missing else 0


def _table(workflow: str, edges: list[Edge], records: list[EdgeRecord]) -> Table:
    table = Table(Column(workflow, no_wrap=True), box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for how in How:
        table.add_column(how, justify="right", no_wrap=True)
    times = {(coverage.edge_of(record), record.how): record.times for record in records}
    for edge in edges:
        counts = [times.get((edge, how), 0) for how in How]
        style = "" if any(counts) else "bold red"
        table.add_row(edge.step, *(str(count or "–") for count in counts), style=style)
    return table
