"""Fault injection: makes requests of the shop fail on demand. A fault is planned by the control API, or by a payment's
card (`pm_card_fault_confirm_errorAfter`, also with `_always`) or metadata
(`sandbox_fault` = `confirm:error_after,capture:slow`)."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

from infra.stripe_sandbox.answers import Refusal, internal_failure, invalid_request, rate_limited
from infra.stripe_sandbox.ids import new_id

ANY = "any"
OPERATIONS = ("create", "confirm", "capture", "cancel", "refund", "retrieve", ANY)

ERROR_BEFORE, ERROR_AFTER = "error_before", "error_after"
TIMEOUT, RATE_LIMITED, SLOW = "timeout", "rate_limited", "slow"
STICKY_ERROR, STICKY_ERROR_AFTER = "sticky_error", "sticky_error_after"
HOLD_EXPIRES = "hold_expires"

# Faults of the transport: they also apply to a request whose response is stored under its idempotency key.
_ON_THE_WAY = (ERROR_BEFORE, ERROR_AFTER, TIMEOUT, RATE_LIMITED, SLOW)
KINDS = (*_ON_THE_WAY, STICKY_ERROR, STICKY_ERROR_AFTER, HOLD_EXPIRES)

# Faults that prevent the execution of a request, with the response that they cause.
REFUSALS: dict[str, Callable[[], Refusal]] = {ERROR_BEFORE: internal_failure, RATE_LIMITED: rate_limited}

METADATA = "sandbox_fault"

_DEFAULT_SECONDS = {TIMEOUT: 30.0, SLOW: 2.0, HOLD_EXPIRES: 0.5}
_HOLDING = ("confirm", "capture")


@dataclass(frozen=True)
class Fault:
    """A planned fault. It applies `times` times, always if 0: in total if it has an id, otherwise per payment.

    With a `probability`, it applies to that share of the requests, which `seed` chooses."""

    operation: str
    kind: str
    seconds: float
    times: int = 1
    order_id: str | None = None
    id: str | None = None
    probability: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Target:
    """A request that faults are matched with. A fault's `times` are counted per `subject`."""

    account: str
    operations: tuple[str, ...]
    order_id: str | None
    subject: str
    card: str | None
    metadata: dict[str, str]


def fault(operation: str, kind: str, seconds: float | None = None, **details: Any) -> Fault:
    given = _DEFAULT_SECONDS.get(kind, 0.0) if seconds is None else seconds
    return Fault(operation, kind, given, **details)


def is_possible(operation: str, kind: str) -> bool:
    return operation in OPERATIONS and kind in KINDS and (kind != HOLD_EXPIRES or operation in _HOLDING)


def impossible(operation: str, kind: str, param: str) -> Refusal:
    return invalid_request(
        f"There is no fault {operation}:{kind}. An operation is one of {', '.join(OPERATIONS)}, a kind one "
        f"of {', '.join(KINDS)}; {HOLD_EXPIRES} goes with {' and '.join(_HOLDING)} only.",
        param=param,
    )


def _camel_case(kind: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), kind)


# Faults by the name of their card, without `pm_card_`.
BY_CARD = {
    f"fault_{operation}_{_camel_case(kind)}{suffix}": fault(operation, kind, times=times)
    for operation, kind, (suffix, times) in product(OPERATIONS, KINDS, (("", 1), ("_always", 0)))
    if is_possible(operation, kind)
}


def _of_metadata(metadata: dict[str, str]) -> list[Fault]:
    wishes = [wish.strip().partition(":") for wish in metadata.get(METADATA, "").split(",") if wish.strip()]
    for operation, _, kind in wishes:
        if not is_possible(operation, kind):
            raise impossible(operation, kind, f"metadata[{METADATA}]")
    return [fault(operation, kind) for operation, _, kind in wishes]


class Faults:
    """Faults that the control API planned, by account, and how often each one was applied."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._by_account: dict[str, list[Fault]] = {}
        self._struck: Counter[tuple[str | None, ...]] = Counter()
        self._random: dict[str | None, Random] = {}

    def add(self, account: str, operation: str, kind: str, **details: Any) -> Fault:
        added = fault(operation, kind, **details, id=new_id("fault"))
        with self._turn:
            self._by_account.setdefault(account, []).append(added)
            self._random[added.id] = Random(f"{added.seed}:{operation}:{kind}")
        return added

    def of(self, account: str) -> list[tuple[Fault, int]]:
        with self._turn:
            return [(each, self._struck[(each.id,)]) for each in self._by_account.get(account, ())]

    def clear(self, account: str) -> int:
        with self._turn:
            return len(self._by_account.pop(account, ()))

    def active(self) -> int:
        """Return the number of active faults of all accounts."""
        with self._turn:
            everyone = [each for planned in self._by_account.values() for each in planned]
            return sum(self._is_left(each, (each.id,)) for each in everyone)

    def strike(self, target: Target, replayed: bool) -> Fault | None:
        """Return the first fault that matches the request or its stored response, and count it as applied."""
        brought_along = [*_of_metadata(target.metadata), *filter(None, [BY_CARD.get(target.card or "")])]
        with self._turn:
            for each in (*self._by_account.get(target.account, ()), *brought_along):
                key = (each.id,) if each.id else (target.account, target.subject, each.operation, each.kind)
                if _hits(each, target, replayed) and self._is_left(each, key) and self._is_drawn(each):
                    self._struck[key] += 1
                    return each
        return None

    def _is_left(self, each: Fault, key: tuple[str | None, ...]) -> bool:
        return each.times == 0 or self._struck[key] < each.times

    def _is_drawn(self, each: Fault) -> bool:
        return each.probability >= 1 or self._random[each.id].random() < each.probability


def _hits(each: Fault, target: Target, replayed: bool) -> bool:
    return (
        each.operation in (*target.operations, ANY)
        and each.order_id in (None, target.order_id)
        and (each.kind in _ON_THE_WAY or not replayed)
    )
