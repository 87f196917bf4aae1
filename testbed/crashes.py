"""Crash points: each call that an application makes in a run is a place where its process can die.

A process dies before a call, or after the call took effect and before it knows. What was delivered to it is delivered
again, and every promise must still hold.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from testbed.plan import FaultPlan
from testbed.simulation import Application, Case, Result, simulate

BEFORE, AFTER = FaultPlan.of("*=kill@0"), FaultPlan.of("*=kill_after@0")
"""Faults that can strike anywhere, and strike where a case names the call."""
PLANS = {"before": BEFORE, "after": AFTER}
BOTH = FaultPlan(faults=(*BEFORE.faults, *AFTER.faults))
CALL = re.compile(r"(?P<task>.+)#(?P<number>\d+)")


@dataclass(frozen=True, order=True)
class Point:
    """A crash of the task `task` before or after its call `number`."""

    task: str
    number: int
    when: str

    @property
    def fault(self) -> str:
        """Return the name of the fault under the plan BOTH."""
        return f"{list(PLANS).index(self.when)}:{self.task}#{self.number}"

    def __str__(self) -> str:
        return f"{self.task} dies {self.when} call {self.number}"


def points(application: Application, case: Case, *first: Point) -> list[Point]:
    """Return the crash points of a run, or of the calls that come after other crashes."""
    run = crashed(application, case, *first)
    known = {point.task for point in first}
    return [
        Point(found["task"], int(found["number"]), when)
        for call in run.calls
        if (found := CALL.fullmatch(call)) and found["task"] not in known
        for when in PLANS
    ]


def crashed(application: Application, case: Case, *crashes: Point) -> Result:
    """Run a case in which these crashes, and no other faults, happen."""
    faults = frozenset(point.fault for point in crashes)
    return simulate(application, Case(case.seed, case.subjects, faults), BOTH)


def pairs(application: Application, case: Case, tasks: Sequence[str], every: int = 1) -> Iterator[tuple[Point, Point]]:
    """Yield the pairs of crashes of invocations whose names begin with one of `tasks`, the second after the first.

    Of the first crashes, one in so many (`every`) is taken.
    """
    of_tasks = [point for point in points(application, case) if point.task.startswith(tuple(tasks))]
    for first in of_tasks[::every]:
        for second in points(application, case, first):
            if second.task.startswith(tuple(tasks)):
                yield first, second
