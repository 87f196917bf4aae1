"""From the outbox onto the bus, and from a queue behind the bus to whoever handles it.

A state change writes its event into the same table in the same transaction; the table's stream then
brings it here. So an event exists if and only if the state it tells of exists. Both ends hold an event
against its contract: what breaks it is not published, and is not handled.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from chalicelib.events.contracts import data_of
from chalicelib.events.envelope import Envelope
from chalicelib.platform import sqs_batch
from chalicelib.platform.dynamo import plain
from chalicelib.platform.log import log

PUT_EVENTS_LIMIT = 10
ATTEMPTS = 3


class NotPublished(Exception):
    """The bus did not take these events, although it was asked several times."""


def relay(
    event: dict[str, Any], events_client: Any, bus: str, note_published: Callable[[dict[str, str]], None]
) -> dict[str, Any]:
    """Publish the outbox records of one stream batch, in order, and note it in the outbox by their keys.

    Returns the partial batch answer: the first record that could not be published, from which
    Lambda tries again. What came after it may be published twice, which consumers must bear anyway.
    """
    records = event["Records"]
    for start in range(0, len(records), PUT_EVENTS_LIMIT):
        chunk = records[start : start + PUT_EVENTS_LIMIT]
        unpublished = _put([outbox_event(record) for record in chunk], events_client, bus)
        for position, record in enumerate(chunk):
            if position not in unpublished:
                note_published(_plain_item(record["dynamodb"]["Keys"]))
        if unpublished:
            first = chunk[unpublished[0]]["dynamodb"]["SequenceNumber"]
            log.error("events not published", extra={"count": len(unpublished), "from": first})
            return {"batchItemFailures": [{"itemIdentifier": first}]}
    return {"batchItemFailures": []}


def publish(envelopes: list[Envelope], events_client: Any, bus: str) -> None:
    """For what has no outbox because no state changes with it. Raises NotPublished, ContractBroken."""
    for start in range(0, len(envelopes), PUT_EVENTS_LIMIT):
        unpublished = _put(envelopes[start : start + PUT_EVENTS_LIMIT], events_client, bus)
        if unpublished:
            raise NotPublished(len(unpublished))


def consume(event: dict[str, Any], handle: Callable[[Envelope], None]) -> dict[str, Any]:
    """Give each event that a rule put on the queue to `handle`; report those that raise, and only those."""
    return sqs_batch.each(event, _received, handle)


def _received(body: str) -> Envelope:
    """Raises ContractBroken."""
    event = Envelope.model_validate(json.loads(body)["detail"])
    data_of(event)
    return event


def _put(envelopes: list[Envelope], events_client: Any, bus: str) -> list[int]:
    """PutEvents can fail for some entries and succeed for others: only the failed are sent again.

    Returns the positions of those that failed to the end.
    """
    pending = list(range(len(envelopes)))
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(0.1 * 2**attempt)
        answer = events_client.put_events(Entries=[_entry(envelopes[position], bus) for position in pending])
        if not answer["FailedEntryCount"]:
            return []
        pending = [p for p, result in zip(pending, answer["Entries"], strict=True) if "ErrorCode" in result]
    return pending


def _entry(envelope: Envelope, bus: str) -> dict[str, Any]:
    """Raises ContractBroken."""
    data_of(envelope)
    return {
        "EventBusName": bus,
        "Source": envelope.source,
        "DetailType": envelope.type,
        "Time": envelope.time,
        "Detail": json.dumps(envelope.model_dump()),
    }


def table_of(event: dict[str, Any]) -> str:
    """Whose stream brings this batch: all of its records are of one table."""
    return event["Records"][0]["eventSourceARN"].split("/")[1]


def outbox_event(record: dict[str, Any]) -> Envelope:
    """Of a record of the outbox's stream."""
    return Envelope.model_validate(_plain_item(record["dynamodb"]["NewImage"])["event"])


def _plain_item(attributes: dict[str, Any]) -> dict[str, Any]:
    deserialize = TypeDeserializer().deserialize
    return {name: plain(deserialize(value)) for name, value in attributes.items()}
