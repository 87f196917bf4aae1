"""Batches: reads and writes of up to 100 and 25 items, which are not atomic together. Nothing stays unprocessed."""

from collections.abc import Mapping
from typing import Any

from testbed.dynamodb import reads, writes
from testbed.dynamodb.errors import invalid
from testbed.dynamodb.requests import Request
from testbed.dynamodb.table import Table, slot
from testbed.dynamodb.values import copied
from testbed.dynamodb.writes import Tables

BATCH = frozenset({"RequestItems"})
READ = reads.GET - {"TableName", "Key"} | {"Keys"}
READS_AT_MOST = 100
WRITES_AT_MOST = 25
TWICE = "Provided list of item keys contains duplicates"


def get(tables: Tables, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items that exist, in an arbitrary order that is always the same."""
    asked: Mapping[str, Any] = Request(given, BATCH, ("RequestItems",)).given["RequestItems"]
    _demand_size(sum(len(of_table["Keys"]) for of_table in asked.values()), READS_AT_MOST)
    found = {name: _items(tables(name), of_table) for name, of_table in asked.items()}
    return {"Responses": found, "UnprocessedKeys": {}}


def _items(table: Table, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    request = Request(given, READ, ("Keys",))
    projection = request.projection()
    request.check()
    keys = [table.primary(key) for key in given["Keys"]]
    if len(set(keys)) < len(keys):
        raise invalid(TWICE)
    items = [table.rows[key].item for key in sorted(keys, key=lambda key: slot(key[0])) if key in table.rows]
    return [projection.run(item) if projection else copied(item) for item in items]


def write(tables: Tables, given: Mapping[str, Any]) -> dict[str, Any]:
    asked: Mapping[str, Any] = Request(given, BATCH, ("RequestItems",)).given["RequestItems"]
    _demand_size(sum(map(len, asked.values())), WRITES_AT_MOST)
    prepared = [_prepared(tables, name, action) for name, actions in asked.items() for action in actions]
    targets = {(write.table.name, write.primary) for write in prepared}
    if len(targets) < len(prepared):
        raise invalid(TWICE)
    for each in prepared:
        each.table.write(each.primary, each.compute(each.old))
    return {"UnprocessedItems": {}}


def _prepared(tables: Tables, table: str, action: Mapping[str, Any]) -> writes.Write:
    [(name, given)] = action.items()
    prepare = {"PutRequest": writes.put, "DeleteRequest": writes.delete}[name]
    return prepare(tables, {"TableName": table, **given})


def _demand_size(count: int, limit: int) -> None:
    if not 1 <= count <= limit:
        bound = f"less than or equal to {limit}" if count else "greater than or equal to 1"
        wrong = "Value at 'requestItems' failed to satisfy constraint: Member must have length"
        raise invalid(f"1 validation error detected: {wrong} {bound}")
