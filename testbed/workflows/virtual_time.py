"""Virtual time: a driver that runs one workflow by itself, in the order of a clock that never waits."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from testbed.workflows.effects import (
    HEARTBEAT_TIMEOUT,
    TIMEOUT,
    AwaitToken,
    Branches,
    CallService,
    Execution,
    ExecutionFailed,
    Failure,
    Invoke,
    Outcome,
    Sleep,
    Success,
)

Call = Invoke | CallService | AwaitToken
Perform = Callable[[Call], Outcome | tuple[float, Outcome]]
"""Return the outcome of a call, and the seconds that it takes."""
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class _Process:
    """An execution, or one of the branches that `parent` waits for."""

    execution: Execution
    parent: "_Process | None" = None
    waiting: list["_Process"] = field(default_factory=list)
    running: list["_Process"] = field(default_factory=list)
    outputs: dict[int, Any] = field(default_factory=dict)
    number: int = 0
    has_ended: bool = False


class VirtualTime:
    """Runs executions. `seconds` is the time since it was made."""

    def __init__(self, perform: Perform) -> None:
        self.seconds = 0.0
        self._perform = perform
        self._queue: list[tuple[float, int, _Process, Outcome | None]] = []
        self._order = count()

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def run(self, execution: Execution, timeout_seconds: float | None = None) -> Any:
        """Run it to its end, or for this long, and return its output. Raises ExecutionFailed."""
        limit = math.inf if timeout_seconds is None else self.seconds + timeout_seconds
        whole = _Process(execution)
        self._later(0, whole, None)
        while True:
            at, _, process, outcome = heapq.heappop(self._queue)
            if at > limit:
                self.seconds = limit
                _stop(whole)
                raise ExecutionFailed(Failure(TIMEOUT, f"The execution took longer than {timeout_seconds:g} seconds."))
            self.seconds = at
            if process.has_ended:
                continue
            try:
                effect = process.execution.send(outcome)
            except StopIteration as end:
                if process is whole:
                    return end.value
                self._end(process, Success(end.value))
            except ExecutionFailed as failed:
                if process is whole:
                    raise
                self._end(process, failed.failure)
            else:
                self._begin(process, effect)

    def _later(self, seconds: float, process: _Process, outcome: Outcome | None) -> None:
        heapq.heappush(self._queue, (self.seconds + seconds, next(self._order), process, outcome))

    def _begin(self, process: _Process, effect: Call | Sleep | Branches) -> None:
        if isinstance(effect, Sleep):
            self._later(effect.seconds, process, Success())
        elif not isinstance(effect, Branches):
            seconds, outcome = _limited(effect, self._perform(effect))
            self._later(seconds, process, outcome)
        elif not effect.branches:
            self._later(0, process, Success([]))
        else:
            process.outputs = {}
            process.waiting = [_Process(each, process, number=n) for n, each in enumerate(effect.branches)]
            for _ in range(effect.limit or len(effect.branches)):
                self._start_next(process)

    def _start_next(self, parent: _Process) -> None:
        if parent.waiting:
            parent.running.append(parent.waiting.pop(0))
            self._later(0, parent.running[-1], None)

    def _end(self, branch: _Process, outcome: Outcome) -> None:
        parent = branch.parent
        assert parent is not None
        branch.has_ended = True
        parent.running.remove(branch)
        if isinstance(outcome, Failure):
            for each in [*parent.running, *parent.waiting]:
                _stop(each)
            parent.running, parent.waiting = [], []
            self._later(0, parent, outcome)
            return
        parent.outputs[branch.number] = outcome.output
        self._start_next(parent)
        if not parent.running:
            self._later(0, parent, Success([parent.outputs[number] for number in sorted(parent.outputs)]))


def _stop(process: _Process) -> None:
    """End a branch and the branches in it."""
    process.has_ended = True
    for each in [*process.running, *process.waiting]:
        _stop(each)
    process.execution.close()


def _limited(call: Call, answer: Outcome | tuple[float, Outcome]) -> tuple[float, Outcome]:
    """Return the answer of the call, or a timeout if its limit passes first."""
    seconds, outcome = answer if isinstance(answer, tuple) else (0.0, answer)
    limits = [(call.timeout_seconds, TIMEOUT)]
    if isinstance(call, AwaitToken):
        limits.append((call.heartbeat_seconds, HEARTBEAT_TIMEOUT))
    for limit, error in sorted((limit, error) for limit, error in limits if limit is not None):
        if seconds > limit:
            return limit, Failure(error, f"{call.state} took longer than {limit:g} seconds.")
    return seconds, outcome
