"""Retries: exponential backoff with full jitter, and the optimistic-locking retry that every store shares."""

from collections.abc import Iterator
from random import uniform
from time import sleep

CONFLICT_BASE, CONFLICT_LONGEST = 0.02, 0.5


def backoff(attempts: int, base: float, longest: float) -> Iterator[int]:
    """Yield the number of each attempt, from 0. Sleep before each but the first, for a random time between 0 and a
    bound that starts at `base` seconds and doubles up to `longest`."""
    for attempt in range(attempts):
        if attempt:
            sleep(uniform(0, min(longest, base * 2 ** (attempt - 1))))
        yield attempt


def retry_on_conflict(attempts: int, base: float = CONFLICT_BASE) -> Iterator[int]:
    """Yield up to `attempts` attempts to read an item, decide on it and write it under the condition that it is
    unchanged. The caller leaves the loop when the write succeeds, and raises its own error after the loop."""
    return backoff(attempts, base, CONFLICT_LONGEST)
