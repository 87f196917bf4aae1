"""The notifications table remembers which email was sent, so that a repeated event sends none again.

A sender first takes a lease on `{order}#{occasion}`. If it dies before the email is out, the lease
runs out and the redelivered event tries anew.
"""

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.platform.dynamo import lost_condition

LEASE = timedelta(seconds=30)
"""Longer than the functions that send may run."""
KEPT = timedelta(days=90)
FREE = "attribute_not_exists(id) OR (attribute_not_exists(sent) AND leased_until < :now)"


class NotificationStore:
    def __init__(self, dynamodb: Any, table: str) -> None:
        self._db = dynamodb
        self._table = table

    def lease(self, notification_id: str, now: datetime) -> bool:
        """False if it was sent, or somebody is sending it right now."""
        item = {
            "id": notification_id,
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

    def sent(self, notification_id: str) -> None:
        self._db.update_item(
            TableName=self._table,
            Key={"id": notification_id},
            UpdateExpression="SET sent = :yes",
            ExpressionAttributeValues={":yes": True},
        )

    def is_sent(self, notification_id: str) -> bool:
        answer = self._db.get_item(TableName=self._table, Key={"id": notification_id}, ConsistentRead=True)
        return "sent" in answer.get("Item", {})

    def let_go(self, notification_id: str) -> None:
        """Let the next try begin at once. What was sent meanwhile by another stays noted."""
        try:
            self._db.delete_item(
                TableName=self._table, Key={"id": notification_id}, ConditionExpression="attribute_not_exists(sent)"
            )
        except ClientError as error:
            if not lost_condition(error):
                raise
