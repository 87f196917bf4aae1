"""Stock items of the inventory table: reads that add up the shards of a SKU, and the writes that move its units.

A product that is not split has one item, without the attributes `shards` and `counters`.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.inventory.model import Allocations, Stock
from chalicelib.inventory.shards import Change, StockShard, counters_left, levelled, total
from chalicelib.platform.dynamo import Read, Write, read_together
from chalicelib.platform.ids import Sku

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import UpdateTypeDef

    from chalicelib.platform.dynamodb_client import DynamoDB, Item

NEW = "attribute_not_exists(pk)"
NOT_SPLIT = "attribute_not_exists(shards)"
ONE_COUNTER = "attribute_not_exists(counters)"
SPLIT_AS_KNOWN = "shards = :shards"
ENOUGH = "available >= :quantity"
ENOUGH_SOLD = "sold >= :quantity"
ENOUGH_TO_MOVE = "available >= :taken"
ENOUGH_SOLD_TO_MOVE = "sold >= :moved"
NOTHING_ELSE = "reserved = :zero AND available = :taken AND sold = :moved"
AS_READ = "received = :received AND sold = :sold"
"""Implies that the units on hand are unchanged too, because a reservation does not change them."""

TAKE = "SET available = available - :quantity, reserved = reserved + :quantity"
GIVE_BACK = "SET available = available + :quantity, reserved = reserved - :quantity"
SELL = "SET reserved = reserved - :quantity, sold = sold + :quantity"
RESTOCK = "SET sold = sold - :quantity, available = available + :quantity"
COUNT = (
    "SET available = if_not_exists(available, :zero) + :available, sold = if_not_exists(sold, :zero) + :resold, "
    "received = if_not_exists(received, :zero) + :delta, reserved = if_not_exists(reserved, :zero), sku = :sku"
)


def stock_key(sku: Sku, number: int = 0) -> dict[str, str]:
    return {"pk": f"STOCK#{sku}#{number}" if number else f"STOCK#{sku}"}


def shard_from(item: "Item") -> StockShard:
    number = item["pk"].removeprefix(f"STOCK#{item['sku']}").removeprefix("#")
    return StockShard.model_validate(item | {"number": number or 0})


def _first_shards(items: "list[Item]") -> dict[Sku, StockShard]:
    return {item["sku"]: shard_from(item) for item in items}


def _shards(items: "list[Item]") -> list[StockShard]:
    return [shard_from(item) for item in items]


@dataclass
class Update:
    """The update of one item. `returns_item`: an update that its conditions refuse returns the item."""

    key: dict[str, str]
    expression: str
    values: dict[str, int | str]
    conditions: list[str] = field(default_factory=list)
    returns_item: bool = False

    def only_if(self, condition: str, **values: int | str) -> "Update":
        """Add a condition and its values. Return the update."""
        self.conditions.append(condition)
        self.values |= {f":{name}": value for name, value in values.items()}
        return self

    def write(self, table: str) -> Write:
        update: UpdateTypeDef = {
            "TableName": table,
            "Key": self.key,
            "UpdateExpression": self.expression,
            "ExpressionAttributeValues": self.values,
        }
        if self.conditions:
            update["ConditionExpression"] = " AND ".join(self.conditions)
        if self.returns_item:
            update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return {"Update": update}


class StockItems:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def reading(self, skus: list[Sku], consistent: bool) -> Read[dict[Sku, StockShard]]:
        """Return the read of the first item of each SKU that has any; `totals` makes stocks of them."""
        return Read(self._table, [stock_key(sku) for sku in dict.fromkeys(skus)], _first_shards, consistent)

    def totals(self, firsts: Mapping[Sku, StockShard], consistent: bool) -> dict[Sku, Stock]:
        """Return the stocks. It reads further items only if one of the SKUs is split."""
        keys = [stock_key(sku, number) for sku, first in firsts.items() for number in range(1, first.counters)]
        found: defaultdict[Sku, list[StockShard]] = defaultdict(list)
        for shard in read_together(self._db, Read(self._table, keys, _shards, consistent))[0]:
            found[shard.sku].append(shard)
        return {sku: total(sku, [first, *found[sku]]) for sku, first in firsts.items()}

    def shards(self, sku: Sku) -> list[StockShard]:
        """Return the items of a SKU by number, read consistently one after another; none if it has no stock."""
        answer = self._db.get_item(TableName=self._table, Key=stock_key(sku), ConsistentRead=True)
        if "Item" not in answer:
            return []
        first = shard_from(answer["Item"])
        keys = [stock_key(sku, number) for number in range(1, first.counters)]
        others = read_together(self._db, Read(self._table, keys, _shards))[0]
        return [first, *sorted(others, key=lambda shard: shard.number)]

    def moves(self, allocations: Allocations, move: str, *conditions: str) -> list[Write]:
        """Return the writes that move units between the counters of their shards."""
        return [
            Update(stock_key(sku, number), move, {":quantity": units}, list(conditions)).write(self._table)
            for sku, allocation in allocations.items()
            for number, units in allocation.items()
        ]

    def takes(self, allocations: Allocations, shards: Mapping[Sku, int]) -> list[Write]:
        """Return the writes that reserve units, in the order of `moves`. A refused one returns its item.

        `shards` is the known number of shards where it is not 1: each shard refuses if it has changed.
        """
        return [
            _taken(sku, number, units, shards.get(sku, 1)).write(self._table)
            for sku, allocation in allocations.items()
            for number, units in allocation.items()
        ]

    def added(self, sku: Sku, delta: int) -> Write:
        """Return the write that adds available units to a SKU if it has one counter. A refused one returns its item."""
        update = _counted(sku, Change(0, delta)).only_if(ONE_COUNTER)
        update.returns_item = True
        return update.write(self._table)

    def moved(self, sku: Sku, changes: list[Change]) -> list[Write]:
        """Return the writes that move available units between the shards of a SKU."""
        return [_counted(sku, change).write(self._table) for change in changes]

    def spread(
        self, sku: Sku, seen: list[StockShard], delta: int, shards: int, only_as_read: bool = False
    ) -> list[Write]:
        """Return the writes that add units and spread the available ones over so many shards.

        They are refused if the stock was split or merged since `seen` was read; with `only_as_read`, also if the units
        on hand have changed. No counter falls below zero.
        """
        counters = counters_left(seen, shards)
        updates = [_counted(sku, change) for change in levelled(seen, delta, shards)]
        for number, update in enumerate(updates):
            now = seen[number] if number < len(seen) else StockShard(sku=sku, number=number)
            if number == 0:
                _only_if_layout_as_read(update, now)
            if only_as_read:
                as_new = f"({NEW} OR ({AS_READ}))" if now.received == now.sold == now.on_hand == 0 else AS_READ
                update.only_if(as_new, received=now.received, sold=now.sold)
            if number >= counters:
                update.only_if(NOTHING_ELSE, taken=now.available, moved=now.sold, zero=0)
            layout = {"shards": shards if number < shards else 1, "counters": 1 if number else counters}
            _set_layout(update, now, layout)
        return [update.write(self._table) for update in updates]


def _taken(sku: Sku, number: int, units: int, shards: int) -> Update:
    update = Update(stock_key(sku, number), TAKE, {":quantity": units}, [ENOUGH], returns_item=True)
    if shards > 1 and number < shards:
        return update.only_if(SPLIT_AS_KNOWN, shards=shards)
    return update if number else update.only_if(NOT_SPLIT)


def _counted(sku: Sku, change: Change) -> Update:
    """Return an update that adds to the counters; it creates the item if there is none."""
    values: dict[str, int | str] = {":available": change.available, ":resold": change.sold, ":zero": 0, ":sku": sku}
    update = Update(stock_key(sku, change.number), COUNT, values | {":delta": change.available + change.sold})
    if change.available < 0:
        update.only_if(ENOUGH_TO_MOVE, taken=-change.available)
    if change.sold < 0:
        update.only_if(ENOUGH_SOLD_TO_MOVE, moved=-change.sold)
    return update


def _only_if_layout_as_read(update: Update, first: StockShard) -> None:
    for name, seen in (("shards", first.shards), ("counters", first.counters)):
        if seen == 1:
            update.only_if(f"attribute_not_exists({name})")
        else:
            update.only_if(f"{name} = :{name}_read", **{f"{name}_read": seen})


def _set_layout(update: Update, now: StockShard, layout: dict[str, int]) -> None:
    """Let an update set these attributes of an item, and remove those that become 1."""
    for name, count in layout.items():
        if count > 1:
            update.expression += f", {name} = :{name}"
            update.values[f":{name}"] = count
    removed = [name for name, count in layout.items() if count == 1 and getattr(now, name) > 1]
    if removed:
        update.expression += f" REMOVE {', '.join(removed)}"
