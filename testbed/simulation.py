"""Simulation: runs an application under one seed, first with faults and then without, and judges what is left.

The adapter (`Application`) brings the application into the simulated cloud. A run is named by its `Case`; the same case
gives the same run, byte for byte.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from testbed import coverage
from testbed.loop import Loop, Stuck
from testbed.plan import Fault, FaultPlan, Injector, Site, What
from testbed.rarely import collected_rarely
from testbed.record import EdgeRecord, Entry, Injected, Outcome, RunRecord, VerdictRecord

CHECK_SECONDS = 30.0
"""Between two looks whether a run has come to rest."""
OPERATE_SECONDS = 600.0
"""Between two rounds of an operator."""
ROUNDS, ROUND_SECONDS = 2, 3700.0
"""After everything has ended, each scheduled job runs so often again, more than an hour apart."""
LIMIT_SECONDS = 3 * 86_400.0


@dataclass(frozen=True)
class Case:
    """What is run: a seed with a number of subjects (orders). A shrunk case names the only ones that take part, and the
    only faults that strike."""

    seed: int
    subjects: tuple[int, ...]
    faults: frozenset[str] | None = None

    @classmethod
    def of(cls, seed: int, count: int) -> "Case":
        return cls(seed, tuple(range(count)))


class World(Protocol):
    """An application in the simulated cloud. Its code runs within `patched`."""

    loop: Loop

    def patched(self) -> AbstractContextManager[None]: ...

    def begin(self, subjects: Sequence[int]) -> None:
        """Fill the tables, and start the people who act in the run."""

    def is_at_rest(self) -> bool:
        """Return whether the people have gone and nothing is under way, apart from dead letters."""

    def unfinished(self) -> list[str]:
        """Return a line for each subject that has not ended."""

    def operate(self) -> None:
        """Do what an operator does from time to time, such as a redrive of dead letters. It runs as a task."""

    def stop_schedules(self) -> None: ...

    def run_jobs(self) -> None:
        """Run each scheduled job once."""

    def verdicts(self) -> list[VerdictRecord]: ...

    def strains(self) -> list[str]:
        """Return a line for each time that only a second line of defence, or an operator, made good what failed."""

    def outcomes(self) -> list[Outcome]: ...

    def edges(self) -> list[EdgeRecord]: ...


class Application(Protocol):
    """What the adapter of an application provides."""

    name: str
    plan: FaultPlan
    """The faults of a run, if no other ones are asked for."""

    def world(self, seed: int, injector: Injector, history: "History") -> World: ...


class History:
    """What happened in a run, in order. Its digest shows whether two runs are the same; it is kept if asked for."""

    def __init__(self, is_kept: bool) -> None:
        self._digest = blake2b(digest_size=16)
        self._is_kept = is_kept
        self.entries: list[Entry] = []
        self.steps = 0

    def note(
        self, at: float, source: str, target: str, text: str, subject: str | None = None, fault: What | None = None
    ) -> None:
        self.steps += 1
        self._digest.update(f"{at:.6f} {source} {target} {text} {subject} {fault}\n".encode())
        if self._is_kept:
            self.entries.append(
                Entry(
                    at=round(at, 3),
                    source=source.partition("(")[0],
                    target=target,
                    text=text,
                    subject=subject,
                    fault=fault,
                )
            )

    def call(self, at: float, source: str, site: Site, subject: str | None, fault: Fault | None) -> None:
        what = fault.what if fault else None
        self.note(at, source, site.resource or site.boundary, site.operation, subject, what)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


@dataclass
class Result:
    """Result of a run. `problems` are empty if it holds every promise. `struck` names the faults that were injected,
    `calls` all calls. `strains` are no problems: see `World`."""

    case: Case
    record: RunRecord
    digest: str
    steps: int
    problems: list[str] = field(default_factory=list)
    struck: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    strains: tuple[str, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """Return what went wrong, without whom it concerns."""
        return frozenset(problem.partition(":")[0] for problem in self.problems)


def simulate(application: Application, case: Case, plan: FaultPlan | None = None, keep: bool = False) -> Result:
    """Run a case. With `keep`, the record holds the whole history."""
    plan = application.plan if plan is None else plan
    injector, history = Injector(plan, case.seed, case.faults), History(keep)
    world = application.world(case.seed, injector, history)
    problems: list[str] = []
    with collected_rarely(), world.patched():
        world.begin(case.subjects)
        try:
            _to_rest(world, _last_fault(plan))
        except Stuck as stuck:
            problems += [f"Every order ends, and every queue drains: {stuck}: {line}" for line in world.unfinished()]
        verdicts = world.verdicts()
        outcomes, edges, strains = world.outcomes(), world.edges(), world.strains()
    for edge in edges:
        coverage.note(*coverage.edge_of(edge), edge.how, edge.times)
    problems += [
        f"{verdict.invariant}: {subject}: {text}"
        for verdict in verdicts
        for subject, text in verdict.violations.items()
    ]
    record = RunRecord(
        name=f"simulation of {application.name}",
        seed=case.seed,
        plan=plan,
        started_at=world.loop.time.isoformat(),
        seconds=world.loop.now,
        outcomes=outcomes,
        injected=[Injected(site=site, what=what, times=n) for (site, what), n in sorted(injector.injected.items())],
        verdicts=verdicts,
        edges=edges,
        entries=history.entries,
    )
    found = tuple(injector.struck), tuple(injector.calls), tuple(strains)
    return Result(case, record, history.digest, history.steps, problems, *found)


def _last_fault(plan: FaultPlan) -> float:
    return max((fault.until or 0 for fault in plan.faults), default=0)


def _to_rest(world: World, faults_end: float) -> None:
    """Run until everything has ended, the jobs some more times, and then until nothing is under way. Raises Stuck."""
    loop = world.loop

    def operate() -> None:
        loop.spawn(loop.unique("operator"), world.operate)
        loop.after(OPERATE_SECONDS, operate)

    loop.at(faults_end + OPERATE_SECONDS, operate)
    loop.run(
        _at_intervals(loop, lambda: loop.now > faults_end and world.is_at_rest() and not world.unfinished()),
        LIMIT_SECONDS,
    )
    world.stop_schedules()
    for round_number in range(1, ROUNDS + 1):
        loop.after(round_number * ROUND_SECONDS, world.run_jobs)
    end = loop.now + (ROUNDS + 1) * ROUND_SECONDS
    loop.run(lambda: loop.now >= end, LIMIT_SECONDS)
    loop.run(_at_intervals(loop, lambda: world.is_at_rest() and not world.unfinished()), loop.now + 86_400)


def _at_intervals(loop: Loop, holds: Callable[[], bool]) -> Callable[[], bool]:
    """Return a condition that is looked at from time to time only."""
    next_look = loop.now

    def look() -> bool:
        nonlocal next_look
        if loop.now < next_look:
            return False
        next_look = loop.now + CHECK_SECONDS
        return holds()

    return look
