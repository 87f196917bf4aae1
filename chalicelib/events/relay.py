"""Transactional outbox relay: publish the events that a table's stream brings.

A state change writes its event into the same table in the same transaction, so an event exists if and only if the
state that it describes exists.
"""

from collections.abc import Callable
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from chalicelib.events.envelope import Envelope
from chalicelib.events.publisher import PUT_EVENTS_LIMIT, EventPublisher
from chalicelib.platform.dynamo import plain
from chalicelib.platform.log import log


def relay(
    event: dict[str, Any], publisher: EventPublisher, note_published: Callable[[dict[str, str]], None]
) -> dict[str, Any]:
    """Publish the outbox records of one stream batch in order, and note each in the outbox by its key.

    Return the partial batch answer: the first record that could not be published, from which Lambda tries again. What
    came after it may be published twice, which every consumer must accept anyway.
    """
    records = event["Records"]
    for start in range(0, len(records), PUT_EVENTS_LIMIT):
        chunk = records[start : start + PUT_EVENTS_LIMIT]
        unpublished = publisher.put(tuple(map(outbox_event, chunk)))
        for position, record in enumerate(chunk):
            if position not in unpublished:
                note_published(_plain_item(record["dynamodb"]["Keys"]))
        if unpublished:
            first = chunk[unpublished[0]]["dynamodb"]["SequenceNumber"]
            log.error("events not published", extra={"count": len(unpublished), "from": first})
            return {"batchItemFailures": [{"itemIdentifier": first}]}
    return {"batchItemFailures": []}


def table_of(event: dict[str, Any]) -> str:
    """Return the table whose stream brings this batch: all of its records are of one table."""
    table: str = event["Records"][0]["eventSourceARN"].split("/")[1]
    return table


def outbox_event(record: dict[str, Any]) -> Envelope:
    """Return the event in a record of the outbox's stream."""
    return Envelope.model_validate(_plain_item(record["dynamodb"]["NewImage"])["event"])


def _plain_item(attributes: dict[str, Any]) -> dict[str, Any]:
    deserialize = TypeDeserializer().deserialize
    return {name: plain(deserialize(value)) for name, value in attributes.items()}
