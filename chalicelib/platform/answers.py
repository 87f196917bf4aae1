"""Idempotency store for requests whose effect is in no table of ours: the answer is kept with its key.

A request that dies between its effect and its answer is worked on again after the lease: the effect must bear that.
What changes a table of ours keeps its key in the transaction of the change instead.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Clock
from chalicelib.platform.idempotency import IdempotencyStore
from chalicelib.platform.request_keys import RequestInProgress, RequestKey

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

KEPT = timedelta(days=2)

Answer = TypeVar("Answer", bound=BaseModel)


class Answers:
    """The effects table: what was answered, by request key."""

    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock) -> None:
        self._store = IdempotencyStore(dynamodb, table, clock, kept=KEPT)

    def once(self, key: RequestKey | None, work: Callable[[], Answer], kind: type[Answer]) -> Answer:
        """Return what `work` returned for this key the first time. Without a key it works each time.

        Raise IdempotencyConflict, RequestInProgress, LeaseLost, or re-raise from `work` after releasing the key.
        """
        if key is None:
            return work()
        lease = self._store.acquire(_id(key), fingerprint=key.fingerprint)
        if lease is None:
            return kind.model_validate_json(self._kept(key))
        with self._store.released_on_error(lease):
            answer = work()
        self._store.mark_done(lease, answer=answer.model_dump_json())
        return answer

    def _kept(self, key: RequestKey) -> str:
        record = self._store.record(_id(key))
        key.check(record.get("fingerprint", key.fingerprint))
        if "answer" not in record:
            raise RequestInProgress
        answer: str = record["answer"]
        return answer


def _id(key: RequestKey) -> str:
    return f"request#{key.id}"
