"""Delayed delivery: an event goes to the end of its queue, where SQS hides it for some seconds."""

import json
from typing import TYPE_CHECKING

from chalicelib.events.envelope import Envelope
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class DelayQueue:
    """A standard queue: one that is FIFO takes no delay of a single message."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def put(self, event: Envelope, seconds: int) -> None:
        """Send the event in the form in which a rule of the bus does. SQS takes at most 900 seconds."""
        body = json.dumps({"detail": event.model_dump()})
        sent = self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=seconds)
        about = {"queue": self._queue_url.rsplit("/", 1)[-1], "message_id": sent["MessageId"], "action": "delay"}
        log.info("message sent", extra=about | {"order_id": event.order_id})
