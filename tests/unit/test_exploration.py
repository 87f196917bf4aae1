"""Explicit-state model checking: every state is visited, and a wrong one is shown with the calls that lead to it."""

import re

import pytest

from testbed.exploration import Actor, Recorded, Violation, explore, stand_at, wait_until


class Counter:
    def __init__(self):
        self.value = 0

    def get(self):
        return self.value

    def put(self, value):
        self.value = value

    def add(self):
        self.value += 1

    def swap(self, old, new):
        is_same = self.value == old
        self.value = new if is_same else self.value
        return is_same


class Counters:
    """`programs` are the actors, each with the counters as arguments; at the end, each counter has `expected`."""

    def __init__(self, *programs, expected=None):
        self.counters = Counter(), Counter()
        self.programs = programs
        self.expected = expected

    def actors(self):
        watched = [Recorded(counter) for counter in self.counters]
        return {f"actor {n}": Actor(lambda run=run: run(*watched)) for n, run in enumerate(self.programs, 1)}

    def contents(self):
        return [counter.value for counter in self.counters]

    def violations(self):
        return iter([])

    def unfinished(self):
        if self.expected not in (None, self.counters[0].value):
            yield f"{self.counters[0].value} instead of {self.expected}"


def adds(times, which):
    return lambda *counters: [counters[which].add() for _ in range(times)]


def adds_carelessly(counter, _):
    counter.put(counter.get() + 1)


def adds_with_care(counter, _):
    while not counter.swap(seen := counter.get(), seen + 1):
        stand_at("again")


@pytest.mark.parametrize(("first", "second"), [(0, 3), (1, 1), (4, 6)])
def test_independent_actors_reach_the_product_of_their_states(first, second):
    explored = explore(lambda: Counters(adds(first, 0), adds(second, 1)))

    assert explored.states == (first + 1) * (second + 1)
    assert explored.transitions == first * (second + 1) + second * (first + 1)
    assert (explored.ends, explored.calls) == (1, first + second)


def test_lost_update_is_shown_by_the_calls_that_lead_to_it():
    with pytest.raises(Violation, match="1 instead of 2") as found:
        explore(lambda: Counters(adds_carelessly, adds_carelessly, expected=2))

    assert re.findall(r"actor (\d): (\w+)", str(found.value)) == [
        ("1", "get"),
        ("2", "get"),
        ("2", "put"),
        ("1", "put"),
    ]


def test_optimistic_lock_loses_no_update_of_three_actors():
    explored = explore(lambda: Counters(*[adds_with_care] * 3, expected=3))

    assert explored.ends == 1


def test_bound_of_deviations_leaves_out_states():
    sizes = [explore(lambda: Counters(*[adds(3, 0), adds(3, 1)] * 2), bound).states for bound in (0, 1, None)]

    assert sizes[0] < sizes[1] < sizes[2]
    assert explore(lambda: Counters(adds_carelessly, adds_carelessly, expected=2), 0).ends == 1


def test_actor_that_waits_for_ever_is_a_violation():
    def waits_for_two(counter, _):
        wait_until("two", lambda: counter.value == 2)

    assert explore(lambda: Counters(waits_for_two, adds(2, 0))).ends == 1
    with pytest.raises(Violation, match="actor 1 waits for ever"):
        explore(lambda: Counters(waits_for_two, adds(1, 0)))


def test_exception_of_an_actor_is_a_violation():
    with pytest.raises(Violation, match="actor 1 raised ZeroDivisionError"):
        explore(lambda: Counters(lambda *_: 1 / 0))
