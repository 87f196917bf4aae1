"""Shared cache: one answer for all callers of a period, worked out by one of them under a lease and kept in DynamoDB.

Periods follow the clock, so each has a key of its own in the idempotency store. While one caller works out the answer
of a new period, the others get the answer of the period before.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.idempotency import IdempotencyStore
from chalicelib.platform.retries import backoff

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

KEPT = timedelta(hours=1)
ATTEMPTS, BASE_SECONDS, LONGEST_SECONDS = 6, 0.2, 1

Answer = TypeVar("Answer", bound=BaseModel)


class AnswerPending(Unavailable):
    """Another caller works out the first answer right now. A later try gets it."""


class SharedAnswers:
    """The effects table: the latest answers, by name and period."""

    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock, period: timedelta) -> None:
        self._store = IdempotencyStore(dynamodb, table, clock, kept=KEPT)
        self._clock = clock
        self._period = period

    def current(self, name: str, work: Callable[[], Answer], kind: type[Answer]) -> Answer:
        """Return the answer of this period, from `work` if there is none yet.

        Raise AnswerPending, LeaseLost, or re-raise from `work`; the next call then works it out.
        """
        period = self._clock().timestamp() // self._period.total_seconds()
        for _ in backoff(ATTEMPTS, BASE_SECONDS, LONGEST_SECONDS):
            if kept := self._kept(_key(name, period)):
                return kind.model_validate_json(kept)
            lease = self._store.acquire(_key(name, period))
            if lease:
                with self._store.released_on_error(lease):
                    answer = work()
                self._store.mark_done(lease, answer=answer.model_dump_json())
                return answer
            if kept := self._kept(_key(name, period - 1)):
                return kind.model_validate_json(kept)
        raise AnswerPending

    def _kept(self, key: str) -> str | None:
        return self._store.record(key).get("answer")


def _key(name: str, period: float) -> str:
    return f"shared#{name}#{period:.0f}"
