"""Reading a batch from a queue so that one bad message never takes the good ones down with it."""

import json
from collections.abc import Callable
from typing import Any

from chalicelib.platform.events import Envelope
from chalicelib.platform.log import log


def consume(event: dict[str, Any], handle: Callable[[str], None]) -> dict[str, Any]:
    """Give each message's body to `handle`; report those that raise, and only those, for redelivery."""
    failures = []
    for record in event["Records"]:
        try:
            handle(record["body"])
        except Exception:
            log.exception("message failed", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def envelope(body: str) -> Envelope:
    """The event inside what an EventBridge rule put on the queue."""
    return Envelope.model_validate(json.loads(body)["detail"])
