"""Write sharding: rules that distribute the units of one SKU over several counters.

Amazon DynamoDB developer guide, "Using write sharding to distribute workloads evenly": one key takes 1,000 write units
a second, so the stock of a product that sells faster is counted by several items. For each item
`available + reserved + sold = received` holds, so it holds for their sums.
"""

from dataclasses import dataclass
from typing import Annotated
from zlib import crc32

from pydantic import ConfigDict, Field

from chalicelib.inventory.model import Stock
from chalicelib.platform.ids import OrderId, Sku

MOST_SHARDS = 16
"""A shard takes 250 orders a second. Before 16 of them are busy the table is: an order takes 13 of its write units, and
the quota is 40,000 a second (Amazon DynamoDB developer guide, "Quotas")."""


class StockShard(Stock):
    """One stored item: it counts all units of a SKU, or a share of them.

    `shards`, on each item that reservations are spread over, is their number. `counters`, on the first item, is the
    number of items to add up: it is larger while former shards hold units that orders had reserved.
    """

    model_config = ConfigDict(frozen=True)

    number: Annotated[int, Field(ge=0)] = 0
    counters: int = 1


@dataclass(frozen=True)
class Change:
    """Units to add to the counters of one shard; negative ones are removed."""

    number: int
    available: int
    sold: int = 0


def total(sku: Sku, shards: list[StockShard]) -> Stock:
    """Return the stock of a SKU, all zero without shards."""
    sums = {
        name: sum(getattr(shard, name) for shard in shards) for name in ("available", "reserved", "sold", "received")
    }
    return Stock(sku=sku, shards=shards[0].shards if shards else 1, **sums)


def shard_of(order_id: OrderId, shards: int) -> int:
    """Return the shard that an order takes its units from, if it has enough: the same at each attempt."""
    return crc32(order_id.encode()) % shards


def allocated(units: int, counts: list[int], first: int) -> dict[int, int] | None:
    """Return how many units to take from which counter: from one if possible, else from as few as possible.

    Return None if their sum is too low. The search for one begins at `first`, so that many orders which find their own
    counter empty do not all choose the same one.
    """
    around = [*range(first, len(counts)), *range(min(first, len(counts)))]
    for number in around:
        if counts[number] >= units:
            return {number: units}
    allocation: dict[int, int] = {}
    for number in sorted(around, key=lambda number: -counts[number]):
        taken = min(units - sum(allocation.values()), counts[number])
        if taken > 0:
            allocation[number] = taken
    return allocation if sum(allocation.values()) == units else None


def levelled(seen: list[StockShard], delta: int, shards: int) -> list[Change]:
    """Return the changes that add `delta` units and spread all available ones evenly over the first `shards` counters.

    Counters beyond them keep only what is reserved; what they sold is counted by the first one.
    """
    each, rest = divmod(sum(shard.available for shard in seen) + delta, shards)
    sold = sum(shard.sold for shard in seen[shards:])
    changes = []
    for number in range(max(len(seen), shards)):
        available = seen[number].available if number < len(seen) else 0
        if number < shards:
            changes.append(Change(number, each + (number < rest) - available, 0 if number else sold))
        else:
            changes.append(Change(number, -available, -seen[number].sold))
    return changes


def gathered(seen: list[StockShard], number: int) -> list[Change]:
    """Return the changes that move all available units to one counter."""
    others = [Change(shard.number, -shard.available) for shard in seen if shard.number != number and shard.available]
    return [Change(number, -sum(change.available for change in others)), *others]


def counters_left(seen: list[StockShard], shards: int) -> int:
    """Return how many counters to add up once the stock is spread over `shards`: all while a former one is reserved."""
    return max(len(seen), shards) if any(shard.reserved for shard in seen[shards:]) else shards
