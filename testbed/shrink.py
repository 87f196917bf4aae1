"""Shrinking: find a smaller case that fails in the same way, with fewer subjects and fewer faults.

The algorithm is `ddmin`: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from testbed.simulation import Case, Result

Item = TypeVar("Item", bound=Hashable)
Run = Callable[[Case], Result]


def shrunk(run: Run, failed: Result, at_most: int = 200) -> Result:
    """Return the result of the smallest failing case that at most so many runs find. It has a problem of the same kind
    as `failed`."""
    runs = 0
    best = failed

    def fails(case: Case) -> bool:
        nonlocal runs, best
        if runs >= at_most:
            return False
        runs += 1
        result = run(case)
        if not result.kinds & failed.kinds:
            return False
        best = result
        return True

    smaller = True
    while smaller and runs < at_most:
        before = best.case
        # Without subjects or faults that it needs, a case takes another course: each pass starts from the best one.
        minimal(best.case.subjects, lambda few: fails(replace(best.case, subjects=tuple(few))))
        minimal(best.struck, lambda few: fails(replace(best.case, faults=frozenset(few))))
        smaller = best.case != before
    return best


def minimal(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """Return a part of the items that still fails, and of which no single item can be left out. All together fail."""
    left = list(items)
    if fails([]):
        return []
    parts = 2
    while len(left) >= 2:
        size = -(-len(left) // parts)
        chunks = [left[start : start + size] for start in range(0, len(left), size)]
        smaller = next((chunk for chunk in chunks if len(chunk) < len(left) and fails(chunk)), None)
        if smaller is not None:
            left, parts = smaller, 2
            continue
        rest = [[each for each in left if each not in chunk] for chunk in chunks]
        smaller = next((others for others in rest if len(others) < len(left) and fails(others)), None)
        if smaller is not None:
            left, parts = smaller, max(parts - 1, 2)
        elif parts < len(left):
            parts = min(len(left), 2 * parts)
        else:
            break
    return left
