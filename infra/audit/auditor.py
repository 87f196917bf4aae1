"""Reading the books and judging them."""

import time
from dataclasses import dataclass

from infra.audit.books import Books, Reader
from infra.audit.invariants import INVARIANTS, under_way

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Verdict:
    """What became of one promise: how many subjects it was checked on, and what is wrong with which."""

    promise: str
    checked: int
    violations: dict[str, str]


class Auditor:
    """`books` is what it read last."""

    books: Books

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def _read(self) -> Books:
        self.books = self._reader.read()
        return self.books

    def verdicts(self, second_look_after_seconds: float = 2) -> list[Verdict]:
        """On a shop at work the books cannot be read all at one moment, so a violation is looked at twice."""
        return self._confirmed(judged(self._read()), second_look_after_seconds)

    def violations(self, settle_seconds: float = 90) -> list[str]:
        """Waits until nothing is under way, then every violation as a sentence; none means that the books agree."""
        books, unfinished = self._settled(time.monotonic() + settle_seconds)
        verdicts = self._confirmed(judged(books), 0.5)
        found = [f"{v.promise}: {s}: {text}" for v in verdicts for s, text in v.violations.items()]
        return [*found, *(f"after {settle_seconds} s still under way: {what}" for what in unfinished)]

    def _settled(self, deadline: float) -> tuple[Books, list[str]]:
        """The books when nothing is under way, or at the deadline, and what is. They are read only when a cheap look
        sees nothing any more."""
        while True:
            is_late = time.monotonic() > deadline
            if is_late or not self._reader.sees_work():
                books = self._read()
                unfinished = under_way(books)
                if is_late or not unfinished:
                    return books, unfinished
            time.sleep(POLL_SECONDS)

    def _confirmed(self, first: list[Verdict], after_seconds: float) -> list[Verdict]:
        if not any(verdict.violations for verdict in first):
            return first
        time.sleep(after_seconds)
        again = judged(self._read())
        return [
            Verdict(now.promise, now.checked, {s: text for s, text in now.violations.items() if s in before.violations})
            for before, now in zip(first, again, strict=True)
        ]


def judged(books: Books) -> list[Verdict]:
    verdicts = []
    for invariant in INVARIANTS:
        looked_at = list(invariant(books))
        wrong = {subject: text for subject, text in looked_at if text}
        verdicts.append(Verdict(str(invariant.__doc__), len(looked_at), wrong))
    return verdicts
