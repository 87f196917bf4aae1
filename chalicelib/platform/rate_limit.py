"""Rate limit: how often something may happen for one subject within a window, counted in DynamoDB.

The window begins with the first use. DynamoDB removes an item days after its expiry, so the expiry is part of each
condition and a window that has passed is begun again.
"""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.platform.clock import Clock
from chalicelib.platform.dynamo import is_accepted

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

WITHIN_LIMIT = "attribute_not_exists(id) OR (expires_at > :now AND used < :limit)"
PASSED = "expires_at <= :now"


class RateLimit:
    """Uses in the effects table, under hashes of their subjects."""

    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def take(self, kind: str, subject: str, limit: int, window: timedelta) -> bool:
        """Count a use. Return False, and count nothing, if `subject` had `limit` of this kind within the window."""
        key = f"limit#{kind}#{hashlib.sha256(subject.encode()).hexdigest()}"
        now = self._clock()
        values = {":now": int(now.timestamp()), ":end": int((now + window).timestamp()), ":one": 1}
        counted = "SET expires_at = if_not_exists(expires_at, :end) ADD used :one"
        again = "SET expires_at = :end, used = :one"
        return self._update(key, counted, WITHIN_LIMIT, values | {":limit": limit}) or self._update(
            key, again, PASSED, values
        )

    def _update(self, key: str, update: str, condition: str, values: dict[str, Any]) -> bool:
        return is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key={"id": key},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
