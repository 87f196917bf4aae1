"""Hot product: a burst of reservations of one SKU, by the real Inventory service, on keys with DynamoDB's limits.

The table is the AWS emulator's (MiniStack), in this process. Time is virtual. Each key of the table and of its index
`by-expiry` is a token bucket of `partition_writes` units a second, with one second of them saved. A transactional write
costs two units a KB, of which these items have less than one. A refused transaction is tried again as
`chalicelib/platform/dynamo.py` does, then as the saga's step is (`statemachine/retries.yaml`). Conflicts of
transactions are left out: AWS does not document how long they last.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import yaml

from chalicelib.inventory.service import Inventory
from chalicelib.inventory.shards import StockShard, total
from chalicelib.inventory.store import InventoryStore
from chalicelib.platform import dynamo, retries
from chalicelib.platform.ids import OrderId, Sku
from infra.build.template import ROOT
from infra.capacity import in_process
from infra.capacity.measured import quotas
from infra.capacity.pool import Bucket, Simulation

SKU = Sku("HOT-1")
ENVIRONMENTS = 100
"""Execution environments that share the orders. Each learns the number of shards from a refused transaction."""
UNITS_OF_A_TRANSACTION = 2
LONGEST_SECONDS = 3600.0


class Throttled(Exception):
    """A key has too few write units left at this moment."""


class LimitedKeys:
    """A client of DynamoDB that refuses a transaction if one of its keys has too few write units left."""

    def __init__(self, client: Any, simulation: Simulation) -> None:
        self._client, self._simulation = client, simulation
        self._rate = quotas()["partition_writes"].value or 0
        self.buckets: dict[str, Bucket] = {}
        self.is_limited = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, TransactItems: list[Any]) -> Any:
        """Raises Throttled, or ClientError as the client does."""
        if self.is_limited:
            self._take(_units(TransactItems))
        return self._client.transact_write_items(TransactItems=TransactItems)

    def _take(self, units_by_key: Counter[str]) -> None:
        """Take the units of all keys or of none. Raises Throttled."""
        now = self._simulation.now
        wanted = [(self._bucket(key), units) for key, units in units_by_key.items()]
        short = [bucket for bucket, units in wanted if not bucket.has(now, units)]
        for bucket in short:
            bucket.refused += 1
        if short:
            raise Throttled(short[0].name)
        for bucket, units in wanted:
            bucket.wait(now, units)

    def _bucket(self, key: str) -> Bucket:
        if key not in self.buckets:
            self.buckets[key] = Bucket(key, self._rate, self._rate)
        return self.buckets[key]


def _units(writes: list[Any]) -> Counter[str]:
    """Return the units of a transaction by key."""
    units: Counter[str] = Counter()
    for write in writes:
        found = write.get("Put") or write["Update"]
        units[(found.get("Item") or found["Key"])["pk"]] += UNITS_OF_A_TRANSACTION
        if "expiring" in found.get("Item", {}):
            units[f"by-expiry {found['Item']['expiring']}"] += 1
    return units


@dataclass(frozen=True)
class Burst:
    """Outcome of a burst: `seconds` until the last reservation; `refused` counts transactions by the key that refused.

    `failed` orders were refused at every attempt.
    """

    shards: int
    reserved: int
    failed: int
    seconds: float
    refused: Counter[str]
    counters: list[StockShard]

    @property
    def throttled(self) -> int:
        return sum(self.refused.values())

    @property
    def is_conserved(self) -> bool:
        """Return whether each counter's units add up, and the reserved ones are those of the orders."""
        sums = [shard.available + shard.reserved + shard.sold == shard.received for shard in self.counters]
        return all(sums) and total(SKU, self.counters).reserved == self.reserved


class Rush:
    """Sends all reservations at the same moment. Each order is of one unit, and there are as many units."""

    def __init__(self, reservations: int, shards: int, seed: int = 1) -> None:
        self._simulation = Simulation(seed)
        self._client = LimitedKeys(in_process.connect(), self._simulation)
        table = in_process.table(self._client, "InventoryTable")
        self._stores = [InventoryStore(cast(Any, self._client), table) for _ in range(min(ENVIRONMENTS, reservations))]
        self._environments = [Inventory(store, _now, timedelta(minutes=15)) for store in self._stores]
        self._reservations, self._shards = reservations, shards
        self._pauses = pauses_of_a_step()
        self._reserved = self._failed = 0
        self._last = 0.0

    def run(self) -> Burst:
        self._environments[0].receive(SKU, self._reservations)
        self._environments[0].split(SKU, self._shards)
        self._client.is_limited = True
        for number in range(self._reservations):
            self._simulation.at(0, self._reserve, number, 0)
        self._simulation.run(LONGEST_SECONDS)
        self._client.is_limited = False
        buckets = self._client.buckets.values()
        refused = Counter({bucket.name: bucket.refused for bucket in buckets if bucket.refused})
        counters = self._stores[0].shards(SKU)
        return Burst(self._shards, self._reserved, self._failed, self._last, refused, counters)

    def _reserve(self, number: int, attempt: int) -> None:
        environment = self._environments[number % len(self._environments)]
        try:
            environment.reserve(OrderId(f"ord_{number:06}"), {SKU: 1})
        except Throttled:
            if attempt < len(self._pauses):
                pause = self._simulation.random.uniform(0, self._pauses[attempt])
                self._simulation.after(pause, self._reserve, number, attempt + 1)
            else:
                self._failed += 1
            return
        self._reserved += 1
        self._last = self._simulation.now


def _now() -> datetime:
    return datetime(2030, 5, 17, tzinfo=UTC)


def pauses_of_a_step() -> list[float]:
    """Return the longest pause before each further attempt: those of a transaction, in each attempt of the step."""
    policies = yaml.safe_load((ROOT / "statemachine" / "retries.yaml").read_text())
    step = policies["x-retry-infrastructure"]
    of_transaction = [
        min(retries.CONFLICT_LONGEST, retries.CONFLICT_BASE * 2**number)
        for number in range(dynamo.CONTENTION_ATTEMPTS - 1)
    ]
    pauses = list(of_transaction)
    for number in range(step["MaxAttempts"]):
        longest = min(step["MaxDelaySeconds"], step["IntervalSeconds"] * step["BackoffRate"] ** number)
        pauses += [longest, *of_transaction]
    return pauses
