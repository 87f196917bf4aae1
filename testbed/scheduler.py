"""Deterministic scheduler: run several actors in every order of their calls that can make a difference.

Each call of a watched collaborator is a switch point: the actor pauses before it, and the scheduler chooses who goes
on. A depth-first search makes every choice, except those that partial-order reduction (sleep sets) shows redundant:
two calls commute if they go to different fakes, or if neither changes the fake that they share.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet

World = TypeVar("World")
Actor = Callable[[], object]
Known = dict[int, tuple[Any, Hashable]]


@dataclass
class Run(Generic[World]):
    """One schedule: `steps` names actor and call in their order, `failures` what actors raised, by their position."""

    world: World
    steps: list[str] = field(default_factory=list)
    failures: dict[int, Exception] = field(default_factory=dict)


@dataclass(frozen=True)
class Footprint:
    """Which kind of fake a call touched, and whether it changed it; without a kind, it may have touched anything."""

    fake: type | None = None
    is_write: bool = True

    def commutes_with(self, other: "Footprint") -> bool:
        if self.fake is None or other.fake is None:
            return False
        return self.fake != other.fake or not (self.is_write or other.is_write)


class Watched:
    """Pause the running actor before each call of `target`; outside of an actor, only pass the call on."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            actor = getcurrent()
            if not isinstance(actor, Process):
                return found(*arguments, **options)
            actor.parent.switch(name)
            return self._made(actor, lambda: found(*arguments, **options))

        return call

    def _made(self, actor: "Process", call: Callable[[], Any]) -> Any:
        actor.footprint = Footprint()
        return call()


class WatchedFake(Watched):
    """A watched object that keeps all its state in its own attributes and shares none of it with another."""

    def _made(self, actor: "Process", call: Callable[[], Any]) -> Any:
        before = _contents(vars(self._target))
        try:
            return call()
        finally:
            actor.footprint = Footprint(type(self._target), _contents(vars(self._target)) != before)


def _contents(held: Any) -> Any:
    """A copy of nested containers; the values in them never change."""
    if isinstance(held, dict):
        return {key: _contents(value) for key, value in held.items()}
    if isinstance(held, list):
        return [_contents(value) for value in held]
    return held.copy() if isinstance(held, set) else held


class Process(greenlet):
    """An actor between two of its calls; `footprint` is that of its last call. With `known`, hashes of objects by their
    id, `past` is a hash of all answers so far."""

    footprint = Footprint()
    past = 0
    known: Known | None = None


@dataclass
class _Choice:
    """A step of a schedule: who could go on, who does, and whose call needs no look from here on (`asleep`)."""

    ready: list[int]
    asleep: dict[int, Footprint]
    actor: int = -1
    footprint: Footprint = Footprint()

    def take_next(self) -> bool:
        """Choose the next one that is left; return False if there is none."""
        left = [number for number in self.ready if number not in self.asleep]
        self.actor = left[0] if left else -1
        return bool(left)


def interleavings(begin: Callable[[], tuple[World, Sequence[Actor]]], reduced: bool = True) -> Iterator[Run[World]]:
    """Yield one run per order of the actors' calls, and of equivalent orders only one; `begin` makes a fresh world and
    its actors. Without `reduced`, yield the equivalent ones too.

    A world must behave the same whenever it meets the same order, or the search raises AssertionError.
    """
    path: list[_Choice] = []
    while True:
        run, is_complete = _played(begin, path, reduced)
        if is_complete:
            yield run
        while path:
            path[-1].asleep[path[-1].actor] = path[-1].footprint
            if path[-1].take_next():
                break
            path.pop()
        if not path:
            return


def _played(
    begin: Callable[[], tuple[World, Sequence[Actor]]], path: list[_Choice], reduced: bool
) -> tuple[Run[World], bool]:
    """Follow `path`, then extend it to the end; return False if every way on from there was seen in another order."""
    world, actors = begin()
    run = Run(world)
    waiting = {number: Process(actor) for number, actor in enumerate(actors)}
    calls: dict[int, str] = {}
    for number in list(waiting):
        _go_on(run, waiting, calls, number)
    asleep: dict[int, Footprint] = {}
    for depth in count():
        if not waiting:
            return run, True
        if depth == len(path):
            choice = _Choice(sorted(waiting), asleep)
            if not choice.take_next():
                abandon(waiting.values())
                return run, False
            path.append(choice)
        choice = path[depth]
        assert choice.ready == sorted(waiting), "the same order must lead to the same choices"
        run.steps.append(f"{choice.actor}:{calls[choice.actor]}")
        choice.footprint = _go_on(run, waiting, calls, choice.actor)
        known = choice.asleep.items() if reduced else ()
        asleep = {number: touched for number, touched in known if touched.commutes_with(choice.footprint)}
    raise AssertionError("unreachable")


def _go_on(run: Run[World], waiting: dict[int, Process], calls: dict[int, str], number: int) -> Footprint:
    """Let one actor make the call that it waits for, up to its next call or its end; return what the call touched."""
    actor = waiting[number]
    try:
        calls[number] = actor.switch()
    except Exception as failure:
        run.failures[number] = failure
    if actor.dead:
        del waiting[number]
    return actor.footprint


def abandon(waiting: Iterable[Process]) -> None:
    """End actors that wait for their next call."""
    for actor in waiting:
        while not actor.dead:
            actor.throw()
