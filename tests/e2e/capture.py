"""Listening to the bus as one more consumer would: what was really published, how often, and in which order.

Needs nothing but credentials and the bus' name, so it works on the local engine and on AWS alike.
"""

import json
import time
import uuid
from typing import Any

import boto3

from chalicelib.events.contracts import ORDERS, data_of
from chalicelib.events.envelope import Envelope

GRACE_SECONDS = 1.5
"""Time to wait for an event that should not be published."""


class EventCapture:
    """Context manager with a rule and a queue of its own. It keeps captured events in the order of arrival."""

    def __init__(self, session: boto3.Session, bus: str) -> None:
        self._events, self._sqs = session.client("events"), session.client("sqs")
        self._bus = bus
        self._name = f"capture-{uuid.uuid4().hex[:12]}"
        self._captured: list[Envelope] = []
        self._is_ready = False

    def __enter__(self) -> "EventCapture":
        self._queue = self._sqs.create_queue(QueueName=self._name)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        queue_arn = queue["Attributes"]["QueueArn"]
        pattern = {"source": [{"prefix": "storefront."}, self._name]}
        rule = self._events.put_rule(Name=self._name, EventBusName=self._bus, EventPattern=json.dumps(pattern))
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": rule["RuleArn"]}},
                }
            ],
        }
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": json.dumps(policy)})
        target = {"Id": "capture", "Arn": queue_arn}
        self._events.put_targets(Rule=self._name, EventBusName=self._bus, Targets=[target])
        self._wait_until_ready()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._events.remove_targets(Rule=self._name, EventBusName=self._bus, Ids=["capture"])
        self._events.delete_rule(Name=self._name, EventBusName=self._bus)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def expect(
        self, event_type: str, order_id: str | None = None, within_seconds: float = 15, times: int = 1
    ) -> list[Envelope]:
        """Wait for exactly this number of events of a type, and of an order if given. Wait briefly for one too many."""
        deadline = time.monotonic() + within_seconds
        while len(found := self.seen(event_type, order_id)) < times:
            assert time.monotonic() < deadline, f"{len(found)} {event_type} of {order_id}, and not {times}"
            self._receive()
        self._listen(GRACE_SECONDS)
        found = self.seen(event_type, order_id)
        assert len(found) == times, f"{len(found)} {event_type} of {order_id}, and not {times}"
        return found

    def expect_in_order(self, event_types: list[str], order_id: str, within_seconds: float = 30) -> list[Envelope]:
        """Assert that an order's events are exactly these, in the order of their times."""
        deadline = time.monotonic() + within_seconds
        while len(self.of(order_id, ORDERS)) < len(event_types):
            assert time.monotonic() < deadline, [event.type for event in self.of(order_id, ORDERS)]
            self._receive()
        self._listen(GRACE_SECONDS)
        found = sorted(self.of(order_id, ORDERS), key=lambda event: event.time)
        received = [event.type for event in found]
        assert received == event_types, received
        return found

    def never(self, event_type: str, order_id: str | None = None, for_seconds: float = GRACE_SECONDS) -> None:
        """Assert that no such event was captured, or is captured within this time."""
        self._listen(for_seconds)
        assert self.seen(event_type, order_id) == []

    def seen(self, event_type: str, order_id: str | None = None) -> list[Envelope]:
        return [event for event in self._captured if event.type == event_type and _is_of(event, order_id)]

    def of(self, order_id: str, *sources: str) -> list[Envelope]:
        """Return the events from these sources, or from all."""
        of_order = [event for event in self._captured if _is_of(event, order_id)]
        return [event for event in of_order if not sources or event.source in sources]

    def check_contracts(self) -> int:
        """Check each captured event against its contract and return the number of events. Raises ContractBroken."""
        for event in self._captured:
            data_of(event)
        return len(self._captured)

    def _wait_until_ready(self) -> None:
        """Wait until the rule is active, which takes a while on AWS."""
        deadline = time.monotonic() + 60
        while not self._is_ready:
            assert time.monotonic() < deadline, "the rule does not begin"
            probe = {"EventBusName": self._bus, "Source": self._name, "DetailType": "CaptureReady", "Detail": "{}"}
            self._events.put_events(Entries=[probe])
            self._receive()

    def _listen(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._receive()

    def _receive(self) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            received = json.loads(message["Body"])
            if received["source"] == self._name:
                self._is_ready = True
            else:
                assert (received["source"], received["detail-type"]) == (
                    received["detail"]["source"],
                    received["detail"]["type"],
                )
                self._captured.append(Envelope.model_validate(received["detail"]))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def _is_of(event: Envelope, order_id: str | None) -> bool:
    return order_id is None or event.data.get("order_id") == order_id
