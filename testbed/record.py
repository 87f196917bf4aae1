"""Record of a run: what happened, what was injected, how each order ended, and the verdicts on it.

Simulation, chaos run and report share it; it is written and read as JSON.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from testbed.plan import FaultPlan, What


class Entry(BaseModel):
    """One arrow between two participants, as in a sequence diagram. `at` are seconds since the run began.

    Participants have the names of the template: functions, queues, tables, workflows; besides them `buyer`,
    `payments` and `warehouse`. `subject` is the id of the order that it concerns, if known.
    """

    model_config = ConfigDict(frozen=True)

    at: float
    source: str
    target: str
    text: str
    subject: str | None = None
    fault: What | None = None


class Outcome(BaseModel):
    """How one order ended. `seconds` is the time from its placing to its end, None if it never ended."""

    model_config = ConfigDict(frozen=True)

    subject: str
    status: str
    reason: str | None = None
    seconds: float | None = None
    retries: int = 0
    compensations: int = 0
    faults: int = 0


class Injected(BaseModel):
    """How often a fault was injected at a site."""

    model_config = ConfigDict(frozen=True)

    site: str
    what: What
    times: int


class VerdictRecord(BaseModel):
    """Result of one invariant: subjects that were checked, and a text for each that violates it."""

    model_config = ConfigDict(frozen=True)

    invariant: str
    checked: int
    violations: dict[str, str] = {}


class How(StrEnum):
    """What took an edge of a workflow."""

    EXECUTED = "executed"
    """An execution on AWS or its emulator."""
    SIMULATED = "simulated"
    """An execution in the simulator."""
    SINGLE = "single"
    """A call of TestState, which runs one state with a given answer."""


class EdgeRecord(BaseModel):
    """How often an execution took an edge of a workflow. `cause` is the error that a catch names, or ''."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    source: str
    target: str
    cause: str = ""
    times: int
    how: How = How.EXECUTED


class RunRecord(BaseModel):
    """One run of the test bed. `entries` are those of the orders worth showing, in order of time."""

    name: Annotated[str, Field(description="What ran: a simulation, or a run with real concurrency.")]
    seed: int
    command: Annotated[str, Field(description="Repeats the run.")] = ""
    plan: FaultPlan = FaultPlan()
    started_at: str
    seconds: float
    outcomes: list[Outcome] = []
    injected: list[Injected] = []
    verdicts: list[VerdictRecord] = []
    edges: list[EdgeRecord] = []
    entries: list[Entry] = []

    @property
    def violations(self) -> int:
        return sum(len(verdict.violations) for verdict in self.verdicts)


def joined(records: Sequence[RunRecord]) -> RunRecord:
    """Return several runs of one kind as one: all orders and entries, and the sums of faults, verdicts and edges."""
    injected: Counter[tuple[str, What]] = Counter()
    checked: Counter[str] = Counter()
    violations: dict[str, dict[str, str]] = {}
    edges: Counter[tuple[str, ...]] = Counter()
    for record in records:
        injected.update({(each.site, each.what): each.times for each in record.injected})
        for verdict in record.verdicts:
            checked[verdict.invariant] += verdict.checked
            violations.setdefault(verdict.invariant, {}).update(
                {f"seed {record.seed}, {subject}": text for subject, text in verdict.violations.items()}
            )
        edges.update(
            {(each.workflow, each.source, each.target, each.cause, each.how): each.times for each in record.edges}
        )
    first = records[0]
    return first.model_copy(
        update={
            "name": f"{first.name}, {len(records)} seeds",
            "seconds": sum(record.seconds for record in records),
            "outcomes": [outcome for record in records for outcome in record.outcomes],
            "injected": [Injected(site=site, what=what, times=n) for (site, what), n in sorted(injected.items())],
            "verdicts": [
                VerdictRecord(invariant=name, checked=n, violations=violations[name]) for name, n in checked.items()
            ],
            "edges": [
                EdgeRecord(workflow=workflow, source=source, target=target, cause=cause, how=How(how), times=n)
                for (workflow, source, target, cause, how), n in sorted(edges.items())
            ],
            "entries": [entry for record in records for entry in record.entries],
        }
    )
