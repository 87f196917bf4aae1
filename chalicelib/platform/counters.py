"""Counter table: counters that change in one transaction with a fact that is written once, for an exactly-once effect.

A message that arrives again finds its fact and counts nothing. Rooms that must count in one transaction share a table.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.platform.dynamo import Write, is_accepted, patiently, transact
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.retries import retry_on_conflict

if TYPE_CHECKING:
    from typing import Unpack

    from boto3.dynamodb.conditions import ConditionBase

    from chalicelib.platform.dynamodb_client import DynamoDB, Expressions, Item

ItemKey = dict[str, str]

NEW = "attribute_not_exists(pk)"
ATTEMPTS, CONFLICT_BASE = 8, 0.05


class CountersBusy(Unavailable):
    """Too many transactions change the same counters at the same time. A later attempt will succeed."""


class CounterTable:
    """A DynamoDB table with the keys `pk` and `sk`."""

    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def write_once(self, fact: ItemKey, effects: Callable[[], list[Write]] = list) -> None:
        """Write the fact and its effects in one transaction, or nothing if the fact exists.

        `effects` is called again when a condition of its own failed: counters have changed. Raises CountersBusy,
        TableBusy.
        """
        once: Write = {"Put": {"TableName": self._table, "Item": fact, "ConditionExpression": NEW}}
        for _ in retry_on_conflict(ATTEMPTS, CONFLICT_BASE):
            refused = transact(self._db, [once, *effects()])
            if not refused or 0 in refused:
                return
        raise CountersBusy

    def remove(self, key: ItemKey, counter: str, effects: "Callable[[Item], list[Write]]") -> None:
        """Delete an item with its effects in one transaction, or nothing if there is none.

        `effects` is called again when the counter has changed. Raises CountersBusy, TableBusy.
        """
        for _ in retry_on_conflict(ATTEMPTS, CONFLICT_BASE):
            item = self.item(key)
            if not item:
                return
            delete: Write = {
                "Delete": {
                    "TableName": self._table,
                    "Key": key,
                    "ConditionExpression": "#counter = :counter",
                    "ExpressionAttributeNames": {"#counter": counter},
                    "ExpressionAttributeValues": {":counter": item[counter]},
                }
            }
            if not transact(self._db, [delete, *effects(item)]):
                return
        raise CountersBusy

    def write(self, writes: list[Write]) -> None:
        """Write effects without a fact: a repetition counts again."""
        for write in writes:
            patiently(self._db.update_item, **write["Update"])

    def put_once(self, item: "Item") -> None:
        """Put the item, or nothing if its key exists."""
        is_accepted(self._db.put_item, TableName=self._table, Item=item, ConditionExpression=NEW)

    def add(self, key: ItemKey, **counts: int) -> Write:
        """Return the write that adds to these counters of an item."""
        names = {f"#{n}": name for n, name in enumerate(counts)}
        values = {f":{n}": count for n, count in enumerate(counts.values())}
        return self.update(
            key,
            UpdateExpression="ADD " + ", ".join(f"#{n} :{n}" for n in range(len(counts))),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def update(self, key: ItemKey, **expressions: "Unpack[Expressions]") -> Write:
        """Return the write that updates an item by these expressions."""
        return {"Update": {"TableName": self._table, "Key": key, **expressions}}

    def item(self, key: ItemKey) -> "Item":
        """Return an item, read consistently; empty if there is none."""
        return self._db.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})

    def query(self, condition: "ConditionBase") -> Iterator["Item"]:
        """Yield the items that match a key condition, read consistently."""
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table, KeyConditionExpression=condition, ConsistentRead=True
        )
        return (item for page in pages for item in page["Items"])

    def below(self, pk: str, prefix: str) -> Iterator["Item"]:
        """Yield the items of a partition whose sort key begins with the prefix."""
        return self.query(Key("pk").eq(pk) & Key("sk").begins_with(prefix))


def counts(item: "Item") -> dict[str, int]:
    """Return the counters of an item, without its key."""
    return {name: int(count) for name, count in item.items() if name not in ("pk", "sk")}
