"""The queues as SQS holds them: how much lies in each, and handling what was given up.

A dead letter is deleted only after it was handled, so none is lost; one that is handled just before we die is
handled again. SQS's own redrive (StartMessageMoveTask) is not used: it moves all or nothing, and knows nothing of
letters that must be settled in another way than by moving them.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chalicelib.operations.model import DeadLetter
from chalicelib.platform.log import log

BATCH = 10
"""As many as SQS gives at once."""
HIDDEN_SECONDS = 60
"""From others, while we are at it. Longer than the API's function may run."""
AT_ONCE = 50
"""So many are handled by one call."""
SEARCHED = 200
"""So many are looked through for the ones that are wanted."""
WORK_SECONDS = 7
"""No dead letter is begun after this time: the API's function ends after 15 seconds, and the last one needs some."""


class Depth(BaseModel):
    """How many messages wait, and how many somebody is at. About: SQS counts as it goes."""

    waiting: int
    in_flight: int


@dataclass
class Handled:
    """By id of the letter; what failed says why, and stays.

    `complete` is True if nothing that was asked for is left untried.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    complete: bool = False

    @property
    def tried(self) -> int:
        return len(self.done) + len(self.failed)


class DeadLetterQueue:
    def __init__(self, sqs: Any, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a clock that only goes forward."""
        self._sqs = sqs
        self._seconds = seconds

    def depth(self, url: str) -> Depth:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return Depth(waiting=int(told[names[0]]), in_flight=int(told[names[1]]))

    def peek(self, url: str) -> list[DeadLetter]:
        """Up to ten of them, which stay where they are."""
        received = self._receive(url)
        self._put_back(url, received)
        return [_letter(message) for message in received]

    def handle(
        self, url: str, wanted: list[str] | None, act: Callable[[DeadLetter], None], sent_until: int | None = None
    ) -> Handled:
        """Call `act` on each wanted dead letter, or on all, and delete those that it did not raise for.

        `sent_until` (Unix milliseconds) leaves out what was sent later: whatever fails again is parked again at once,
        and would be taken up for ever. Ends early after AT_ONCE dead letters or WORK_SECONDS.
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

    def send(self, url: str, letter: DeadLetter) -> None:
        """The same message again, to the queue that it came from."""
        attributes = {name: value for name, value in letter.attributes.items() if "DataType" in value}
        # A new id for the deduplication of FIFO queues, which would take it for the message that failed.
        order = {"MessageGroupId": letter.group, "MessageDeduplicationId": letter.id} if letter.group else {}
        self._sqs.send_message(QueueUrl=url, MessageBody=letter.body, MessageAttributes=attributes, **order)

    def _acted(self, url: str, message: dict[str, Any], act: Callable[[DeadLetter], None], handled: Handled) -> bool:
        letter = _letter(message)
        try:
            act(letter)
        except Exception as failure:
            log.exception("dead letter not handled", extra={"message_id": letter.id})
            handled.failed[letter.id] = type(failure).__name__
            return False
        self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        handled.done.append(letter.id)
        return True

    def _walk(self, url: str) -> Iterator[dict[str, Any]]:
        """Each message once, until there are no more. What is taken and not deleted must be put back."""
        seen: set[str] = set()
        while len(seen) < SEARCHED and (batch := self._receive(url)):
            unread = [message for message in batch if message["MessageId"] not in seen]
            try:
                while unread:
                    seen.add(unread[0]["MessageId"])
                    yield unread.pop(0)
            finally:
                self._put_back(url, unread)

    def _receive(self, url: str) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # asks all servers of SQS, not some
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _put_back(self, url: str, messages: list[dict[str, Any]]) -> None:
        entries = [
            {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for place, message in enumerate(messages)
        ]
        for first in range(0, len(entries), BATCH):
            self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries[first : first + BATCH])


def _all_seen(url: str, deleted: int, held_back: int) -> bool:
    """A queue that gives out no more has shown all, unless we stopped looking, or hold a FIFO queue's group back."""
    return deleted + held_back < SEARCHED and not (held_back and url.endswith(".fifo"))


def _is_asked_for(message: dict[str, Any], wanted: list[str] | None, sent_until: int | None) -> bool:
    if wanted is not None:
        return message["MessageId"] in wanted
    return sent_until is None or int(message["Attributes"]["SentTimestamp"]) <= sent_until


def _letter(message: dict[str, Any]) -> DeadLetter:
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
