"""Idempotency store for requests whose effect is in no table of ours: an answer is kept with its key.

A request that dies between its effect and its answer is worked on again after the lease: the effect must bear that.
What changes a table of ours keeps its key in the transaction of the change instead.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from pydantic import BaseModel

from chalicelib.platform.clock import Clock
from chalicelib.platform.dynamo import condition_failed
from chalicelib.platform.request_keys import IdempotencyConflict, RequestInProgress, RequestKey

LEASE = timedelta(seconds=30)
"""Longer than an API function may run."""
KEPT = timedelta(days=2)
FREE = "attribute_not_exists(id) OR expires_at <= :now OR (attribute_not_exists(answer) AND leased_until <= :now)"

Answer = TypeVar("Answer", bound=BaseModel)


class Answers:
    """The effects table: what was answered, by key."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def once(self, key: RequestKey | None, work: Callable[[], Answer], kind: type[Answer]) -> Answer:
        """Return what `work` returned for this key the first time. Without a key it works each time.

        Raises IdempotencyConflict, RequestInProgress, and what `work` raises; the key is free again then.
        """
        if key is None:
            return work()
        if not self._lease(key):
            return kind.model_validate_json(self._kept(key))
        try:
            answer = work()
        except Exception:
            self._set(key, "leased_until", 0)
            raise
        self._set(key, "answer", answer.model_dump_json())
        return answer

    def _lease(self, key: RequestKey) -> bool:
        now = self._clock()
        item = {
            "id": _id(key),
            "fingerprint": key.fingerprint,
            "leased_until": int((now + LEASE).timestamp()),
            "expires_at": int((now + KEPT).timestamp()),
        }
        same = "attribute_not_exists(fingerprint) OR fingerprint = :fingerprint OR expires_at <= :now"
        try:
            self._db.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=f"({FREE}) AND ({same})",
                ExpressionAttributeValues={":now": int(now.timestamp()), ":fingerprint": key.fingerprint},
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def _kept(self, key: RequestKey) -> str:
        item = self._db.get_item(TableName=self._table, Key={"id": _id(key)}, ConsistentRead=True).get("Item", {})
        if item.get("fingerprint", key.fingerprint) != key.fingerprint:
            raise IdempotencyConflict
        if "answer" not in item:
            raise RequestInProgress
        return item["answer"]

    def _set(self, key: RequestKey, name: str, value: Any) -> None:
        self._db.update_item(
            TableName=self._table,
            Key={"id": _id(key)},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )


def _id(key: RequestKey) -> str:
    return f"request#{key.id}"
