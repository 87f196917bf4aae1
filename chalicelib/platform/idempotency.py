"""Idempotency store: run the work that a message asks for once, however often the message is delivered.

The first handler of a key takes a lease on it. If it dies before it is done, the lease runs out and the redelivered
message tries again. Each start is counted before the work begins, so that an effect which cannot be recognised
afterwards, such as an email, can be bounded whatever fails.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import condition_failed
from chalicelib.platform.errors import Unavailable

LEASE = timedelta(seconds=30)
"""Longer than the functions that handle messages may run."""
KEPT = timedelta(days=90)
"""Longer than the event archive, so that a replay meets the record of everything that it replays."""
LASTING = 2**40
CURRENT = "(attribute_not_exists(expires_at) OR expires_at > :now)"
EXPIRED = "expires_at <= :now"
"""However late DynamoDB deletes it: an expired record is as good as none."""
FREE = "attribute_not_exists(done) AND (attribute_not_exists(leased_until) OR leased_until < :now)"
BELOW_LIMIT = "(attribute_not_exists(attempts) OR attempts < :limit)"


class AlreadyInProgress(Unavailable):
    """Another handler works on this key right now, or died while it did. A later try finds out."""


class NoEffect(Exception):
    """Raised by work that certainly had no effect, so that the attempt does not count against a limit."""


class IdempotencyStore:
    """The effects table: which keys were processed, and how often their work was started."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def run_once(self, key: str, work: Callable[[], bool | None], at_most: int | None = None) -> bool:
        """Run `work` unless `key` was processed already; return whether it ran. False from `work` says that it decided
        to do nothing: the key then counts as processed too, and is marked as skipped.

        Raise AlreadyInProgress, or re-raise from `work` after releasing the key. With `at_most`, `work` is started at
        most that many times, not counting starts that ended in NoEffect. After the last start the key counts as
        processed: its outcome is unknown, and it is not repeated.
        """
        if not self.acquire(key, self._clock(), at_most):
            return self._not_run(key, at_most)
        try:
            is_skipped = work() is False
        except Exception as error:
            self.release(key, has_effect=not isinstance(error, NoEffect))
            raise
        self.mark_done(key, is_skipped)
        return not is_skipped

    def _not_run(self, key: str, at_most: int | None) -> bool:
        """Return False if the key needs no further run. Raise AlreadyInProgress if it may."""
        item = self._item(key)
        is_held = int(item.get("leased_until", 0)) >= int(self._clock().timestamp())
        is_exhausted = at_most is not None and int(item.get("attempts", 0)) >= at_most
        if "done" in item:
            return False
        if is_held or not is_exhausted:
            raise AlreadyInProgress(key)
        self.mark_done(key)
        return False

    def acquire(self, key: str, now: datetime, at_most: int | None = None) -> bool:
        """Take the lease and count a start. Return False if the key is done, held, or was started `at_most` times."""
        may_begin = f"{CURRENT} AND {FREE}" if at_most is None else f"{CURRENT} AND {FREE} AND {BELOW_LIMIT}"
        counted = "attempts = if_not_exists(attempts, :none) + :one"
        values = {":none": 0} if at_most is None else {":none": 0, ":limit": at_most}
        if self._leased(key, now, counted, may_begin, values):
            return True
        return self._leased(key, now, "attempts = :one REMOVE done, done_at", EXPIRED, {})

    def _leased(self, key: str, now: datetime, counted: str, condition: str, values: dict[str, int]) -> bool:
        values = values | {
            ":now": int(now.timestamp()),
            ":until": int((now + LEASE).timestamp()),
            ":expiry": int((now + KEPT).timestamp()),
            ":one": 1,
        }
        try:
            self._db.update_item(
                TableName=self._table,
                Key={"id": key},
                UpdateExpression=f"SET leased_until = :until, expires_at = :expiry, {counted}",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def mark_done(self, key: str, is_skipped: bool = False) -> None:
        self._db.update_item(
            TableName=self._table,
            Key={"id": key},
            UpdateExpression="SET done = :yes, done_at = :now, skipped = :skipped",
            ExpressionAttributeValues={":yes": True, ":now": iso(self._clock()), ":skipped": is_skipped},
        )

    def is_done(self, key: str) -> bool:
        return "done" in self._item(key)

    def done_at(self, key: str) -> str | None:
        """Return the moment as text, or None if it is not done or was skipped."""
        item = self._item(key)
        return None if item.get("skipped") else item.get("done_at")

    def release(self, key: str, has_effect: bool = True) -> None:
        """Release the key so that the next try begins at once. A mark that another handler set stays.

        The start stays counted unless it certainly had no effect.
        """
        try:
            self._db.update_item(
                TableName=self._table,
                Key={"id": key},
                UpdateExpression="SET leased_until = :none, attempts = attempts - :uncounted",
                ConditionExpression="attribute_exists(id) AND attribute_not_exists(done)",
                ExpressionAttributeValues={":none": 0, ":uncounted": 0 if has_effect else 1},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise

    def _item(self, key: str) -> dict[str, Any]:
        """Return the key's record, empty if there is none or if it has expired."""
        answer = self._db.get_item(TableName=self._table, Key={"id": key}, ConsistentRead=True)
        item: dict[str, Any] = answer.get("Item", {})
        return item if int(item.get("expires_at", LASTING)) > int(self._clock().timestamp()) else {}
