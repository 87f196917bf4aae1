"""Queues: SQS's standard queues, at least once and in no order, with visibility timeouts and dead-letter queues."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.cloud.calls import client_error
from testbed.loop import START, Loop
from testbed.plan import Injector, Site, What

Attributes = Mapping[str, Any]


@dataclass
class Message:
    """A message; `visible_at` is when it can be received (next), in seconds of the run."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    attributes: dict[str, Any] = field(default_factory=dict)
    receives: int = 0
    source: str | None = None
    """The ARN of the queue that it died in, of a dead letter."""


class Queue:
    """`max_receives` and `dead_letters` are the redrive policy; `watchers` are called when a message is ready."""

    def __init__(self, loop: Loop, injector: Injector, name: str, arn: str, visibility_seconds: float) -> None:
        self.name, self.arn = name, arn
        self.visibility_seconds = visibility_seconds
        self.max_receives: int | None = None
        self.dead_letters: Queue | None = None
        self.watchers: list[Callable[[], None]] = []
        self.messages: dict[str, Message] = {}
        self.sent = self.buried = 0
        self._loop, self._injector = loop, injector

    def send(self, body: str, delay_seconds: float = 0, attributes: Attributes | None = None) -> str:
        """Return the message's id. A fault may delay, repeat or overtake it."""
        self.sent += 1
        message_id = f"{self.name}-{self.sent}"
        copies = [delay_seconds]
        fault = self._injector.strike(Site("queue", self.name), self._loop.now, message_id)
        if fault is not None and fault.what == What.DUPLICATE:
            copies.append(delay_seconds + 5 * self._loop.draw(f"{message_id}:copy"))
        elif fault is not None:
            most = fault.seconds if fault.what == What.DELAY else 2 * fault.seconds
            copies = [delay_seconds + most * self._loop.draw(f"{message_id}:late")]
        for number, delay in enumerate(copies):
            copy_id = f"{message_id}+" if number else message_id
            self._put(Message(copy_id, body, self._loop.now, self._loop.now + delay, dict(attributes or {})))
        return message_id

    def receive(self, at_most: int, visibility_seconds: float | None = None) -> list[Message]:
        """Return messages that can be received, in an order that follows from the seed, and hide them for a while."""
        ready = [each for each in self.messages.values() if each.visible_at <= self._loop.now]
        ready.sort(key=lambda each: self._loop.draw(f"{each.id}:{each.receives}"))
        taken: list[Message] = []
        for message in ready:
            if len(taken) == at_most:
                break
            if self.max_receives is not None and message.receives >= self.max_receives:
                self._bury(message)
                continue
            message.receives += 1
            hidden = self.visibility_seconds if visibility_seconds is None else visibility_seconds
            self.hide(message, hidden)
            taken.append(message)
        return taken

    def hide(self, message: Message, seconds: float) -> None:
        message.visible_at = self._loop.now + seconds
        self._wake_at(message.visible_at)

    def delete(self, message_id: str) -> None:
        self.messages.pop(message_id, None)

    @property
    def ready(self) -> int:
        return sum(each.visible_at <= self._loop.now for each in self.messages.values())

    def _put(self, message: Message) -> None:
        self.messages[message.id] = message
        # A message shows after the time that SQS needs to store it.
        self._wake_at(message.visible_at + 0.01 * self._loop.draw(f"{message.id}:stored"))

    def _bury(self, message: Message) -> None:
        self.buried += 1
        del self.messages[message.id]
        if self.dead_letters is not None:
            buried = Message(message.id, message.body, message.sent_at, self._loop.now, message.attributes)
            buried.source = self.arn
            self.dead_letters._put(buried)

    def _wake_at(self, seconds: float) -> None:
        if self.watchers:
            self._loop.at(seconds, self._wake)

    def _wake(self) -> None:
        for watcher in self.watchers:
            watcher()


def record_of(queue: Queue, message: Message) -> dict[str, Any]:
    """Return a message as an event source mapping gives it to a function. Lambda developer guide, "Using Lambda with
    Amazon SQS"."""
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": message.attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": "eu-west-1",
    }


def system_attributes(message: Message) -> dict[str, str]:
    found = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(round(1000 * (START.timestamp() + message.sent_at))),
    }
    return found | ({"DeadLetterQueueSourceArn": message.source} if message.source else {})


class SqsApi:
    """SQS's operations on these queues, named and shaped as in boto3."""

    def __init__(self, loop: Loop, queues: Mapping[str, Queue]) -> None:
        self._loop, self._queues = loop, queues

    def send_message(
        self,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: float = 0,
        MessageAttributes: Attributes | None = None,
        **_: Any,
    ) -> dict[str, str]:
        return {"MessageId": self._queue(QueueUrl).send(MessageBody, DelaySeconds, MessageAttributes)}

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        queue = self._queue(QueueUrl)
        sent = [
            {"Id": entry["Id"], "MessageId": queue.send(entry["MessageBody"], entry.get("DelaySeconds", 0))}
            for entry in Entries
        ]
        return {"Successful": sent}

    def receive_message(
        self, QueueUrl: str, MaxNumberOfMessages: int = 1, VisibilityTimeout: float | None = None, **_: Any
    ) -> dict[str, Any]:
        received = self._queue(QueueUrl).receive(MaxNumberOfMessages, VisibilityTimeout)
        messages = [
            {
                "MessageId": each.id,
                "ReceiptHandle": each.id,
                "Body": each.body,
                "Attributes": system_attributes(each),
                "MessageAttributes": each.attributes,
            }
            for each in received
        ]
        return {"Messages": messages} if messages else {}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        self._queue(QueueUrl).delete(ReceiptHandle)
        return {}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        queue = self._queue(QueueUrl)
        for entry in Entries:
            if message := queue.messages.get(entry["ReceiptHandle"]):
                queue.hide(message, entry["VisibilityTimeout"])
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        queue = self._queue(QueueUrl)
        hidden = sum(each.receives > 0 for each in queue.messages.values()) - sum(
            each.receives > 0 and each.visible_at <= self._loop.now for each in queue.messages.values()
        )
        counts = {
            "ApproximateNumberOfMessages": queue.ready,
            "ApproximateNumberOfMessagesNotVisible": hidden,
            "ApproximateNumberOfMessagesDelayed": len(queue.messages) - queue.ready - hidden,
        }
        return {"Attributes": {name: str(count) for name, count in counts.items()} | {"QueueArn": queue.arn}}

    def _queue(self, url: str) -> Queue:
        name = url.rsplit("/", 1)[-1]
        if name not in self._queues:
            raise client_error("SQS", "AWS.SimpleQueueService.NonExistentQueue")
        return self._queues[name]
