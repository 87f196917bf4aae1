"""Workflow coverage: which edges of the workflows were taken, how often, and how that was found out.

An edge leads from a state to the next, or after an error to the state that a catcher names: then `cause` is the error
as the catcher names it. Besides them, an edge leads from `START` to the first state, one from each last state to `END`
and one from a Map or a Parallel to the first state inside it.
"""

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from testbed.record import EdgeRecord, How

State = dict[str, Any]

START, END = "start", "end"
FOLDER = "WORKFLOW_EDGES"
"""Environment variable with a folder. Each process appends the edges that it notes to a file of its own there."""
ROOT = Path(__file__).parents[1]
DEFINITIONS = ROOT / "docs" / "workflows"
RESULT = ROOT / ".build" / "workflow-coverage.json"
"""What the latest whole test run took."""
ANY_ERROR = ("States.TaskFailed", "States.ALL")
"""Names by which a catcher catches errors that it does not name: Amazon States Language, "Errors"."""

_lock = threading.Lock()
_Records = TypeAdapter(list[EdgeRecord])


class Edge(NamedTuple):
    workflow: str
    source: str
    target: str
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.workflow}: {self.step}"

    @property
    def step(self) -> str:
        return f"{self.source} → {self.target}" + (f" on {self.cause}" if self.cause else "")


def definitions(folder: Path = DEFINITIONS) -> dict[str, State]:
    """Return the workflows as Step Functions gets them, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def edges(workflow: str, definition: State) -> list[Edge]:
    """Return the edges of a workflow in the order of its states, those inside a Map or Parallel included."""
    found = [Edge(workflow, START, definition["StartAt"])]
    for name, state in _states(definition):
        found += [Edge(workflow, name, branch["StartAt"]) for branch in inside(state)]
        found += [Edge(workflow, name, target) for target in following(state)]
        for catcher in state.get("Catch", []):
            found += [Edge(workflow, name, catcher["Next"], error) for error in catcher["ErrorEquals"]]
    return list(dict.fromkeys(found))


def all_edges(known: Mapping[str, State]) -> list[Edge]:
    return [edge for workflow, definition in known.items() for edge in edges(workflow, definition)]


def note(workflow: str, source: str, target: str, cause: str = "", how: How = How.SIMULATED, times: int = 1) -> None:
    """Count that executions took an edge, if the environment names a folder for it.

    `workflow` is the workflow's name or that of a state machine made of it, and `cause` is the error that occurred.
    """
    if folder := os.environ.get(FOLDER):
        line = json.dumps([workflow, source, target, cause, how, times])
        with _lock, (Path(folder) / f"{os.getpid()}.edges").open("a") as file:
            file.write(line + "\n")


def listening(workflow: str) -> Callable[..., None]:
    """Return an `on_event` for the interpreter (`testbed/workflows`) that notes each edge of an execution."""

    def on_event(event: str, state: str, **details: Any) -> None:
        if event == "edge":
            note(workflow, state, details["target"], details["cause"])

    return on_event


def noted(folder: Path, known: Mapping[str, State]) -> list[EdgeRecord]:
    """Return what all processes noted in a folder, added up. Edges of other workflows are left out."""
    counts: Counter[tuple[Edge, How]] = Counter()
    for path in folder.glob("*.edges"):
        for *edge, how, number in map(json.loads, path.read_text().splitlines()):
            counts[Edge(*edge), How(how)] += number
    return merged((EdgeRecord(**edge._asdict(), times=times, how=how) for (edge, how), times in counts.items()), known)


def merged(records: Iterable[EdgeRecord], known: Mapping[str, State]) -> list[EdgeRecord]:
    """Return one record for each edge of these workflows and way of finding out, in the order of the edges."""
    order = {edge: number for number, edge in enumerate(all_edges(known))}
    counts: Counter[tuple[Edge, How]] = Counter()
    for record in records:
        if (edge := _known(record, known, order)) is not None:
            counts[edge, record.how] += record.times
    ordered = sorted(counts.items(), key=lambda each: (order[each[0][0]], each[0][1]))
    return [EdgeRecord(**edge._asdict(), times=times, how=how) for (edge, how), times in ordered]


def times(records: Iterable[EdgeRecord]) -> dict[Edge, int]:
    """Return how often each edge was taken, in all ways together."""
    counts: Counter[Edge] = Counter()
    for record in records:
        counts[edge_of(record)] += record.times
    return dict(counts)


def missing(records: Iterable[EdgeRecord], known: Mapping[str, State]) -> list[Edge]:
    """Return the edges that were never taken."""
    taken = times(records)
    return [edge for edge in all_edges(known) if not taken.get(edge)]


def write(records: list[EdgeRecord], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_Records.dump_json(records, indent=1))


def read(path: Path) -> list[EdgeRecord]:
    """Return the edges in a file. Raises OSError, pydantic.ValidationError."""
    return _Records.validate_json(path.read_bytes())


def edge_of(record: EdgeRecord) -> Edge:
    return Edge(record.workflow, record.source, record.target, record.cause)


def workflow_of(machine: str, workflows: Iterable[str]) -> str | None:
    """Return the workflow that a state machine was made of: its name is in that of the machine, in any spelling."""
    folded = _folded(machine)
    return next((name for name in workflows if _folded(name) in folded), None)


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _known(record: EdgeRecord, known: Mapping[str, State], edges: Mapping[Edge, Any]) -> Edge | None:
    """Return the edge as the definition names it: an error that no catcher names is caught as any other."""
    workflow = workflow_of(record.workflow, known)
    if workflow is None:
        return None
    causes = [record.cause, *(ANY_ERROR if record.cause else ())]
    found = [Edge(workflow, record.source, record.target, cause) for cause in causes]
    return next((edge for edge in found if edge in edges), None)


def _states(definition: State) -> Iterator[tuple[str, State]]:
    for name, state in definition["States"].items():
        yield name, state
        for branch in inside(state):
            yield from _states(branch)


def inside(state: State) -> list[State]:
    """Return the definitions inside a Map or a Parallel."""
    return [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]


def following(state: State) -> list[str]:
    """Return where a state leads when it succeeds, `END` included."""
    named = [state.get("Next"), *(choice["Next"] for choice in state.get("Choices", [])), state.get("Default")]
    is_last = state.get("End") or state["Type"] in ("Succeed", "Fail")
    return [*filter(None, named), *([END] if is_last else [])]
