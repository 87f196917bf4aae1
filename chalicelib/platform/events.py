"""The envelope that every event travels in, and the relay from the outbox to the bus.

A state change writes its event into the same table in the same transaction; the table's stream then
brings it here. So an event exists if and only if the state it tells of exists.
"""

import json
import time
import uuid
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from pydantic import BaseModel, ConfigDict

from chalicelib.platform.log import log

PUT_EVENTS_LIMIT = 10
ATTEMPTS = 3


class Envelope(BaseModel):
    """`correlation_id` joins everything that one order caused; `causation_id` names the direct cause."""

    model_config = ConfigDict(frozen=True)

    id: str
    type: str
    version: int
    time: str
    source: str
    correlation_id: str
    causation_id: str | None
    data: dict[str, Any]


def new_event_id() -> str:
    return f"evt_{uuid.uuid4().hex}"


def relay(event: dict[str, Any], events_client: Any, bus: str) -> dict[str, Any]:
    """Publish the outbox records of one stream batch, in order.

    Returns the partial batch answer: the first record that could not be published, from which
    Lambda tries again. What came after it may be published twice, which consumers must bear anyway.
    """
    records = event["Records"]
    for start in range(0, len(records), PUT_EVENTS_LIMIT):
        chunk = records[start : start + PUT_EVENTS_LIMIT]
        unpublished = _publish(chunk, events_client, bus)
        if unpublished:
            first = unpublished[0]["dynamodb"]["SequenceNumber"]
            log.error("events not published", extra={"count": len(unpublished), "from": first})
            return {"batchItemFailures": [{"itemIdentifier": first}]}
    return {"batchItemFailures": []}


def _publish(records: list[dict], events_client: Any, bus: str) -> list[dict]:
    """PutEvents can fail for some entries and succeed for others: only the failed are sent again."""
    pending = records
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(0.1 * 2**attempt)
        entries = [_entry(_outbox_event(record), bus) for record in pending]
        answer = events_client.put_events(Entries=entries)
        if not answer["FailedEntryCount"]:
            return []
        pending = [r for r, result in zip(pending, answer["Entries"], strict=True) if "ErrorCode" in result]
    return pending


def _entry(envelope: Envelope, bus: str) -> dict[str, Any]:
    return {
        "EventBusName": bus,
        "Source": envelope.source,
        "DetailType": envelope.type,
        "Time": envelope.time,
        "Detail": json.dumps(envelope.model_dump()),
    }


def _outbox_event(record: dict[str, Any]) -> Envelope:
    image = record["dynamodb"]["NewImage"]
    return Envelope.model_validate(_plain(TypeDeserializer().deserialize(image["event"])))


def _plain(value: Any) -> Any:
    """DynamoDB's Decimals back to whole numbers: every number in an event is one."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if hasattr(value, "as_tuple") else value
