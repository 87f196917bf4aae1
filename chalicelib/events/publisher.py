"""Event publisher: put events on the EventBridge bus, hold each against its contract, and retry partial failures."""

import json
from typing import TYPE_CHECKING

from chalicelib.events.contracts import data_of
from chalicelib.events.envelope import Envelope
from chalicelib.platform.retries import backoff

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

PUT_EVENTS_LIMIT = 10
ATTEMPTS = 3
PAUSE_BASE, LONGEST_PAUSE = 0.2, 1


class NotPublished(Exception):
    """The bus did not take these events in any of the attempts."""


class EventPublisher:
    def __init__(self, client: "EventBridgeClient", bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, *events: Envelope) -> None:
        """Publish events of which no outbox has a copy. Raise NotPublished, ContractBroken."""
        for start in range(0, len(events), PUT_EVENTS_LIMIT):
            if unpublished := self.put(events[start : start + PUT_EVENTS_LIMIT]):
                raise NotPublished(len(unpublished))

    def put(self, events: tuple[Envelope, ...]) -> list[int]:
        """Publish up to ten events; return the positions of those that the bus refused each time.

        PutEvents can fail for some entries and succeed for others: only those that failed are sent again. Raise
        ContractBroken.
        """
        entries = [self._entry(event) for event in events]
        pending = list(range(len(entries)))
        for _ in backoff(ATTEMPTS, PAUSE_BASE, LONGEST_PAUSE):
            answer = self._client.put_events(Entries=[entries[position] for position in pending])
            if not answer["FailedEntryCount"]:
                return []
            pending = [p for p, result in zip(pending, answer["Entries"], strict=True) if "ErrorCode" in result]
        return pending

    def _entry(self, event: Envelope) -> "PutEventsRequestEntryTypeDef":
        """Raise ContractBroken."""
        data_of(event)
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._bus,
            "Source": event.source,
            "DetailType": event.type,
            "Time": event.time,
            "Detail": json.dumps(event.model_dump()),
        }
        return {**entry, "TraceHeader": event.trace_header} if event.trace_header else entry
