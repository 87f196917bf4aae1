"""The scheduler of testbed/scheduler.py runs every order of calls, and leaves out only equivalent ones."""

from itertools import combinations_with_replacement
from math import comb

import pytest

from testbed.scheduler import Watched, WatchedFake, interleavings


class Calls:
    def __init__(self):
        self.made = []

    def make(self, name):
        self.made.append(name)


@pytest.mark.parametrize("watch", [Watched, WatchedFake])
@pytest.mark.parametrize(("first", "second"), [(0, 3), (1, 1), (2, 3), (4, 4)])
def test_scheduler_tries_every_order_of_the_calls_once(watch, first, second):
    def begin():
        calls = Calls()
        watched = watch(calls)
        actors = [
            lambda name=name, times=times: [watched.make(name) for _ in range(times)]
            for name, times in (("a", first), ("b", second))
        ]
        return calls, actors

    orders = ["".join(run.world.made) for run in interleavings(begin)]

    assert len(orders) == len(set(orders)) == comb(first + second, first)


def test_scheduler_reports_what_an_actor_raises():
    def begin():
        return None, [lambda: 1 / 0, lambda: None]

    [run] = interleavings(begin)

    assert {number: type(failure) for number, failure in run.failures.items()} == {0: ZeroDivisionError}


class Left:
    """A store with one value, changed only from what was read."""

    def __init__(self):
        self.value = 0

    def get(self):
        return self.value

    def swap(self, old, new):
        if self.value != old:
            return False
        self.value = new
        return True


class Right(Left):
    pass


PROGRAMS = {
    "reads": lambda left, right: (left.get(), right.get()),
    "counts left": lambda left, right: left.swap(left.get(), left.get() + 1),
    "copies": lambda left, right: right.swap(right.get(), left.get() + 1),
    "tries again": lambda left, right: [right.swap(right.get(), right.get() + 3) for _ in range(2)],
    "undoes": lambda left, right: left.swap(1, 0) or right.swap(3, 0),
}
THREE = ("reads", "counts left", "undoes")


@pytest.mark.parametrize("names", [*combinations_with_replacement(PROGRAMS, 2), THREE], ids=" | ".join)
def test_scheduler_reaches_every_outcome_without_equivalent_orders(names):
    def begin():
        world = Left(), Right(), {}
        watched = [WatchedFake(fake) for fake in world[:2]]
        run = lambda number, name: world[2].update({number: PROGRAMS[name](*watched)})  # noqa: E731
        return world, [lambda number=number, name=name: run(number, name) for number, name in enumerate(names)]

    def outcomes(reduced):
        runs = [run.world for run in interleavings(begin, reduced)]
        return len(runs), {(left.value, right.value, str(sorted(found.items()))) for left, right, found in runs}

    (few, reached), (many, possible) = outcomes(reduced=True), outcomes(reduced=False)
    assert reached == possible
    assert few < many
