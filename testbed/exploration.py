"""Explicit-state model checking: visit every state that actors reach in any order of their calls, as TLC does for TLA+.

The actors are real functions; each call of a recorded collaborator is one transition. A state is what the collaborators
hold and where each actor stands. An actor is deterministic, so it stands where the answers that it got have led it.
A state that was visited before is not followed again.

States cannot be copied out of running functions, so each path is played from the beginning. Usually an actor goes on
until it waits or ends, and then the first one that can. Paths with few deviations from that come first: a violation is
shown by a simple schedule, and a bound on the deviations (delay-bounded scheduling) explores the most telling part of a
space that is too large.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple, Protocol

from greenlet import getcurrent
from pydantic import BaseModel

from testbed.scheduler import Known, Process, Watched, abandon

PLAIN = {str, int, bool, float, bytes, type(None), datetime}


@dataclass(frozen=True)
class Actor:
    """`must_end` is False for one that may wait for ever, such as a consumer. One that runs `when_idle` goes on only
    where no other can, such as a clock."""

    run: Callable[[], object]
    must_end: bool = True
    when_idle: bool = False


class World(Protocol):
    """What the actors share. `contents` is all that decides what comes next, in plain values and models.

    `violations` are those of a state (safety), `unfinished` those of a state in which no actor can go on (liveness).
    """

    def actors(self) -> Mapping[str, Actor]: ...

    def contents(self) -> Any: ...

    def violations(self) -> Iterator[str]: ...

    def unfinished(self) -> Iterator[str]: ...


class Violation(AssertionError):
    """A state that must not be reached, with the calls that lead to it."""


@dataclass
class Explored:
    """`ends` are the states in which no actor can go on; `deviations` is the bound, None without one."""

    deviations: int | None
    states: int = 0
    transitions: int = 0
    ends: int = 0
    calls: int = 0
    """The length of the longest path."""

    def __str__(self) -> str:
        bound = "all orders" if self.deviations is None else f"up to {self.deviations} deviations"
        return f"{self.states} states, {self.transitions} transitions, {self.ends} ends, {self.calls} calls ({bound})"


class Recorded(Watched):
    """A watched object whose answers are part of where an actor stands."""

    def _made(self, actor: Process, call: Callable[[], Any]) -> Any:
        try:
            answer = call()
        except Exception as failure:
            _remember(actor, (type(failure).__name__, str(failure)))
            raise
        _remember(actor, answer)
        return answer


class RecordedRead:
    """A function without effect, such as a clock: reading it is no transition of its own."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read

    def __call__(self) -> Any:
        found, actor = self._read(), getcurrent()
        if isinstance(actor, Process):
            _remember(actor, found)
        return found


@dataclass(frozen=True)
class _Wait:
    what: str
    is_over: Callable[[], bool]

    def __str__(self) -> str:
        return self.what


def wait_until(what: str, is_over: Callable[[], bool]) -> None:
    """Pause the running actor until `is_over` returns True, which must follow from the contents of the world."""
    actor = getcurrent()
    assert isinstance(actor, Process)
    actor.parent.switch(_Wait(what, is_over))
    _remember(actor, what)


def stand_at(place: Hashable) -> None:
    """Declare that nothing but `place` decides what the running actor does from here on: it may forget its past."""
    actor = getcurrent()
    assert isinstance(actor, Process)
    actor.past = hash(place)


def explore(begin: Callable[[], World], deviations: int | None = None) -> Explored:
    """Visit all states, or those that need at most so many deviations. Raises Violation."""
    explored, seen, visited = Explored(deviations), set(), set()
    paths: list[tuple[int, int, _Branch | None]] = [(0, 0, None)]
    numbers = count(1)
    while paths:
        cost, _, branch = heappop(paths)
        run = _Run(begin(), branch)
        while True:
            state = run.fingerprint()
            # With a bound, it matters who went last: going on with the same actor is no deviation.
            node = state if deviations is None else hash((state, run.last))
            if node in visited:
                break
            visited.add(node)
            ready = run.ready()
            if state not in seen:
                seen.add(state)
                explored.transitions += len(ready)
                explored.ends += not ready
                explored.states = len(seen)
                explored.calls = max(explored.calls, len(run.steps))
                run.check(bool(ready), explored)
            if not ready:
                break
            usual = run.last if run.last in ready else ready[0]
            for other in ready:
                if other != usual and (deviations is None or cost < deviations):
                    heappush(paths, (cost + 1, next(numbers), _Branch(run.path, other, run.pasts)))
            run.step(usual)
        run.abandon()
    return explored


class _Branch(NamedTuple):
    """Where a path leaves another one: after that one's calls, and with what its actors remember, `step` comes next.

    `path` is a linked list, because paths share their beginnings.
    """

    path: tuple[Any, ...]
    step: str
    pasts: dict[str, int]


class _Run:
    """A world on one path."""

    def __init__(self, world: World, branch: _Branch | None) -> None:
        self.world = world
        self.path: tuple[Any, ...] = ()
        self.steps: list[str] = []
        self.last = ""
        self._known: Known = {}
        self._actors = world.actors()
        self._processes = {name: Process(actor.run) for name, actor in self._actors.items()}
        self._waits: dict[str, Any] = {}
        for name in self._processes:
            self._go_on(name)
        if branch:
            self._follow(branch.path)
        for name, process in self._processes.items():
            process.past = branch.pasts[name] if branch else 0
            process.known = self._known
        if branch:
            self.step(branch.step)

    def _follow(self, path: tuple[Any, ...]) -> None:
        names = []
        while path:
            path, name = path
            names.append(name)
        for name in reversed(names):
            self.step(name)

    @property
    def pasts(self) -> dict[str, int]:
        return {name: process.past for name, process in self._processes.items()}

    def step(self, name: str) -> None:
        """Let one actor make the call that it waits for, up to its next call or its end."""
        self.steps.append(f"{name}: {self._waits[name]}")
        self.path, self.last = (self.path, name), name
        self._go_on(name)

    def ready(self) -> list[str]:
        able = [name for name, wait in self._waits.items() if not isinstance(wait, _Wait) or wait.is_over()]
        return [name for name in able if not self._actors[name].when_idle] or able

    def fingerprint(self) -> int:
        stands = [(name, str(wait), self._processes[name].past) for name, wait in sorted(self._waits.items())]
        return hash((tuple(stands), fingerprint(self.world.contents(), self._known)))

    def check(self, goes_on: bool, explored: Explored) -> None:
        found = list(self.world.violations())
        if not goes_on:
            found += self.world.unfinished()
            found += [f"{name} waits for ever" for name in self._waits if self._actors[name].must_end]
        if found:
            raise Violation("\n".join([*found, f"after {explored}:", *self.steps]))

    def abandon(self) -> None:
        abandon(self._processes.values())

    def _go_on(self, name: str) -> None:
        process = self._processes[name]
        try:
            self._waits[name] = process.switch()
        except Exception as failure:
            raise Violation("\n".join([f"{name} raised {failure!r}", *self.steps])) from failure
        if process.dead:
            del self._waits[name]


def fingerprint(value: Any, known: Known) -> Hashable:
    """Return a hash of plain values, containers, models and data classes. `known` holds those of immutable ones."""
    kind = type(value)
    if kind in PLAIN:
        return hash(value)
    if kind is list or kind is tuple:
        return hash(tuple([fingerprint(each, known) for each in value]))
    if kind is dict:
        return hash(frozenset([(key, fingerprint(each, known)) for key, each in value.items()]))
    if id(value) not in known:
        if not isinstance(value, BaseModel) and not is_dataclass(value):
            return hash(value)
        known[id(value)] = value, hash((kind.__name__, fingerprint(value.__dict__, known)))
    return known[id(value)][1]


def _remember(actor: Process, answer: Any) -> None:
    if actor.known is not None:
        actor.past = hash((actor.past, fingerprint(answer, actor.known)))
