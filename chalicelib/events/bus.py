"""Event consumer: hand each event that a rule of the bus put on a queue to its handler."""

import json
from collections.abc import Callable
from typing import Any

from chalicelib.events.contracts import data_of
from chalicelib.events.envelope import Envelope
from chalicelib.platform import sqs_batch


def consume(event: dict[str, Any], handle: Callable[[Envelope], None]) -> dict[str, Any]:
    """Give each event to `handle`, unless it breaks its contract; report those that fail, and only those."""
    return sqs_batch.each(event, _received, handle)


def _received(body: str) -> Envelope:
    """Raise ContractBroken."""
    event = Envelope.model_validate(json.loads(body)["detail"])
    data_of(event)
    return event
