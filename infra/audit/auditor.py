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
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def verdicts(self, second_look_after_seconds: float = 2) -> list[Verdict]:
        """On a shop at work the books cannot be read all at one moment, so a violation is looked at twice."""
        first = judged(self._reader.read())
        if not any(verdict.violations for verdict in first):
            return first
        time.sleep(second_look_after_seconds)
        again = judged(self._reader.read())
        return [
            Verdict(now.promise, now.checked, {s: text for s, text in now.violations.items() if s in before.violations})
            for before, now in zip(first, again, strict=True)
        ]

    def findings(self, settle_seconds: float = 90) -> list[str]:
        """Waits until nothing is under way, then every violation as a sentence; none means that the books agree."""
        deadline = time.monotonic() + settle_seconds
        while (unfinished := under_way(self._reader.read())) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        found = [f"{v.promise}: {s}: {text}" for v in self.verdicts(0.5) for s, text in v.violations.items()]
        return [*found, *(f"after {settle_seconds} s still under way: {what}" for what in unfinished)]


def judged(books: Books) -> list[Verdict]:
    verdicts = []
    for invariant in INVARIANTS:
        looked_at = list(invariant(books))
        wrong = {subject: text for subject, text in looked_at if text}
        verdicts.append(Verdict(str(invariant.__doc__), len(looked_at), wrong))
    return verdicts
