"""Job: the work of a function or of a route of the API, with what it takes from the limits and what it causes."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from infra.capacity.limits import Demand
from infra.capacity.measured import Work
from infra.capacity.pool import Pool, Simulation
from infra.capacity.workflow import Execution

THROTTLED = "Lambda.TooManyRequestsException"
P95 = 1.6449
"""Standard deviations from the median to the 95th percentile of a normal distribution."""


@dataclass
class Order:
    number: int
    is_hot: bool
    placed_at: float = 0.0
    execution: Execution | None = None


Item = tuple[Order, str]
"""An order, and the event or message about it."""


class Job:
    """The work of a function, or of a route of the API: how long it takes, what from, and what it causes."""

    def __init__(
        self,
        simulation: Simulation,
        pool: Pool,
        work: Work,
        demands: Iterable[Demand],
        cause: Callable[[Work, list[Item]], None],
        *,
        timeout: float,
        further_item: float,
        shards: Random,
    ) -> None:
        median, late = work.ms
        self.pool, self.work, self.done = pool, work, 0
        self._simulation, self._cause, self._timeout, self._shards = simulation, cause, timeout, shards
        self._mu, self._sigma = math.log(median / 1000), max(0.0, math.log(late / median)) / P95
        self._further = further_item if work.further_item is None else work.further_item
        self._demands = list(demands)
        self._has_effects = bool(work.events or work.publishes or work.sends or work.replies)
        self._has_effects |= bool(work.starts or work.resumes)

    def __call__(self, batch: list[Item], then: Callable[[str | None], None]) -> None:
        """Invoke the function for a batch. `then` gets an error's name, or None after success."""
        first = math.exp(self._simulation.random.gauss(self._mu, self._sigma))
        seconds = first * (1 + self._further * (len(batch) - 1))
        waited, error = self._taken(batch)
        # Items of a batch are processed one after another, so that most of a wait passes meanwhile.
        seconds = min(max(seconds, first + waited), self._timeout)
        if not self.pool.invoke(seconds, self._ended, batch, error, then):
            then(THROTTLED)

    def _taken(self, batch: list[Item]) -> tuple[float, str | None]:
        """Take all units. Return the longest wait, and the error of what was refused."""
        now, longest, size = self._simulation.now, 0.0, len(batch)
        for demand in self._demands:
            count = sum(order.is_hot for order, _ in batch) if demand.only_hot else size
            if not count:
                continue
            buckets = demand.buckets
            bucket = buckets[0] if len(buckets) == 1 else buckets[self._shards.randrange(len(buckets))]
            seconds = bucket.wait(now, demand.units * count)
            if seconds is None:
                return bucket.patience, demand.error
            if seconds > longest:
                longest = seconds
        return longest, None

    def _ended(self, batch: list[Item], error: str | None, then: Callable[[str | None], None]) -> None:
        if not error:
            self.done += len(batch)
            if self._has_effects:
                self._cause(self.work, batch)
        then(error)
