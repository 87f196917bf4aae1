"""Limits: the token buckets of quotas, tables, indexes and keys, and what a call takes from them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from infra.capacity.design import Design
from infra.capacity.measured import Measured, Quota, Work
from infra.capacity.pool import Bucket

TABLE_BUSY = "TableBusy"
MINUTES_TO_GROW = 30


@dataclass
class Demand:
    """Units that a call takes from buckets. Of `only_hot`, only a call for the hot product takes any."""

    buckets: list[Bucket]
    units: float
    error: str
    only_hot: bool = False


class Limits:
    """All buckets of a run by name. Callers that name the same limit share its bucket."""

    def __init__(self, design: Design, measured: Measured, quotas: dict[str, Quota], shards: int) -> None:
        self._design, self._measured, self._quotas, self._shards = design, measured, quotas, shards
        self.buckets: dict[str, Bucket] = {}
        self._tables: dict[str, Bucket] = {}
        """Tables and indexes whose keys are spread evenly."""
        self._used: dict[str, list[float]] = {}
        """By table, the units used until the end of each minute."""

    def end_minute(self) -> None:
        """Raise what a table takes to twice its highest minute, half an hour after that minute.

        DynamoDB developer guide, "DynamoDB on-demand capacity mode": throttling can occur at more than double the
        previous peak within 30 minutes.
        """
        for name, bucket in self._tables.items():
            used = self._used.setdefault(name, [0.0])
            used.append(bucket.used)
            if len(used) > MINUTES_TO_GROW + 1:
                minute = used[-MINUTES_TO_GROW - 1] - used[-MINUTES_TO_GROW - 2]
                bucket.rate = bucket.burst = max(bucket.rate, 2 * minute / 60)

    def demands(self, work: Work) -> Iterator[Demand]:
        """Yield what one call for one order takes."""
        patience, contention = self._measured.throttle_patience_seconds, self._measured.contention_patience_seconds
        for kind, places in (("writes", work.writes), ("reads", work.reads)):
            for place, units in places.items():
                only_hot = place == self._measured.hot_product
                parts = range(self._parts(place))
                yield Demand([self._place(place, kind, n, patience) for n in parts], units, TABLE_BUSY, only_hot)
                if kind == "writes" and "#" in place:
                    yield Demand([self._conflicts(place, n, contention) for n in parts], 1, TABLE_BUSY, only_hot)
        for name, calls in work.uses.items():
            yield Demand([self.rate(name)], calls, self._quotas[name].error)

    def number(self, quota: str) -> float:
        """Return the value of a quota that is a number."""
        value = self._quotas[quota].value
        assert value is not None
        return value

    def rate(self, name: str) -> Bucket:
        """Return the bucket of a quota that is a rate."""
        quota = self._quotas[name]
        assert quota.rate and quota.burst
        return self.bucket(name, quota.rate, quota.burst, quota.patience, f"quota {name}")

    def bucket(self, name: str, rate: float, burst: float, patience: float, setting: str) -> Bucket:
        if name not in self.buckets:
            self.buckets[name] = Bucket(name, rate, burst, patience, setting)
        return self.buckets[name]

    def _parts(self, place: str) -> int:
        """Return over how many buckets a place's units are spread."""
        if place == self._measured.hot_product:
            return self._shards
        return math.ceil(self._measured.keys.get(place, 1))

    def _place(self, place: str, kind: str, number: int, patience: float) -> Bucket:
        """Return the bucket of a table or index, or of one of its keys if it has few."""
        table = self._design.tables[place.split("/")[0].split("#")[0]]
        if place in self._measured.keys or "#" in place:
            rate = self.number(f"partition_{kind}")
            return self.bucket(f"{place} {kind}, key {number + 1}", rate, rate, patience, "more partition keys")
        rate = table.writes if kind == "writes" else table.reads
        resource = place.split("/")[0]
        bucket = self.bucket(f"{place} {kind}", rate, rate, patience, f"{resource}.WarmThroughput")
        return self._tables.setdefault(bucket.name, bucket)

    def _conflicts(self, place: str, number: int, patience: float) -> Bucket:
        rate = 1000 / self._measured.transaction_ms
        return self.bucket(f"{place} transactions, key {number + 1}", rate, 1, patience, "more counters")
