"""The outbox: events stored beside the state that they describe, written in one transaction with it.

An event carries `unpublished`, its time, until it is on the bus; the index of that name holds only those. So the
question what the relay has left behind is cheap, and answered for every table that holds an outbox alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr
from pydantic import ValidationError

from chalicelib.events.envelope import Envelope
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import patiently, plain
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB


@dataclass(frozen=True)
class OutboxEvent:
    """An event as the outbox keeps it, and when the relay published it."""

    key: dict[str, str]
    event: Envelope
    published_at: str | None

    @property
    def version(self) -> int:
        """Of the order that it was written with."""
        return int(self.key["sk"].rpartition("#")[2])


def outbox_item(key: dict[str, str], event: Envelope) -> dict[str, Any]:
    """Return the item that a store writes together with the state that the event describes."""
    return key | {"event": event.model_dump(), "unpublished": event.time}


def outbox_event(item: dict[str, Any]) -> OutboxEvent:
    key = {"pk": item["pk"], "sk": item["sk"]}
    return OutboxEvent(key, Envelope.model_validate(plain(item["event"])), item.get("published_at"))


class Outbox:
    """Of one table, with `pk`, `sk` and the index `unpublished`."""

    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def note_published(self, key: dict[str, str]) -> None:
        """The event with this key is on the bus. Keeps the first time that was noted."""
        patiently(
            self._db.update_item,
            TableName=self._table,
            Key=key,
            UpdateExpression="SET published_at = if_not_exists(published_at, :now) REMOVE unpublished",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":now": iso(self._clock())},
        )

    def unpublished(self, for_longer_than: timedelta, size: int) -> list[OutboxEvent]:
        """Events that should have been published by now, oldest first, some of them at least. Reads a whole index,
        which is next to empty as long as the relay works."""
        before = iso(self._clock() - for_longer_than)
        pages = self._db.get_paginator("scan").paginate(
            TableName=self._table, IndexName="unpublished", FilterExpression=Attr("unpublished").lt(before)
        )
        found: list[OutboxEvent] = []
        for page in pages:
            found += _readable(page["Items"])
            if len(found) >= size:
                break
        return sorted(found, key=lambda each: each.event.time)[:size]


def _readable(items: list[dict[str, Any]]) -> Iterator[OutboxEvent]:
    """Skip items without a valid envelope: the relay rejected them, and they must not keep the others waiting."""
    for item in items:
        try:
            yield outbox_event(item)
        except ValidationError:
            log.error("outbox item without an envelope", extra={"key": {"pk": item["pk"], "sk": item["sk"]}})
