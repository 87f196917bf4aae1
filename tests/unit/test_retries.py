"""Retries pause for a random time below a bound that doubles, and end after so many attempts."""

import pytest

from chalicelib.platform import retries
from chalicelib.platform.retries import CONFLICT_LONGEST, backoff, retry_on_conflict


@pytest.fixture
def bounds(monkeypatch):
    """The longest pauses that were possible, in order; each pause takes half of its bound."""
    asked = []

    def half(least, most):
        assert least == 0, "full jitter: a pause may be as short as nothing"
        asked.append(most)
        return most / 2

    monkeypatch.setattr(retries, "uniform", half)
    return asked


@pytest.fixture
def slept(monkeypatch):
    pauses = []
    monkeypatch.setattr(retries, "sleep", pauses.append)
    return pauses


def test_backoff_doubles_its_bound_up_to_the_longest(bounds, slept):
    assert list(backoff(6, base=0.1, longest=0.5)) == [0, 1, 2, 3, 4, 5]

    assert bounds == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert slept == [bound / 2 for bound in bounds]


def test_first_attempt_does_not_wait(bounds, slept):
    next(backoff(3, base=0.1, longest=1))

    assert slept == []


def test_success_ends_the_pauses(bounds, slept):
    for attempt in retry_on_conflict(5, base=0.02):
        if attempt == 2:
            break

    assert bounds == [0.02, 0.04]


def test_conflict_pauses_are_bounded_however_many_attempts(bounds, slept):
    assert len(list(retry_on_conflict(30))) == 30

    assert max(bounds) == CONFLICT_LONGEST
