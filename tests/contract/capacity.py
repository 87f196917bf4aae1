"""Test helper: count the calls to DynamoDB and the capacity units that AWS would bill for them.

Sizes and units follow the Amazon DynamoDB developer guide, "DynamoDB Item sizes and formats", "Capacity unit
consumption for read operations" and "… for write operations", and "Write considerations for global secondary indexes".
"""

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, dict[str, Any]]
TRANSACTIONAL = 2


@dataclass
class Bill:
    """What one piece of work used: calls by operation, read and write units."""

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0
    write: float = 0

    def __str__(self) -> str:
        made = ", ".join(f"{count} {call}" for call, count in sorted(self.calls.items()))
        return f"{made or 'nothing'}; {self.read:g} RU, {self.write:g} WU"


class Meter:
    """Counts from `start` on. `client` is metered; `lookup`, another low-level client, is not."""

    def __init__(self, client: Any, lookup: Any) -> None:
        self._lookup = lookup
        self._tables: dict[str, dict[str, Any]] = {}
        self._before: list[tuple[str, Item, Item | None]] = []
        self.bill = Bill()
        client.meta.events.register_first("before-call.dynamodb", self._called)
        client.meta.events.register_first("after-call.dynamodb", self._answered)

    def start(self) -> Bill:
        self.bill = Bill()
        return self.bill

    def _called(self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        self.bill.calls[model.name] += 1
        context["request"] = request = json.loads(params["body"])
        context["before"] = [(table, key, self._item(table, key)) for table, key in self._written(model.name, request)]

    def _answered(self, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        request = context["request"]
        factor = TRANSACTIONAL if model.name == "TransactWriteItems" else 1
        for table, key, old in context["before"]:
            self.bill.write += self._write_units(table, old, self._item(table, key), factor)
        if model.name == "GetItem":
            self.bill.read += read_units([size(parsed.get("Item", {}))], request.get("ConsistentRead"))
        elif model.name == "BatchGetItem":
            for table, asked in request["RequestItems"].items():
                sizes = [size(item) for item in parsed.get("Responses", {}).get(table, [])]
                sizes += [0] * (len(asked["Keys"]) - len(sizes))
                self.bill.read += read_units(sizes, asked.get("ConsistentRead"))
        elif model.name in ("Query", "Scan"):
            scanned = sum(size(item) for item in parsed.get("Items", []))
            self.bill.read += read_units([scanned], request.get("ConsistentRead"))

    def _written(self, call: str, request: dict[str, Any]) -> list[tuple[str, Item]]:
        if call == "TransactWriteItems":
            return [self._key_of(next(iter(write.values()))) for write in request["TransactItems"]]
        if call == "BatchWriteItem":
            writes = [(table, write) for table, listed in request["RequestItems"].items() for write in listed]
            return [self._key_of(next(iter(write.values())) | {"TableName": table}) for table, write in writes]
        return [self._key_of(request)] if call in ("PutItem", "UpdateItem", "DeleteItem") else []

    def _key_of(self, write: dict[str, Any]) -> tuple[str, Item]:
        keys = [key["AttributeName"] for key in self._table(write["TableName"])["KeySchema"]]
        found = write.get("Key") or write["Item"]
        return write["TableName"], {name: found[name] for name in keys}

    def _item(self, table: str, key: Item) -> Item | None:
        found: Item | None = self._lookup.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return found

    def _table(self, name: str) -> dict[str, Any]:
        if name not in self._tables:
            self._tables[name] = self._lookup.describe_table(TableName=name)["Table"]
        return self._tables[name]

    def _write_units(self, table: str, old: Item | None, new: Item | None, factor: int) -> int:
        units = factor * write_unit(max(size(old), size(new)))
        for index in self._table(table).get("GlobalSecondaryIndexes", []):
            keys = [key["AttributeName"] for key in index["KeySchema"]]
            was, now = (self._projected(item, index, keys, table) for item in (old, new))
            if was and now and all(was[name] == now[name] for name in keys):
                units += write_unit(max(size(was), size(now))) if was != now else 0
            else:
                units += sum(write_unit(size(each)) for each in (was, now) if each)
        return units

    def _projected(self, item: Item | None, index: dict[str, Any], keys: list[str], table: str) -> Item | None:
        """Return what the index holds of an item, which is nothing if the item lacks one of the index's keys."""
        if not item or not all(name in item for name in keys):
            return None
        if index["Projection"]["ProjectionType"] == "ALL":
            return item
        kept = {*keys, *(key["AttributeName"] for key in self._table(table)["KeySchema"])}
        kept |= set(index["Projection"].get("NonKeyAttributes", []))
        return {name: value for name, value in item.items() if name in kept}


def write_unit(size: int) -> int:
    return max(1, math.ceil(size / 1024))


def read_units(sizes: list[int], consistent: bool | None) -> float:
    return sum(max(1, math.ceil(each / 4096)) for each in sizes) * (1 if consistent else 0.5)


def size(item: Item | None) -> int:
    """Return the bytes of an item: its attributes' names and values."""
    return sum(len(name.encode()) + _size(value) for name, value in (item or {}).items())


def _size(value: dict[str, Any]) -> int:
    [(kind, held)] = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return math.ceil(len(held.lstrip("-").replace(".", "")) / 2) + 1
    if kind == "M":
        return 3 + sum(len(name.encode()) + 1 + _size(each) for name, each in held.items())
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in held)
    return sum(len(each) for each in held) if kind in ("SS", "NS") else 1
