"""One table: its items, its indexes and its stream. It knows keys, and nothing of requests."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from testbed.dynamodb.errors import Refusal, invalid, invalid_value
from testbed.dynamodb.stream import StreamRecord
from testbed.dynamodb.values import ITEM_LIMIT, Item, copied, kind_of, same, size_of, take

Primary = tuple[Any, Any]
"""Values of partition and sort key; None is the sort key of a table without."""

NO_MATCH = "The provided key element does not match the schema"
TOO_LARGE = "Item size has exceeded the maximum allowed size"
EMPTY_KEY = "The AttributeValue for a key attribute cannot contain an empty string value."
HASH_LIMIT, RANGE_LIMIT = 2048, 1024
"""Most bytes of a partition and of a sort key: developer guide, "Quotas in Amazon DynamoDB"."""
SIMULATED_KEYS = {"S", "N"}


class Mismatch(Refusal):
    """A key of another type than its definition. In a transaction it is a reason, not an error of its own."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class Row(NamedTuple):
    """A stored item, which is never changed in place, with an upper bound of its size."""

    item: Item
    bound: int


class State(NamedTuple):
    rows: dict[Primary, Row]
    entries: list[dict[Any, dict[Primary, Row]]]
    stream: list[StreamRecord]


@lru_cache(65536)
def slot(key: Any) -> int:
    """Return the place of a partition in a scan: arbitrary as DynamoDB's, but always the same."""
    return zlib.crc32(str(key).encode())


class Index:
    """Items by partition key: the table's own index, or a global secondary one, which lacks items without its keys."""

    def __init__(self, name: str, keys: list[str], table_keys: list[str], projection: Mapping[str, Any]) -> None:
        self.name = name
        self.keys = keys
        self.hash = keys[0]
        self.range = keys[1] if len(keys) > 1 else None
        order = [*keys[1:], *table_keys] if name else keys[-1:]
        self.position: Callable[[Item], Any] = itemgetter(*order)
        """Return the place of an item, or of its keys, in its partition."""
        self.all_keys = list(dict.fromkeys([*keys, *table_keys]))
        self.is_whole = projection["ProjectionType"] == "ALL"
        self.kept = {*self.all_keys, *projection.get("NonKeyAttributes", [])}
        self.entries: dict[Any, dict[Primary, Row]] = {}

    def place(self, primary: Primary, old: Item, new: Item, row: Row | None) -> None:
        """Replace an item; `old` and `new` are empty if there is none."""
        was = old.get(self.hash) if self.range is None or self.range in old else None
        now = new.get(self.hash) if self.range is None or self.range in new else None
        if was is not None and was != now:
            del self.entries[was][primary]
            if not self.entries[was]:
                del self.entries[was]
        if row and now is not None:
            self.entries.setdefault(now, {})[primary] = row

    def projected(self, item: Item) -> Item:
        """Return what the index holds of an item."""
        return item if self.is_whole else {name: value for name, value in item.items() if name in self.kept}

    def partition(self, key: Any) -> list[Row]:
        """Return the rows of a partition in order, as the table holds them."""
        rows = list(self.entries.get(key, {}).values())
        if len(rows) > 1:
            rows.sort(key=lambda row: self.position(row.item))
        return rows

    def scan_position(self, item: Item) -> Any:
        key = item[self.hash]
        return slot(key), key, self.position(item)

    def scanned(self) -> list[Row]:
        """Return all rows in the order of a scan."""
        rows = [row for entries in self.entries.values() for row in entries.values()]
        rows.sort(key=lambda row: self.scan_position(row.item))
        return rows


class Table:
    """A table as CloudFormation's properties of `AWS::DynamoDB::Table` describe it."""

    def __init__(
        self,
        name: str,
        properties: Mapping[str, Any],
        arn: str,
        clock: Callable[[], datetime],
        number: Callable[[], int],
    ) -> None:
        if "LocalSecondaryIndexes" in properties:
            raise NotImplementedError("local secondary indexes are not simulated")
        self.name = name
        self.properties = properties
        self.types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
        if not set(self.types.values()) <= SIMULATED_KEYS:
            raise NotImplementedError("binary keys are not simulated")
        self.keys = _keys(properties)
        self.own = Index("", self.keys, self.keys, {"ProjectionType": "ALL"})
        secondary = properties.get("GlobalSecondaryIndexes", [])
        indexes = [Index(each["IndexName"], _keys(each), self.keys, each["Projection"]) for each in secondary]
        self.indexes = {index.name: index for index in indexes}
        self._all = [self.own, *indexes]
        self._index_keys = {
            key: index.name for index in reversed(indexes) for key in index.keys if key not in self.keys
        }
        self._clock, self._number = clock, number
        self._view = properties.get("StreamSpecification", {}).get("StreamViewType")
        self._arn = arn
        self.rows: dict[Primary, Row] = {}
        self.stream: list[StreamRecord] = []

    def index(self, name: str | None) -> Index:
        """Return a secondary index, or the table's own."""
        if name is None:
            return self.own
        if name not in self.indexes:
            raise invalid(f"The table does not have the specified index: {name}")
        return self.indexes[name]

    def primary(self, given: Any) -> Primary:
        """Return the key that a request names. Raises Refusal unless it names all key attributes and nothing else."""
        key = take(given)
        if key.keys() != set(self.keys) or any(kind_of(value) != self.types[name] for name, value in key.items()):
            raise Mismatch(NO_MATCH)
        return self._primary(key)

    def primary_of(self, item: Item) -> Primary:
        """Return the key of an item that is to be stored. Raises Refusal if its key attributes are unfit."""
        for name in self.keys:
            if name not in item:
                raise invalid_value(f"Missing the key {name} in the item")
            if (kind := kind_of(item[name])) != self.types[name]:
                raise Mismatch(
                    "One or more parameter values were invalid: "
                    f"Type mismatch for key {name} expected: {self.types[name]} actual: {kind}"
                )
        return self._primary(item)

    def _primary(self, key: Item) -> Primary:
        for name, limit, what in zip(self.keys, (HASH_LIMIT, RANGE_LIMIT), ("hash", "range"), strict=False):
            value = key[name]
            if value == "":
                raise invalid(f"One or more parameter values are not valid. {EMPTY_KEY} Key: {name}")
            if value.__class__ is str and len(value.encode()) > limit:
                raise invalid_value(f"Aggregated size of all {what} keys has exceeded the size limit of {limit} bytes")
        return key[self.own.hash], key[self.own.range] if self.own.range else None

    def row(self, item: Item, bound: int) -> Row:
        """Return an item as it is stored. Raises Refusal if it is too large or unfit for an index."""
        if bound > ITEM_LIMIT:
            bound = size_of(item)
            if bound > ITEM_LIMIT:
                raise invalid(TOO_LARGE)
        for name in self._index_keys.keys() & item.keys():
            value, kind = item[name], self.types[name]
            if value == "" or kind_of(value) != kind:
                raise _unfit(name, value, kind, self._index_keys[name])
        return Row(item, bound)

    def write(self, primary: Primary, new: Row | None) -> None:
        """Store an item in place of the one with its key, or delete that, and record the change in the stream."""
        old = self.rows.get(primary)
        if new:
            self.rows[primary] = new
        elif old:
            del self.rows[primary]
        else:
            return
        was, now = old.item if old else {}, new.item if new else {}
        for index in self._all:
            if index.hash in now or index.hash in was:
                index.place(primary, was, now, new)
        # Python's comparison is faster, and finds less to be different: True equals 1.
        if self._view and not (was == now and same(was, now)):
            self._record(was, now)

    def _record(self, old: Item, new: Item) -> None:
        name = "MODIFY" if old and new else "INSERT" if new else "REMOVE"
        keys = {key: (new or old)[key] for key in self.keys}
        number, at = self._number(), self._clock()
        self.stream.append(StreamRecord(name, keys, old, new, number, at, self._arn, self._view))

    def contents(self) -> list[Item]:
        """Return copies of all items, in the order of a scan."""
        return [copied(row.item) for row in self.own.scanned()]

    def state(self) -> State:
        entries = [{key: dict(found) for key, found in index.entries.items()} for index in self._all]
        return State(dict(self.rows), entries, list(self.stream))

    def restore(self, state: State) -> None:
        self.rows, self.stream = dict(state.rows), list(state.stream)
        for index, entries in zip(self._all, state.entries, strict=True):
            index.entries = {key: dict(found) for key, found in entries.items()}

    def clear(self) -> None:
        self.restore(State({}, [{} for _ in self._all], []))


def _keys(properties: Mapping[str, Any]) -> list[str]:
    """Return the names of partition and sort key."""
    listed: Iterable[Mapping[str, str]] = properties["KeySchema"]
    return [key["AttributeName"] for key in sorted(listed, key=lambda key: key["KeyType"])]


def _unfit(name: str, value: Any, kind: str, index: str) -> Refusal:
    if value == "":
        where = f"IndexName: {index}, IndexKey: {name}"
        return invalid(
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
            f"{EMPTY_KEY} {where}"
        )
    text = f"Type mismatch for Index Key {name} Expected: {kind} Actual: {kind_of(value)} IndexName: {index}"
    return Mismatch(f"One or more parameter values were invalid: {text}")
