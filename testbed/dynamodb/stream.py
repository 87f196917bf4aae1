"""Stream of a table: its changes, as records in the shape that Lambda receives.

Reference: Amazon DynamoDB Streams API reference, "Record" and "StreamRecord"; AWS Lambda developer guide, "Using AWS
Lambda with Amazon DynamoDB". A write that changes nothing writes no record. TTL deletes nothing here, so no record is
one of its deletions.
"""

from datetime import datetime
from typing import Any, NamedTuple

from testbed.dynamodb.values import Item, typed


class StreamRecord(NamedTuple):
    """One change. The images are the stored items, or empty: `event` makes DynamoDB's JSON of them when it is read."""

    name: str
    """INSERT, MODIFY or REMOVE."""
    keys: Item
    old: Item
    new: Item
    number: int
    at: datetime
    arn: str
    view: str

    def event(self) -> dict[str, Any]:
        """Return the record as a new object of the event's `Records`."""
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": int(self.at.timestamp()),
            "Keys": typed(self.keys),
            "SequenceNumber": f"{self.number:021d}",
            "SizeBytes": 0,
            "StreamViewType": self.view,
        }
        if self.new and self.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            change["NewImage"] = typed(self.new)
        if self.old and self.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            change["OldImage"] = typed(self.old)
        return {
            "eventID": f"{self.number:032x}",
            "eventName": self.name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self.arn.split(":")[3],
            "dynamodb": change,
            "eventSourceARN": self.arn,
        }
