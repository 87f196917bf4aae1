"""Event source mappings: what hands a queue's messages or a stream's records to a function."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from testbed.cloud.functions import Functions, Result
from testbed.cloud.patterns import Pattern
from testbed.cloud.queues import Message, Queue, record_of
from testbed.loop import Loop

SubjectOf = Callable[[Any], str | None]
"""Returns what a batch of records is about, if it is about one thing."""
SHARDS = 3
POLL_SECONDS = 0.2


class QueueSource:
    """Invokes a function with batches of a queue's messages. Lambda developer guide, "Using Lambda with Amazon SQS".

    What an invocation does not report as done becomes visible again after the visibility timeout.
    """

    def __init__(
        self,
        loop: Loop,
        functions: Functions,
        subject_of: SubjectOf,
        queue: Queue,
        function: str,
        settings: Mapping[str, Any],
    ) -> None:
        self._loop, self._functions, self._subject_of = loop, functions, subject_of
        self._queue, self._function = queue, function
        self._batch_size = int(settings.get("BatchSize", 10))
        self._window = float(settings.get("MaximumBatchingWindowInSeconds", 0))
        self._at_once = int(settings.get("ScalingConfig", {}).get("MaximumConcurrency", 5))
        self._reports_failures = "ReportBatchItemFailures" in settings.get("FunctionResponseTypes", [])
        self._running = 0
        self._is_polling = False
        queue.watchers.append(self._poll)

    @property
    def is_idle(self) -> bool:
        return not self._running

    def _poll(self) -> None:
        if not self._is_polling and self._running < self._at_once and self._queue.ready:
            self._is_polling = True
            wait = self._window + POLL_SECONDS * self._loop.draw(f"{self._queue.name}:{self._loop.now}")
            self._loop.after(wait, self._take)

    def _take(self) -> None:
        self._is_polling = False
        batch = self._queue.receive(self._batch_size)
        if not batch:
            return
        self._running += 1
        event = {"Records": [record_of(self._queue, message) for message in batch]}
        self._functions.invoke(
            self._function, event, self._subject_of(event), lambda result: self._ended(batch, result)
        )
        self._poll()

    def _ended(self, batch: list[Message], result: Result) -> None:
        self._running -= 1
        if result.error is None:
            failed = failures_in(result.value) if self._reports_failures else set()
            for message in batch:
                if message.id not in failed:
                    self._queue.delete(message.id)
        self._poll()


class Stream:
    """A table's stream: hands each record to the sources of its shard, once it was written."""

    def __init__(self, records: Callable[[], Sequence[Any]]) -> None:
        self._records = records
        self._seen = 0
        self.sources: list[list[StreamSource]] = [[] for _ in range(SHARDS)]

    def look(self) -> None:
        """Look for new records; called after each write."""
        records = self._records()
        if len(records) == self._seen:
            return
        new, self._seen = records[self._seen :], len(records)
        for record in new:
            event = record.event()
            for source in self.sources[shard_of(event)]:
                source.add(event)


class StreamSource:
    """Invokes a function with a shard's records in order. Lambda developer guide, "Using AWS Lambda with Amazon
    DynamoDB".

    A batch that fails is tried again from its first failed record, halved if the function says nothing; after all
    attempts, its position goes to the failure destination.
    """

    def __init__(
        self,
        loop: Loop,
        functions: Functions,
        subject_of: SubjectOf,
        shard: int,
        function: str,
        settings: Mapping[str, Any],
        destination: Queue | None,
    ) -> None:
        self._loop, self._functions, self._subject_of = loop, functions, subject_of
        self._shard, self._function = shard, function
        filters = settings.get("FilterCriteria", {}).get("Filters", [])
        self._patterns = [Pattern(json.loads(each["Pattern"])) for each in filters]
        self._batch_size = int(settings.get("BatchSize", 100))
        self._attempts = 1 + int(settings.get("MaximumRetryAttempts", 9_999))
        self._destination = destination
        self._waiting: list[dict[str, Any]] = []
        self._tried = self._polls = 0
        self._size = self._batch_size
        self._is_busy = False

    @property
    def is_idle(self) -> bool:
        return not self._is_busy and not self._waiting

    def add(self, record: dict[str, Any]) -> None:
        """Take a record of the shard, unless the mapping's filter leaves it out."""
        if not self._patterns or any(pattern.matches(record) for pattern in self._patterns):
            self._waiting.append(record)
            self._poll()

    def _poll(self) -> None:
        if not self._is_busy and self._waiting:
            self._is_busy = True
            self._polls += 1
            wait = POLL_SECONDS * self._loop.draw(f"{self._function}:{self._shard}:{self._polls}")
            self._loop.after(wait, self._take)

    def _take(self) -> None:
        batch = self._waiting[: self._size]
        event = {"Records": batch}
        self._functions.invoke(
            self._function, event, self._subject_of(event), lambda result: self._ended(batch, result)
        )

    def _ended(self, batch: list[dict[str, Any]], result: Result) -> None:
        failed = failures_in(result.value) if result.error is None else {position_of(batch[0])}
        done = next((n for n, record in enumerate(batch) if position_of(record) in failed), len(batch))
        self._waiting = self._waiting[done:]
        if done == len(batch):
            self._tried, self._size = 0, self._batch_size
            pause = 0.0
        else:
            self._tried = self._tried + 1 if not done else 1
            self._size = max(1, len(batch) // 2) if result.error else self._size
            pause = min(60.0, 0.5 * 2**self._tried)
            if self._tried >= self._attempts:
                self._give_up(self._waiting.pop(0))
        self._loop.after(pause, self._go_on)

    def _give_up(self, record: dict[str, Any]) -> None:
        self._tried, self._size = 0, self._batch_size
        if self._destination is not None:
            position = {"DDBStreamBatchInfo": {"startSequenceNumber": position_of(record)}}
            self._destination.send(json.dumps(position))

    def _go_on(self) -> None:
        self._is_busy = False
        self._poll()


def position_of(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def shard_of(record: dict[str, Any]) -> int:
    """Return the shard of a record: the records of one item are in one shard, in the order of its changes."""
    keys = record["dynamodb"]["Keys"]
    return sum(next(iter(keys.values())).get("S", "").encode()) % SHARDS


def failures_in(response: Any) -> set[str]:
    """Return the ids in a partial batch response."""
    return {each["itemIdentifier"] for each in (response or {}).get("batchItemFailures", [])}
