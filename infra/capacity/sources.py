"""Event sources: what invokes functions, at the rates at which AWS polls queues and streams.

Pages of the Lambda developer guide: "Configuring scaling behavior for SQS event source mappings", "Using Lambda with
DynamoDB Streams", "Polling and batching streams".
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Protocol

from infra.capacity.pool import Series, Simulation

INITIAL_POLLERS = 5
POLLERS_PER_SECOND = 300 / 60
MOST_POLLERS = 1000
STREAM_POLLS_PER_SECOND = 4
LONGEST_STREAM_PAUSE = 60.0


class TraceInvalid(Exception):
    """The file with the arrivals is not as it must be. The message is one line."""


class Consumer(Protocol):
    """A function as its sources see it: called with a batch, it reports an error's name or None."""

    def __call__(self, batch: list[Any], then: Callable[[str | None], None]) -> None: ...


Rates = list[tuple[float, float]]
"""Requests a second from each second on; the last entry ends the trace."""


def constant(rate: float, seconds: float) -> Rates:
    return [(0.0, rate), (seconds, 0.0)]


def from_file(path: Path) -> Rates:
    """Read `second,rps` lines with a header. The last line ends the trace; its rate is ignored. Raises TraceInvalid."""
    try:
        with path.open(newline="") as file:
            rates = [(float(row["second"]), float(row["rps"])) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, csv.Error) as error:
        raise TraceInvalid(f"{path}: a header `second,rps` and two numbers a line are needed ({error})") from None
    seconds = [second for second, _ in rates]
    if len(rates) < 2 or seconds != sorted(set(seconds)) or seconds[0] != 0:
        raise TraceInvalid(f"{path}: at least two lines are needed, from second 0 on and in order of time")
    if not all(0 <= rate < 1e6 for _, rate in rates) or not seconds[-1] < 1e6:
        raise TraceInvalid(f"{path}: rates are numbers from 0 to a million, and so are seconds")
    return rates


def arrivals(rates: Rates, random: Random) -> Iterator[float]:
    """Yield the times of a Poisson process whose rate changes by steps."""
    for (begin, rate), (end, _) in pairwise(rates):
        now = begin
        while rate and (now := now + random.expovariate(rate)) < end:
            yield now


class Queue:
    """SQS queue with the event source mapping that empties it.

    Without maximum concurrency, a mapping starts with five pollers and adds 300 a minute while messages wait. The
    messages of a batch that failed or was throttled return after the visibility timeout.
    """

    def __init__(
        self,
        simulation: Simulation,
        name: str,
        consumer: Consumer,
        *,
        batch_size: int = 10,
        window: float = 0,
        maximum_concurrency: int | None = None,
        visibility_timeout: float = 30,
        max_receive_count: int = 0,
    ) -> None:
        self.name, self.maximum_concurrency = name, maximum_concurrency
        self.sent = self.received = self.batches = self.waited = self.failed_batches = self.dead_letters = 0
        self.waiting_seconds = self.longest_wait = 0.0
        self.depth = Series()
        self._simulation, self._consumer = simulation, consumer
        self._batch_size, self._window = batch_size, window
        self._visibility_timeout, self._max_receive_count = visibility_timeout, max_receive_count
        self._messages: deque[tuple[float, int, Any]] = deque()
        """Time of sending, number of receives, body."""
        self._running, self._busy_since = 0, 0.0
        self._is_due = False

    @property
    def waiting(self) -> int:
        return len(self._messages)

    @property
    def pollers(self) -> int:
        """How many batches may be processed at once."""
        if self.maximum_concurrency:
            return self.maximum_concurrency
        grown = POLLERS_PER_SECOND * (self._simulation.now - self._busy_since)
        return min(MOST_POLLERS, INITIAL_POLLERS + int(grown))

    def send(self, body: Any) -> None:
        self.sent += 1
        self._add((self._simulation.now, 0, body))

    def _add(self, message: tuple[float, int, Any]) -> None:
        if not self._messages and not self._running:
            self._busy_since = self._simulation.now
        self._messages.append(message)
        self.depth.set(self._simulation.now, len(self._messages))
        if self._window and len(self._messages) < self._batch_size:
            self._poll_after(self._window)
        else:
            self._poll()

    def _poll_after(self, seconds: float) -> None:
        if not self._is_due:
            self._is_due = True
            self._simulation.after(seconds, self._due)

    def _due(self) -> None:
        self._is_due = False
        self._poll()

    def _poll(self) -> None:
        while self._messages and self._running < self.pollers:
            count = min(self._batch_size, len(self._messages))
            batch = [self._messages.popleft() for _ in range(count)]
            self._running += 1
            self.batches += 1
            self._note_waits(batch)
            self._consumer([body for _, _, body in batch], partial(self._ended, batch))
        self.depth.set(self._simulation.now, len(self._messages))
        if self._messages and not self.maximum_concurrency:
            self._poll_after(1 / POLLERS_PER_SECOND)

    def _note_waits(self, batch: list[tuple[float, int, Any]]) -> None:
        now = self._simulation.now
        for sent_at, _, _ in batch:
            self.received += 1
            self.waited += now > sent_at
            self.waiting_seconds += now - sent_at
            self.longest_wait = max(self.longest_wait, now - sent_at)

    def _ended(self, batch: list[tuple[float, int, Any]], error: str | None) -> None:
        self._running -= 1
        if error:
            self.failed_batches += 1
            self._simulation.after(self._visibility_timeout, self._return, batch)
        self._poll()

    def _return(self, batch: list[tuple[float, int, Any]]) -> None:
        for sent_at, receives, body in batch:
            if self._max_receive_count and receives + 1 >= self._max_receive_count:
                self.dead_letters += 1
            else:
                self._add((sent_at, receives + 1, body))


class Stream:
    """DynamoDB stream with one of its event source mappings: shards × parallelization factor batches at once.

    Records of one key stay in one lane, in order. A batch that fails blocks its lane and is tried again.
    """

    def __init__(
        self,
        simulation: Simulation,
        name: str,
        consumer: Consumer,
        *,
        shards: int,
        batch_size: int = 100,
        parallelization_factor: int = 1,
        maximum_retry_attempts: int = -1,
    ) -> None:
        self.name = name
        self.sent = self.lost = self.failed_batches = 0
        self.longest_wait = 0.0
        self.depth = Series()
        self.waiting = 0
        self._simulation, self._consumer = simulation, consumer
        self._batch_size, self._attempts = batch_size, maximum_retry_attempts
        self._lanes: list[deque[tuple[float, Any]]] = [deque() for _ in range(shards * parallelization_factor)]
        self._is_polled = [False] * len(self._lanes)

    def send(self, key: int, record: Any) -> None:
        self.sent += 1
        self._count(1)
        lane = key % len(self._lanes)
        self._lanes[lane].append((self._simulation.now, record))
        if not self._is_polled[lane]:
            self._is_polled[lane] = True
            pause = 1 / STREAM_POLLS_PER_SECOND
            self._simulation.at((self._simulation.now // pause + 1) * pause, self._poll, lane)

    def _poll(self, lane: int) -> None:
        records = self._lanes[lane]
        self._is_polled[lane] = bool(records)
        if records:
            batch = [records.popleft() for _ in range(min(self._batch_size, len(records)))]
            self._count(-len(batch))
            self.longest_wait = max(self.longest_wait, self._simulation.now - batch[0][0])
            self._invoke(lane, [record for _, record in batch], 0)

    def _invoke(self, lane: int, batch: list[Any], attempt: int) -> None:
        def ended(error: str | None) -> None:
            if error is None:
                self._poll(lane)
                return
            self.failed_batches += 1
            if 0 <= self._attempts <= attempt:
                self.lost += len(batch)
                self._poll(lane)
            else:
                pause = min(2.0**attempt, LONGEST_STREAM_PAUSE)
                self._simulation.after(pause, self._invoke, lane, batch, attempt + 1)

        self._consumer(batch, ended)

    def _count(self, by: int) -> None:
        self.waiting += by
        self.depth.set(self._simulation.now, self.waiting)
