"""Reading a batch from a queue so that one bad message never takes the good ones down with it."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from chalicelib.platform.log import about, log

Message = TypeVar("Message", bound=BaseModel)


def consume(event: dict[str, Any], message: type[Message], handle: Callable[[Message], None]) -> dict[str, Any]:
    """Give each message to `handle`; report those that raise, and only those, for redelivery."""
    return each(event, lambda body: handle(_read(message, body)))


def each(event: dict[str, Any], handle: Callable[[str], None]) -> dict[str, Any]:
    """The same for bodies as they are."""
    failures = []
    for record in event["Records"]:
        about()
        try:
            handle(record["body"])
        except Exception:
            log.exception("message failed", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def consume_in_order(
    event: dict[str, Any], message: type[Message], handle: Callable[[Message], None]
) -> dict[str, Any]:
    """For a FIFO queue: what fails holds up the rest of its group, untried, and no other group."""
    failures = []
    held_up = set()
    for record in event["Records"]:
        about()
        group = record["attributes"]["MessageGroupId"]
        if group not in held_up:
            try:
                handle(_read(message, record["body"]))
                continue
            except Exception:
                log.exception("message failed", extra={"message_id": record["messageId"]})
                held_up.add(group)
        failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _read(message: type[Message], body: str) -> Message:
    read = message.model_validate_json(body)
    about(order_id=getattr(read, "order_id", None), event_id=getattr(read, "event_id", None))
    log.info("message received")
    return read
