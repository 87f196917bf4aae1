"""Reading a batch from a queue so that one bad message never takes the good ones down with it.

Every line that is logged on the way says which message of which queue it was about, and which order.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from chalicelib.platform import tracing
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.log import bind_log_context, log, milliseconds_since

Message = TypeVar("Message", bound=BaseModel)


def consume(event: dict[str, Any], message: type[Message], handle: Callable[[Message], None]) -> dict[str, Any]:
    """Give each message to `handle`; report those that raise, and only those, for redelivery."""
    return each(event, message.model_validate_json, handle)


def each(event: dict[str, Any], parse: Callable[[str], Message], handle: Callable[[Message], None]) -> dict[str, Any]:
    """The same for messages that are more than their body."""
    failed = [record["messageId"] for record in event["Records"] if not _is_handled(record, parse, handle)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_handled(record: dict[str, Any], parse: Callable[[str], Message], handle: Callable[[Message], None]) -> bool:
    where = {"message_id": record["messageId"], "queue": record["eventSourceARN"].rsplit(":", 1)[-1]}
    system = record["attributes"]
    tracing.continue_trace(system.get("AWSTraceHeader"))
    bind_log_context(**where)
    try:
        message = parse(record["body"])
    except Exception as failure:
        # Not its text, which may quote the message.
        log.error("message not understood", extra={"problem": type(failure).__name__})
        return False
    if header := getattr(message, "trace_header", None):
        tracing.continue_trace(header)
    bind_log_context(
        **where, **{name: getattr(message, name, None) for name in ("order_id", "correlation_id", "event_id")}
    )
    hop = {"sent": int(system["SentTimestamp"]), "receive_count": int(system["ApproximateReceiveCount"])}
    began = time.monotonic()
    try:
        handle(message)
    except Exception:
        log.exception("message failed", extra=hop | {"duration_ms": milliseconds_since(began)})
        return False
    log.info("message handled", extra=hop | {"duration_ms": milliseconds_since(began)})
    return True
