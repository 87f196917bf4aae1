"""Auditor: reads the books, checks the invariants, and confirms each violation by a second read."""

import time
from dataclasses import dataclass

from infra.audit.books import Books, Reader
from infra.audit.invariants import INVARIANTS, under_way

POLL_SECONDS = 0.4


@dataclass(frozen=True)
class Verdict:
    """Result of one invariant: the number of subjects that were checked, and a text for each that violates it."""

    invariant: str
    checked: int
    violations: dict[str, str]


class Auditor:
    """`books` are those that were read last."""

    books: Books

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def look(self) -> tuple[Books, list[str]]:
        """Read the books, and return them with a line for each order, workflow or event that is still in progress."""
        books = self._read()
        return books, under_way(books)

    def _read(self) -> Books:
        self.books = self._reader.read()
        return self.books

    def verdicts(self, second_look_after_seconds: float = 2) -> list[Verdict]:
        """Return a verdict per invariant. The tables are not read at one instant, so a violation must be seen twice."""
        return self._confirmed(judged(self._read()), second_look_after_seconds)

    def violations(self, settle_seconds: float = 90) -> list[str]:
        """Wait until nothing is in progress, then return each violation as a line of text."""
        books, unfinished = self._settled(time.monotonic() + settle_seconds)
        verdicts = self._confirmed(judged(books), 0.5)
        found = [f"{v.invariant}: {s}: {text}" for v in verdicts for s, text in v.violations.items()]
        return [*found, *(f"after {settle_seconds} s still in progress: {each}" for each in unfinished)]

    def _settled(self, deadline: float) -> tuple[Books, list[str]]:
        """Return the books when nothing is in progress, or at the deadline, and what still is.

        They are read only when a cheap check finds nothing in progress."""
        while True:
            is_late = time.monotonic() > deadline
            if is_late or not self._reader.sees_work():
                books, unfinished = self.look()
                if is_late or not unfinished:
                    return books, unfinished
            time.sleep(POLL_SECONDS)

    def _confirmed(self, first: list[Verdict], after_seconds: float) -> list[Verdict]:
        if not any(verdict.violations for verdict in first):
            return first
        time.sleep(after_seconds)
        again = judged(self._read())
        return [
            Verdict(
                now.invariant, now.checked, {s: text for s, text in now.violations.items() if s in before.violations}
            )
            for before, now in zip(first, again, strict=True)
        ]


def judged(books: Books) -> list[Verdict]:
    """Return the verdict of each invariant on these books."""
    verdicts = []
    for invariant in INVARIANTS:
        checked = list(invariant(books))
        violations = {subject: text for subject, text in checked if text}
        verdicts.append(Verdict(str(invariant.__doc__), len(checked), violations))
    return verdicts
