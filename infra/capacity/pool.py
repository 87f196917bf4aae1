"""Pool of execution environments: warm environments by function and configuration, as Lambda keeps them.

An invocation takes a provisioned environment, else the one that became idle last, else a new one (a cold start). It is
throttled by reserved concurrency, by the account's concurrency and requests, and by the rate at which a function may
scale. Sources: Lambda developer guide, "Lambda scaling behavior" and "Understanding Lambda function scaling". That
idle environments expire after a fixed time, and that the latest is used first, is not documented: it is assumed.
"""

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any


class Simulation:
    """Discrete-event simulation: a clock in seconds, and what happens when. Equal seeds give equal runs."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self._agenda: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._number = itertools.count()

    def at(self, when: float, act: Callable[..., Any], *arguments: Any) -> None:
        heapq.heappush(self._agenda, (when, next(self._number), act, arguments))

    def after(self, seconds: float, act: Callable[..., Any], *arguments: Any) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._number), act, arguments))

    def run(self, until: float) -> None:
        agenda = self._agenda
        while agenda and agenda[0][0] <= until:
            self.now, _, act, arguments = heapq.heappop(agenda)
            act(*arguments)
        self.now = until

    @property
    def is_over(self) -> bool:
        return not self._agenda


class Series:
    """The largest value of each second, for plots and peaks."""

    def __init__(self) -> None:
        self.values: list[int] = []
        self._last = 0

    def set(self, now: float, value: int) -> None:
        second, values = int(now), self.values
        while len(values) <= second:
            values.append(self._last)
        if values[second] < value:
            values[second] = value
        self._last = value

    @property
    def peak(self) -> int:
        return max(self.values, default=0)


class Bucket:
    """Token bucket: `rate` units a second, at most `burst` of them saved.

    A caller waits for missing units up to `patience` seconds, as an SDK's retries do, and is refused beyond.
    `setting` names what moves the limit.
    """

    def __init__(self, name: str, rate: float, burst: float, patience: float = 0, setting: str = "") -> None:
        self.name, self.rate, self.burst, self.patience, self.setting = name, rate, burst, patience, setting
        self.used = 0.0
        self.delayed = self.refused = 0
        self._units, self._at = burst, 0.0

    def has(self, now: float, units: float) -> bool:
        """Return whether the units are there now."""
        return min(self.burst, self._units + (now - self._at) * self.rate) >= units

    def wait(self, now: float, units: float = 1) -> float | None:
        """Take the units and return the seconds until they are there. Return None, and take none, if refused."""
        saved = self._units + (now - self._at) * self.rate
        if saved > self.burst:
            saved = self.burst
        self._at = now
        left = saved - units
        if left >= 0:
            self._units = left
            self.used += units
            return 0.0
        seconds = -left / self.rate
        if seconds > self.patience:
            self._units = saved
            self.refused += 1
            return None
        self._units = left
        self.used += units
        self.delayed += 1
        return seconds


class Account:
    """Concurrency that all functions of an account and region share.

    Provisioned and reserved concurrency is taken out of it. `requests` limits invocations a second, ten for each
    concurrent one.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = self.unreserved = concurrency
        self.busy = 0
        self.requests = Bucket("Lambda requests", 10 * concurrency, 10 * concurrency)
        self.pools: dict[tuple[str, str], Pool] = {}

    def add(self, pool: "Pool") -> None:
        """Keep a function's pool under its name and configuration, and what it reserves."""
        self.pools[pool.name, pool.configuration] = pool
        self.unreserved -= pool.provisioned if pool.reserved is None else pool.reserved


class Pool:
    """The environments of one configuration of a function."""

    def __init__(
        self,
        simulation: Simulation,
        account: Account,
        name: str,
        configuration: str = "",
        *,
        init_seconds: float = 0,
        idle_seconds: float = 300,
        scaling: Bucket | None = None,
        reserved: int | None = None,
        provisioned: int = 0,
    ) -> None:
        self.name, self.configuration = name, configuration
        self.reserved, self.provisioned = reserved, provisioned
        self.busy = self.invocations = self.cold = self.expired = 0
        self.throttled: Counter[str] = Counter()
        self.busy_seconds = 0.0
        self.concurrency = Series()
        self._simulation, self._account = simulation, account
        self._init_seconds, self._idle_seconds, self._scaling = init_seconds, idle_seconds, scaling
        self._idle: deque[float] = deque()
        """Of each idle environment the time at which it became idle, oldest first."""
        self._provisioned_busy = 0
        self._area, self._changed = 0.0, 0.0
        account.add(self)

    @property
    def warm(self) -> int:
        """How many environments are idle and not expired."""
        self._expire()
        return len(self._idle) + self.provisioned - self._provisioned_busy

    def mean_concurrency(self) -> float:
        """Return the mean over the time so far: L of Little's law, from the area below the curve."""
        self._change(0)
        return self._area / self._simulation.now if self._simulation.now else 0.0

    def invoke(self, seconds: float, then: Callable[..., Any], *arguments: Any) -> bool:
        """Start an invocation and call `then` when it ends. Return False if it is throttled."""
        reason = self._refusal()
        if reason:
            self.throttled[reason] += 1
            return False
        is_provisioned = self._provisioned_busy < self.provisioned
        if is_provisioned:
            self._provisioned_busy += 1
        elif self._idle:
            self._idle.pop()
        else:
            self.cold += 1
            seconds += self._init_seconds
        if not is_provisioned and self.reserved is None:
            self._account.busy += 1
        self.invocations += 1
        self.busy_seconds += seconds
        self._change(1)
        self._simulation.after(seconds, self._end, is_provisioned, then, arguments)
        return True

    def _refusal(self) -> str:
        """Return why no further invocation may start now, or nothing."""
        now = self._simulation.now
        if self.reserved is not None and self.busy >= self.reserved:
            return "reserved concurrency"
        if self._provisioned_busy < self.provisioned:
            return ""
        if self.reserved is None:
            if self._account.busy >= self._account.unreserved:
                return "account concurrency"
            if self._account.requests.wait(now) is None:
                return "account requests"
        self._expire()
        if not self._idle and self._scaling and self._scaling.wait(now) is None:
            return "scaling rate"
        return ""

    def _end(self, is_provisioned: bool, then: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if is_provisioned:
            self._provisioned_busy -= 1
        else:
            self._idle.append(self._simulation.now)
            if self.reserved is None:
                self._account.busy -= 1
        self._change(-1)
        then(*arguments)

    def _expire(self) -> None:
        oldest = self._simulation.now - self._idle_seconds
        while self._idle and self._idle[0] < oldest:
            self._idle.popleft()
            self.expired += 1

    def _change(self, by: int) -> None:
        now = self._simulation.now
        self._area += self.busy * (now - self._changed)
        self._changed = now
        self.busy += by
        self.concurrency.set(now, self.busy)
