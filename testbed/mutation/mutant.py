"""Mutant: a program without one of its protections."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kind of the protection that a mutant lacks."""

    CONDITION = "condition"
    """A part of a write's condition."""
    VERSION = "version"
    """A write's condition that the item is as it was read."""
    KEY = "key"
    """A deterministic key or name, under which a repetition is recognised; it is replaced by a random one."""
    LEASE = "lease"
    """The taking, checking or releasing of a lease."""
    CATCH = "catch"
    """A workflow's Catch, or a handler that keeps one failure from stopping the others."""
    RETRY = "retry"
    """A workflow's Retry, or a loop that tries again; it gets one attempt."""
    TIMEOUT = "timeout"
    """A time limit of a workflow's state."""
    DEDUP = "dedup"
    """A handler of an error that says that something was done, or decided otherwise, before."""
    GUARD = "guard"
    """A check of the state that refuses, or ends, what must not be done now."""
    DELIVERY = "delivery"
    """What the template says about delivering again, parking and polling."""


@dataclass(frozen=True)
class Mutant:
    """`id` does not depend on lines; `text` says what is removed."""

    id: str
    kind: Kind
    file: str
    line: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Mutation:
    """A mutant, and the edit that makes it of what it was found in."""

    mutant: Mutant
    edit: Callable[[], Any]


def with_unique_ids(found: Iterable[Mutation]) -> Iterator[Mutation]:
    """Number the mutations whose ids are the same, in their order."""
    seen: Counter[str] = Counter()
    for mutation in found:
        name = mutation.mutant.id
        seen[name] += 1
        if seen[name] > 1:
            yield Mutation(replace(mutation.mutant, id=f"{name}#{seen[name]}"), mutation.edit)
        else:
            yield mutation
