"""Invariants that are checked in the simulation only: those for which the audit reads nothing. Yours, for a start.

Each is a function with the invariant as its docstring, as in `infra/audit/invariants.py`. It gets the world and yields
each subject that it checks, with a text that describes the violation, or None.
"""

from collections.abc import Callable, Iterator

from infra.audit.auditor import Verdict
from testbed.shop.world import World

Finding = tuple[str, str | None]
OWN: tuple[Callable[[World], Iterator[Finding]], ...] = ()


def verdicts(world: World) -> list[Verdict]:
    """Return the verdict of each of these invariants."""
    found = []
    for invariant in OWN:
        checked = list(invariant(world))
        violations = {subject: text for subject, text in checked if text}
        found.append(Verdict(str(invariant.__doc__), len(checked), violations))
    return found
