"""The queues as SQS holds them: how much lies in each, and handling what was given up.

A dead letter is deleted only after it was handled, so none is lost; one that is handled just before we die is
handled again. SQS's own redrive (StartMessageMoveTask) is not used: it moves all or nothing, and knows nothing of
letters that must be settled in another way than by moving them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chalicelib.operations.model import Letter
from chalicelib.platform.log import log

BATCH = 10
"""As many as SQS gives at once."""
HIDDEN_SECONDS = 60
"""From others, while we are at it. Longer than the API's function may run."""
AT_ONCE = 50
"""So many are handled by one call."""
SEARCHED = 200
"""So many are looked through for the ones that are wanted."""


class Depth(BaseModel):
    """How many messages wait, and how many somebody is at. About: SQS counts as it goes."""

    waiting: int
    in_flight: int


@dataclass
class Handled:
    """By id of the letter; what failed says why, and stays."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Letters:
    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def depth(self, url: str) -> Depth:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return Depth(waiting=int(told[names[0]]), in_flight=int(told[names[1]]))

    def peek(self, url: str) -> list[Letter]:
        """Up to ten of them, which stay where they are."""
        received = self._receive(url)
        self._put_back(url, received)
        return [_letter(message) for message in received]

    def handle(self, url: str, wanted: list[str] | None, act: Callable[[Letter], None]) -> Handled:
        """`act` on each letter that is wanted, or on all, and delete those that it did not raise for."""
        handled, left = Handled(), []
        try:
            for message in self._walk(url):
                if wanted is not None and message["MessageId"] not in wanted:
                    left.append(message)
                    continue
                if not self._acted(url, message, act, handled):
                    left.append(message)
                seen = len(handled.done) + len(handled.failed)
                if seen == (AT_ONCE if wanted is None else len(wanted)):
                    break
        finally:
            self._put_back(url, left)
        return handled

    def send(self, url: str, letter: Letter) -> None:
        """The same message again, to the queue that it came from."""
        attributes = {name: value for name, value in letter.attributes.items() if "DataType" in value}
        # A new id for the deduplication of FIFO queues, which would take it for the message that failed.
        order = {"MessageGroupId": letter.group, "MessageDeduplicationId": letter.id} if letter.group else {}
        self._sqs.send_message(QueueUrl=url, MessageBody=letter.body, MessageAttributes=attributes, **order)

    def _acted(self, url: str, message: dict[str, Any], act: Callable[[Letter], None], handled: Handled) -> bool:
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
        for message in messages:
            self._sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )


def _letter(message: dict[str, Any]) -> Letter:
    system = message["Attributes"]
    return Letter(
        id=message["MessageId"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        group=system.get("MessageGroupId"),
        sent=int(system["SentTimestamp"]),
        first_received=int(system.get("ApproximateFirstReceiveTimestamp", 0)) or None,
        receive_count=int(system["ApproximateReceiveCount"]),
    )
