"""One table: its items, its indexes and its stream. It knows keys, and nothing of requests."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
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
SHORT = 256
"""Characters of a key that is certainly short enough."""
SIMULATED_KEYS: dict[str, type] = {"S": str, "N": Decimal}


class Mismatch(Refusal):
    """A key of another type than its definition. In a transaction it is a reason, not an error of its own."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class Row(NamedTuple):
    """A stored item, which is never changed in place, with an upper bound of its size."""

    item: Item
    bound: int


Entries = dict[Any, dict[Primary, None]]
"""Keys of the items of each partition."""


class State(NamedTuple):
    rows: dict[Primary, Row]
    entries: list[Entries]
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
        self.entries: Entries = {}

    def place(self, primary: Primary, old: Item, new: Item) -> None:
        """Replace an item; `old` and `new` are empty if there is none."""
        was = old.get(self.hash) if self.range is None or self.range in old else None
        now = new.get(self.hash) if self.range is None or self.range in new else None
        if was == now:
            return
        if was is not None:
            del self.entries[was][primary]
            if not self.entries[was]:
                del self.entries[was]
        if now is not None:
            self.entries.setdefault(now, {})[primary] = None

    def projected(self, item: Item) -> Item:
        """Return what the index holds of an item."""
        return item if self.is_whole else {name: value for name, value in item.items() if name in self.kept}

    def scan_position(self, item: Item) -> Any:
        key = item[self.hash]
        return slot(key), key, self.position(item)


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
        if not SIMULATED_KEYS.keys() >= set(self.types.values()):
            raise NotImplementedError("binary keys are not simulated")
        self._classes = {name: SIMULATED_KEYS[kind] for name, kind in self.types.items()}
        self.keys = _keys(properties)
        self.own = Index("", self.keys, self.keys, {"ProjectionType": "ALL"})
        secondary = properties.get("GlobalSecondaryIndexes", [])
        indexes = [Index(each["IndexName"], _keys(each), self.keys, each["Projection"]) for each in secondary]
        self.indexes = {index.name: index for index in indexes}
        self._all = [self.own, *indexes]
        self._index_keys = {key: index.name for index in reversed(indexes) for key in index.keys}
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
        if len(key) != len(self.keys) or not all(name in key and self._fits(name, key[name]) for name in self.keys):
            raise Mismatch(NO_MATCH)
        return self._primary(key)

    def primary_of(self, item: Item) -> Primary:
        """Return the key of an item that is to be stored. Raises Refusal if its key attributes are unfit."""
        for name in self.keys:
            if name not in item:
                raise invalid_value(f"Missing the key {name} in the item")
            if not self._fits(name, item[name]):
                expected = f"expected: {self.types[name]} actual: {kind_of(item[name])}"
                text = f"One or more parameter values were invalid: Type mismatch for key {name} {expected}"
                raise Mismatch(text)
        return self._primary(item)

    def _fits(self, name: str, value: Any) -> bool:
        return value.__class__ is self._classes[name]

    def _primary(self, key: Item) -> Primary:
        first, second = key[self.own.hash], key[self.own.range] if self.own.range else None
        for value in (first, second):
            if value.__class__ is str and not 0 < len(value) <= SHORT:
                self._check_lengths(key)
        return first, second

    def _check_lengths(self, key: Item) -> None:
        for name, limit, what in zip(self.keys, (HASH_LIMIT, RANGE_LIMIT), ("hash", "range"), strict=False):
            value = key[name]
            if value == "":
                raise invalid(f"One or more parameter values are not valid. {EMPTY_KEY} Key: {name}")
            if value.__class__ is str and len(value.encode()) > limit:
                raise invalid_value(f"Aggregated size of all {what} keys has exceeded the size limit of {limit} bytes")

    def row(self, item: Item, bound: int) -> Row:
        """Return an item as it is stored. Raises Refusal if it is too large or unfit for an index."""
        if bound > ITEM_LIMIT:
            bound = size_of(item)
            if bound > ITEM_LIMIT:
                raise invalid(TOO_LARGE)
        for name in self._index_keys:
            if name in item and (item[name].__class__ is not self._classes[name] or item[name] == ""):
                raise _unfit(name, item[name], self.types[name], self._index_keys[name])
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
        if not (old and new):
            self.own.place(primary, was, now)
        for name in self._index_keys:
            if was.get(name) != now.get(name):
                self._place(primary, was, now)
                break
        # Python's comparison is faster, and finds less to be different: True equals 1.
        if self._view and not (was == now and same(was, now)):
            self._record(was, now)

    def _place(self, primary: Primary, old: Item, new: Item) -> None:
        for index in self.indexes.values():
            index.place(primary, old, new)

    def _record(self, old: Item, new: Item) -> None:
        name = "MODIFY" if old and new else "INSERT" if new else "REMOVE"
        keys = {key: (new or old)[key] for key in self.keys}
        number, at = self._number(), self._clock()
        self.stream.append(StreamRecord(name, keys, old, new, number, at, self._arn, self._view))

    def partition(self, index: Index, key: Any) -> list[Row]:
        """Return the rows of a partition of an index, in order."""
        rows = [self.rows[primary] for primary in index.entries.get(key, ())]
        if len(rows) > 1:
            rows.sort(key=lambda row: index.position(row.item))
        return rows

    def scanned(self, index: Index) -> list[Row]:
        """Return all rows of an index in the order of a scan."""
        rows = [self.rows[primary] for entries in index.entries.values() for primary in entries]
        rows.sort(key=lambda row: index.scan_position(row.item))
        return rows

    def contents(self) -> list[Item]:
        """Return copies of all items, in the order of a scan."""
        return [copied(row.item) for row in self.scanned(self.own)]

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
