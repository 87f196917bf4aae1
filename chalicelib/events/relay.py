"""Transactional outbox relay: publish the events that a table's stream brings.

A state change writes its event into the same table in the same transaction, so an event exists if and only if the
state that it describes exists.
"""

from collections.abc import Callable
from typing import Any

from chalicelib.events.contracts import ContractBroken
from chalicelib.events.envelope import Envelope
from chalicelib.events.publisher import PUT_EVENTS_LIMIT, EventPublisher
from chalicelib.events.stream import Rejections, event_of, key_of, position_of
from chalicelib.platform.log import log

Record = dict[str, Any]


def relay(
    event: dict[str, Any],
    publisher: EventPublisher,
    note_published: Callable[[dict[str, str]], None],
    rejections: Rejections,
) -> dict[str, Any]:
    """Publish the outbox records of one stream batch in order, and note each in the outbox by its key.

    A record that breaks its contract is rejected; the others are published. Return the partial batch response: the
    first record that could not be published, from which Lambda tries again. What came after it may be published
    twice, which every consumer must accept anyway.
    """
    records = event["Records"]
    for start in range(0, len(records), PUT_EVENTS_LIMIT):
        failed = _relay_chunk(records[start : start + PUT_EVENTS_LIMIT], publisher, note_published, rejections)
        if failed:
            return {"batchItemFailures": [{"itemIdentifier": failed}]}
    return {"batchItemFailures": []}


def _relay_chunk(
    chunk: list[Record],
    publisher: EventPublisher,
    note_published: Callable[[dict[str, str]], None],
    rejections: Rejections,
) -> str | None:
    """Return the position of the first record that could not be published, if any."""
    read = [_read(record) for record in chunk]
    readable = [number for number, each in enumerate(read) if isinstance(each, Envelope)]
    refused = publisher.put(tuple(each for each in read if isinstance(each, Envelope))) if readable else []
    unpublished = [readable[number] for number in refused]
    retried_from = unpublished[0] if unpublished else len(chunk)
    for number, (record, each) in enumerate(zip(chunk, read, strict=True)):
        if isinstance(each, Envelope):
            if number not in unpublished:
                note_published(key_of(record))
        elif number < retried_from:
            rejections.add(record, each)
    if not unpublished:
        return None
    first = position_of(chunk[retried_from])
    log.error("events not published", extra={"count": len(unpublished), "from": first})
    return first


def _read(record: Record) -> Envelope | ContractBroken:
    try:
        return event_of(record)
    except ContractBroken as problem:
        return problem


def table_of(event: dict[str, Any]) -> str:
    """Return the table whose stream brings this batch: all of its records are of one table."""
    table: str = event["Records"][0]["eventSourceARN"].split("/")[1]
    return table
