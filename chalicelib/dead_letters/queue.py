"""Dead-letter queue operations: read queue depths, and receive, handle and delete dead letters.

A dead letter is deleted only after it was handled: it may be handled twice, never lost. SQS's own redrive
(StartMessageMoveTask) is not used: it moves all messages or none, and only back to their source queue.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chalicelib.dead_letters.model import DeadLetter
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        MessageTypeDef,
        SendMessageRequestTypeDef,
    )

WAITING: Final = "ApproximateNumberOfMessages"
IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
BATCH = 10
"""The most messages that SQS returns in one call."""
HIDDEN_SECONDS = 60
"""Visibility timeout while dead letters are handled. Longer than the API's function may run."""
AT_ONCE = 50
"""The most dead letters that one call handles."""
SEARCHED = 200
"""The most dead letters that one call searches."""
WORK_SECONDS = 7
"""No dead letter is begun after this time: the API's function ends after 15 seconds, and the last one needs some."""


class Depth(BaseModel):
    """Messages that wait, and messages that a consumer is handling. SQS counts approximately."""

    waiting: int
    in_flight: int


@dataclass
class Handled:
    """The ids of handled dead letters, and by id the error of those that failed and stay.

    `complete` is True if every requested dead letter was tried.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    complete: bool = False

    @property
    def tried(self) -> int:
        return len(self.done) + len(self.failed)


class DeadLetterQueue:
    def __init__(self, sqs: "SQSClient", seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a monotonic clock."""
        self._sqs = sqs
        self._seconds = seconds

    def depth(self, url: str) -> Depth:
        counts = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING, IN_FLIGHT])["Attributes"]
        return Depth(waiting=int(counts[WAITING]), in_flight=int(counts[IN_FLIGHT]))

    def peek(self, url: str) -> list[DeadLetter]:
        """Return up to ten dead letters and leave them in the queue."""
        received = self._receive(url)
        self._put_back(url, received)
        return [_dead_letter(message) for message in received]

    def handle(
        self, url: str, wanted: list[str] | None, act: Callable[[DeadLetter], None], sent_until: int | None = None
    ) -> Handled:
        """Call `act` on each wanted dead letter, or on all, and delete those that it did not raise for.

        `sent_until` (Unix milliseconds) leaves out what was sent later: a message that fails again returns to the
        queue at once, and would be handled forever. Ends early after AT_ONCE dead letters or WORK_SECONDS.
        """
        handled, left = Handled(), []
        end = self._seconds() + WORK_SECONDS
        try:
            for message in self._walk(url):
                if not _is_asked_for(message, wanted, sent_until):
                    left.append(message)
                    continue
                if handled.tried == AT_ONCE or self._seconds() >= end:
                    left.append(message)
                    return handled
                if not self._acted(url, message, act, handled):
                    left.append(message)
                if wanted is not None and handled.tried == len(wanted):
                    break
            handled.complete = _all_seen(url, len(handled.done), len(left))
        finally:
            self._put_back(url, left)
        return handled

    def send(self, url: str, dead_letter: DeadLetter) -> None:
        """Send the same message to its source queue."""
        attributes = {name: value for name, value in dead_letter.attributes.items() if "DataType" in value}
        # A new deduplication id: with the old one a FIFO queue would drop it as a duplicate of the message that failed.
        message: SendMessageRequestTypeDef = {
            "QueueUrl": url,
            "MessageBody": dead_letter.body,
            "MessageAttributes": attributes,
        }
        if dead_letter.group:
            message |= {"MessageGroupId": dead_letter.group, "MessageDeduplicationId": dead_letter.id}
        self._sqs.send_message(**message)

    def _acted(self, url: str, message: "MessageTypeDef", act: Callable[[DeadLetter], None], handled: Handled) -> bool:
        dead_letter = _dead_letter(message)
        try:
            act(dead_letter)
        except Exception as failure:
            log.exception("dead letter not handled", extra={"message_id": dead_letter.id})
            handled.failed[dead_letter.id] = type(failure).__name__
            return False
        self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        handled.done.append(dead_letter.id)
        return True

    def _walk(self, url: str) -> Iterator["MessageTypeDef"]:
        """Yield each message once. The caller must put back each one that it does not delete."""
        seen: set[str] = set()
        while len(seen) < SEARCHED and (batch := self._receive(url)):
            unread = [message for message in batch if message["MessageId"] not in seen]
            try:
                while unread:
                    seen.add(unread[0]["MessageId"])
                    yield unread.pop(0)
            finally:
                self._put_back(url, unread)

    def _receive(self, url: str) -> "list[MessageTypeDef]":
        answer = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # asks all servers of SQS, not some
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _put_back(self, url: str, messages: "list[MessageTypeDef]") -> None:
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for place, message in enumerate(messages)
        ]
        for first in range(0, len(entries), BATCH):
            self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries[first : first + BATCH])


def _all_seen(url: str, deleted: int, held_back: int) -> bool:
    """Return whether the queue was read to its end: not if the search stopped early, or a FIFO group is held back."""
    return deleted + held_back < SEARCHED and not (held_back and url.endswith(".fifo"))


def _is_asked_for(message: "MessageTypeDef", wanted: list[str] | None, sent_until: int | None) -> bool:
    if wanted is not None:
        return message["MessageId"] in wanted
    return sent_until is None or int(message["Attributes"]["SentTimestamp"]) <= sent_until


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    system = message["Attributes"]
    return DeadLetter(
        id=message["MessageId"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        group=system.get("MessageGroupId"),
        sent=int(system["SentTimestamp"]),
        first_received=int(system.get("ApproximateFirstReceiveTimestamp", 0)) or None,
        receive_count=int(system["ApproximateReceiveCount"]),
    )
