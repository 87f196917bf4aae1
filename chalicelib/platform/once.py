"""Doing what a message asks for once, however often the message comes.

Whoever handles it first takes a lease on its key. If it dies before it is done, the lease runs out and
the redelivered message tries anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import lost_condition
from chalicelib.platform.errors import Unavailable

LEASE = timedelta(seconds=30)
"""Longer than the functions that handle messages may run."""
KEPT = timedelta(days=90)
FREE = "attribute_not_exists(id) OR (attribute_not_exists(done) AND leased_until < :now)"


class BeingDone(Unavailable):
    """Somebody is at it right now, or died doing it. Trying again later will tell."""


class Once:
    """The effects table: what was done already, by key."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def run(self, key: str, work: Callable[[], None]) -> bool:
        """Whether it was done now, and not before. Raises BeingDone, or what `work` raises; it is then tried anew
        by the next message."""
        if not self.lease(key, self._clock()):
            if not self.is_done(key):
                raise BeingDone(key)
            return False
        try:
            work()
        except Exception:
            self.let_go(key)
            raise
        self.note_done(key)
        return True

    def lease(self, key: str, now: datetime) -> bool:
        """False if it is done, or somebody is at it right now."""
        item = {
            "id": key,
            "leased_until": int((now + LEASE).timestamp()),
            "expires_at": int((now + KEPT).timestamp()),
        }
        try:
            self._db.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=FREE,
                ExpressionAttributeValues={":now": int(now.timestamp())},
            )
        except ClientError as error:
            if lost_condition(error):
                return False
            raise
        return True

    def note_done(self, key: str) -> None:
        self._db.update_item(
            TableName=self._table,
            Key={"id": key},
            UpdateExpression="SET done = :yes, done_at = :now",
            ExpressionAttributeValues={":yes": True, ":now": iso(self._clock())},
        )

    def is_done(self, key: str) -> bool:
        answer = self._db.get_item(TableName=self._table, Key={"id": key}, ConsistentRead=True)
        return "done" in answer.get("Item", {})

    def done_at(self, key: str) -> str | None:
        """The moment, as text; None if it is not done."""
        answer = self._db.get_item(TableName=self._table, Key={"id": key}, ConsistentRead=True)
        return answer.get("Item", {}).get("done_at")

    def let_go(self, key: str) -> None:
        """Let the next try begin at once. What was done meanwhile by another stays noted."""
        try:
            self._db.delete_item(
                TableName=self._table, Key={"id": key}, ConditionExpression="attribute_not_exists(done)"
            )
        except ClientError as error:
            if not lost_condition(error):
                raise
