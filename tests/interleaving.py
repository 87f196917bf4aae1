"""Deterministic scheduler: run several actors in every order in which their calls can interleave.

Each call of a watched collaborator is a switch point: the actor pauses before it, and the scheduler chooses who
goes on. A depth-first search makes every choice once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet

World = TypeVar("World")
Actor = Callable[[], object]


@dataclass
class Run(Generic[World]):
    """One schedule: `steps` names actor and call in their order, `failures` what actors raised, by their position."""

    world: World
    steps: list[str] = field(default_factory=list)
    failures: dict[int, Exception] = field(default_factory=dict)


class Watched:
    """Pause the running actor before each call of `target`; outside of an actor, only pass the call on."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            current = getcurrent()
            if isinstance(current, _Paused):
                current.parent.switch(name)
            return found(*arguments, **options)

        return call


class _Paused(greenlet):
    """An actor between two of its calls."""


def interleavings(begin: Callable[[], tuple[World, Sequence[Actor]]]) -> Iterator[Run[World]]:
    """Yield one run for each possible order of the actors' calls; `begin` makes a fresh world and its actors.

    A world must behave the same whenever it meets the same order, or the search raises AssertionError.
    """
    chosen: list[int] = []
    while True:
        run, options = _played(begin, chosen)
        yield run
        chosen += [0] * (len(options) - len(chosen))
        while chosen and chosen[-1] == options[len(chosen) - 1] - 1:
            chosen.pop()
        if not chosen:
            return
        chosen[-1] += 1


def _played(begin: Callable[[], tuple[World, Sequence[Actor]]], chosen: list[int]) -> tuple[Run[World], list[int]]:
    """The run that these choices lead to, first come first after them; and how many choices each step had."""
    world, actors = begin()
    run = Run(world)
    waiting = {number: _Paused(actor) for number, actor in enumerate(actors)}
    options: list[int] = []
    calls: dict[int, str] = {}
    for number in list(waiting):
        _go_on(run, waiting, calls, number)
    while waiting:
        ready = sorted(waiting)
        choice = chosen[len(options)] if len(options) < len(chosen) else 0
        assert choice < len(ready), "the same order must lead to the same choices"
        options.append(len(ready))
        run.steps.append(f"{ready[choice]}:{calls[ready[choice]]}")
        _go_on(run, waiting, calls, ready[choice])
    return run, options


def _go_on(run: Run[World], waiting: dict[int, _Paused], calls: dict[int, str], number: int) -> None:
    """Let one actor make the call that it waits for, up to its next call or its end."""
    actor = waiting[number]
    try:
        calls[number] = actor.switch()
    except Exception as failure:
        run.failures[number] = failure
    if actor.dead:
        del waiting[number]
