"""Writes of one item: put, update, delete, and the check of a condition in a transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.dynamodb.errors import Refusal, condition_failed
from testbed.dynamodb.expressions import Expression
from testbed.dynamodb.projections import part_of
from testbed.dynamodb.requests import Request
from testbed.dynamodb.table import Primary, Row, Table
from testbed.dynamodb.updates import key_changed
from testbed.dynamodb.values import Item, bound_of, copied, size_of, take, typed

CONDITION = frozenset(
    {
        "TableName",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    }
)
PUT = CONDITION | {"Item"}
DELETE = CONDITION | {"Key"}
UPDATE = DELETE | {"UpdateExpression"}

Tables = Callable[[str], Table]


@dataclass(slots=True)
class Write:
    """A write whose request is checked. `compute` returns the row that it leaves, and may raise Refusal."""

    table: Table
    primary: Primary
    request: Request
    condition: Expression | None
    compute: Callable[[Row | None], Row | None]
    paths: tuple[tuple[str | int, ...], ...] = ()
    writes: bool = True

    @property
    def old(self) -> Row | None:
        return self.table.rows.get(self.primary)

    def refusal(self) -> Refusal | None:
        """Return the refusal by its condition, or None."""
        old = self.old
        if self.condition is None or self.condition.run(old.item if old else {}, self.request.values):
            return None
        wants_item = self.request.choice("ReturnValuesOnConditionCheckFailure", "NONE", "ALL_OLD") == "ALL_OLD"
        return condition_failed(typed(old.item) if old and wants_item else None)


def put(tables: Tables, given: Mapping[str, Any], more: frozenset[str] = frozenset()) -> Write:
    request = Request(given, PUT | more if more else PUT, ("TableName", "Item"))
    table = tables(request.table)
    item = take(given["Item"])
    condition = request.condition("ConditionExpression")
    request.check()
    primary = table.primary_of(item)
    row = table.row(item, bound_of(given["Item"], item))
    return Write(table, primary, request, condition, lambda old: row)


def delete(tables: Tables, given: Mapping[str, Any], more: frozenset[str] = frozenset()) -> Write:
    request = Request(given, DELETE | more if more else DELETE, ("TableName", "Key"))
    table = tables(request.table)
    condition = request.condition("ConditionExpression")
    request.check()
    return Write(table, table.primary(given["Key"]), request, condition, lambda old: None)


def check(tables: Tables, given: Mapping[str, Any]) -> Write:
    request = Request(given, DELETE, ("TableName", "Key", "ConditionExpression"))
    table = tables(request.table)
    condition = request.condition("ConditionExpression")
    request.check()
    return Write(table, table.primary(given["Key"]), request, condition, lambda old: old, writes=False)


def update(tables: Tables, given: Mapping[str, Any], more: frozenset[str] = frozenset()) -> Write:
    request = Request(given, UPDATE | more if more else UPDATE, ("TableName", "Key"))
    table = tables(request.table)
    change, condition = request.update(), request.condition("ConditionExpression")
    request.check()
    primary = table.primary(given["Key"])
    paths = change.paths if change else ()
    for path in paths:
        if path[0] in table.keys:
            raise key_changed(str(path[0]))
    return Write(table, primary, request, condition, _computed(table, primary, change, request), paths)


def _computed(
    table: Table, primary: Primary, change: Expression | None, request: Request
) -> Callable[[Row | None], Row | None]:
    def compute(old: Row | None) -> Row:
        item = old.item if old else dict(zip(table.keys, primary, strict=False))
        if change is None:
            return old or table.row(item, 0)
        base = old.bound if old else size_of(item)
        bound = base * (1 + change.copies) + request.bound * change.uses + change.room
        return table.row(change.run(item, request.values), bound)

    return compute


def made(write: Write, *returned: str) -> dict[str, Any]:
    """Make a single write. Return its answer, with the attributes that `ReturnValues`, one of `returned`, asks for."""
    wanted = write.request.choice("ReturnValues", "NONE", *returned)
    if refusal := write.refusal():
        raise refusal
    old = write.old
    new = write.compute(old)
    write.table.write(write.primary, new)
    if wanted == "NONE":
        return {}
    attributes = _attributes(wanted, write, old.item if old else {}, new.item if new else {})
    return {"Attributes": attributes} if attributes else {}


def _attributes(wanted: str, write: Write, old: Item, new: Item) -> Item:
    item = old if wanted.endswith("OLD") else new
    return copied(item) if wanted.startswith("ALL") else part_of(write.paths)(item)
