"""Reads: items by key, queries and scans, one page at a time."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lark import Tree

from testbed.dynamodb.conditions import test_of
from testbed.dynamodb.errors import invalid
from testbed.dynamodb.expressions import COMPILED_AT_MOST, Expression, Names, Scope, parse
from testbed.dynamodb.requests import Request
from testbed.dynamodb.table import Index, Row, Table
from testbed.dynamodb.values import Item, copied, kind_of, size_of, take
from testbed.dynamodb.writes import Tables

GET = frozenset({"TableName", "Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"})
SCAN = frozenset(
    {
        "TableName",
        "IndexName",
        "ConsistentRead",
        "ExclusiveStartKey",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "FilterExpression",
        "Limit",
        "ProjectionExpression",
        "Select",
    }
)
QUERY = SCAN | {"KeyConditionExpression", "ScanIndexForward"}
PAGE_LIMIT = 1024 * 1024
"""Most bytes that a page reads, before its filter."""
WRONG_START = "The provided starting key is invalid"


def get(tables: Tables, given: Mapping[str, Any]) -> dict[str, Any]:
    request = Request(given, GET, ("TableName", "Key"))
    table, projection = tables(request.table), request.projection()
    request.check()
    row = table.rows.get(table.primary(given["Key"]))
    if row is None:
        return {}
    return {"Item": projection.run(row.item) if projection else copied(row.item)}


def scan(tables: Tables, given: Mapping[str, Any]) -> dict[str, Any]:
    request = Request(given, SCAN, ("TableName",))
    table = tables(request.table)
    index = table.index(given.get("IndexName"))
    page = _page(request, table, index)
    rows = table.scanned(index)
    if start := _start(request, table, index):
        after = index.scan_position(start)
        rows = [row for row in rows if index.scan_position(row.item) > after]
    return _answer(page, rows)


def query(tables: Tables, given: Mapping[str, Any]) -> dict[str, Any]:
    request = Request(given, QUERY, ("TableName", "KeyConditionExpression"))
    table = tables(request.table)
    index = table.index(given.get("IndexName"))
    text = request.text("KeyConditionExpression", is_key=True)
    wanted = key_condition(text, request.names, index.hash, index.range)
    request.noted(wanted.expression)
    page = _page(request, table, index)
    rows = _of_partition(wanted, request, table, index)
    is_forward = given.get("ScanIndexForward", True)
    if start := _start(request, table, index):
        is_after, last = operator.gt if is_forward else operator.lt, index.position(start)
        rows = [row for row in rows if is_after(index.position(row.item), last)]
    return _answer(page, rows if is_forward else rows[::-1])


def _of_partition(wanted: "KeyCondition", request: Request, table: Table, index: Index) -> list[Row]:
    values = request.values
    for placeholder, name in wanted.compared:
        if kind_of(values[placeholder]) != table.types[name]:
            text = "Condition parameter type does not match schema type"
            raise invalid(f"One or more parameter values were invalid: {text}")
        if values[placeholder] == "":
            text = "The AttributeValue for a key attribute cannot contain an empty string value."
            raise invalid(f"One or more parameter values are not valid. {text} Key: {name}")
    rows = table.partition(index, values[wanted.hash])
    test = wanted.expression.run
    return [row for row in rows if test(row.item, values)] if wanted.is_ranged else rows


@dataclass(frozen=True)
class KeyCondition:
    """A compiled condition on keys. `hash` is the placeholder of the partition key's value; `compared` are all."""

    expression: Expression
    hash: str
    compared: tuple[tuple[str, str], ...]
    is_ranged: bool


@lru_cache(COMPILED_AT_MOST)
def key_condition(text: str, names: Names, hash_name: str, range_name: str | None) -> KeyCondition:
    """Return the condition of a query on a table or an index with these keys. Raises Refusal if it is no such one."""
    scope = Scope("KeyConditionExpression", names)
    [tree] = parse("condition", text, scope.slot).children
    parts = [_bare(part) for part in _conjuncts(_bare(tree))]
    by_name: dict[str, Tree[Any]] = {}
    for part in parts:
        name = _name_of(part, scope)
        if name in by_name:
            raise scope.refusal("KeyConditionExpressions must only contain one condition per key")
        by_name[name] = part
    equal = by_name.pop(hash_name, None)
    if equal is None:
        raise invalid(f"Query condition missed key schema element: {hash_name}")
    if equal.data != "comparison" or equal.children[1] != "=":
        raise invalid("Query key condition not supported")
    if by_name.keys() - {range_name}:
        raise invalid(f"Query condition missed key schema element: {range_name or next(iter(by_name))}")
    test = test_of(tree, scope)
    compared = [(value, name) for name, part in ((hash_name, equal), *by_name.items()) for value in _values_of(part)]
    return KeyCondition(scope.compiled(text, test), compared[0][0], tuple(compared), bool(by_name))


def _values_of(part: Tree[Any]) -> list[str]:
    """Return the placeholders that a key is compared with, in their order."""
    return [str(child.children[0]) for child in part.children if isinstance(child, Tree) and child.data == "value"]


def _conjuncts(tree: Any) -> list[Any]:
    return [each for child in tree.children for each in _conjuncts(_bare(child))] if tree.data == "all_of" else [tree]


def _bare(tree: Any) -> Any:
    return tree.children[0] if tree.data == "grouped" else tree


def _name_of(tree: Any, scope: Scope) -> str:
    """Return the key that a condition compares with values. Raises Refusal for any other condition."""
    path, *others = [child for child in tree.children if isinstance(child, Tree)]
    is_known = tree.data in ("comparison", "between") or (tree.data == "function" and tree.children[0] == "begins_with")
    is_simple = path.data == "path" and all(other.data == "value" for other in others)
    if not is_known or not is_simple or (tree.data == "comparison" and tree.children[1] == "<>"):
        raise invalid("Query key condition not supported")
    name = scope.path(path)
    if len(name) > 1:
        raise invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    return str(name[0])


@dataclass(frozen=True)
class Page:
    index: Index
    limit: int | None
    filter: Callable[[Item], bool] | None
    projection: Expression | None
    counts: bool


def _page(request: Request, table: Table, index: Index) -> Page:
    """Return what a page may hold. Checks all parameters of the request that queries and scans share."""
    given = request.given
    if given.get("ConsistentRead") and index.name:
        raise invalid("Consistent reads are not supported on global secondary indexes")
    limit = given.get("Limit")
    if limit is not None and limit < 1:
        wrong = "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        raise invalid(f"1 validation error detected: {wrong}")
    filtered, projection = request.condition("FilterExpression"), request.projection()
    request.check()
    select = _select(request, index, projection)
    values = request.values
    test = (lambda item: bool(filtered.run(item, values))) if filtered else None
    return Page(index, limit, test, projection, select == "COUNT")


def _select(request: Request, index: Index, projection: Expression | None) -> str:
    default = "SPECIFIC_ATTRIBUTES" if projection else "ALL_PROJECTED_ATTRIBUTES" if index.name else "ALL_ATTRIBUTES"
    known = {"ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES"}
    select = request.choice("Select", default, *sorted(known - {default}))
    if projection and select != "SPECIFIC_ATTRIBUTES":
        raise invalid(f"Cannot specify the ProjectionExpression when choosing to get {select}")
    if not projection and select == "SPECIFIC_ATTRIBUTES":
        raise invalid("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
    if select == "ALL_PROJECTED_ATTRIBUTES" and not index.name:
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if select == "ALL_ATTRIBUTES" and index.name and not index.is_whole:
        text = f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name}"
        raise invalid(f"One or more parameter values were invalid: {text} because its projection type is not ALL")
    return select


def _start(request: Request, table: Table, index: Index) -> Item | None:
    if "ExclusiveStartKey" not in request.given:
        return None
    start = take(request.given["ExclusiveStartKey"])
    if start.keys() != set(index.all_keys) or any(kind_of(start[name]) != table.types[name] for name in start):
        raise invalid(WRONG_START)
    return start


def _answer(page: Page, rows: list[Row]) -> dict[str, Any]:
    """Return a page. It names its last key if it ended at a limit, whether items follow or not, as DynamoDB does."""
    read = _within_limits(page, rows)
    is_cut = len(read) < len(rows) or len(read) == page.limit
    held = [page.index.projected(row.item) for row in read]
    found = [item for item in held if page.filter(item)] if page.filter else held
    answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(read)}
    if not page.counts:
        answer["Items"] = [page.projection.run(item) for item in found] if page.projection else list(map(copied, found))
    if is_cut:
        answer["LastEvaluatedKey"] = {name: read[-1].item[name] for name in page.index.all_keys}
    return answer


def _within_limits(page: Page, rows: list[Row]) -> list[Row]:
    limited = rows[: page.limit]
    if sum(row.bound for row in limited) <= PAGE_LIMIT:
        return limited
    size = 0
    for number, row in enumerate(limited):
        size += size_of(page.index.projected(row.item))
        if size > PAGE_LIMIT:
            return limited[: max(number, 1)]
    return limited
