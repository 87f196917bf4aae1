"""Reindexing: give the orders of earlier releases the keys under which operators find them.

A deployment does it once. A mark in the table, `RULES` / `SEARCH_KEYS`, says which rules all orders follow.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.orders.model import Order, Status
from chalicelib.orders.store import order_key, search_keys
from chalicelib.platform.dynamo import Read, is_accepted, read_together

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item

RULES = 1
"""To be raised when `search_keys` changes."""
MARK = {"pk": "RULES", "sk": "SEARCH_KEYS"}
WORKERS = 8
BATCH = 100
"""Orders read at a time."""


class Reindexing:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def run(self) -> int:
        """Return how many orders were changed. A run that was stopped is repeated by the next deployment."""
        if self.is_done():
            return 0
        with ThreadPoolExecutor(WORKERS) as pool:
            changed = sum(sum(pool.map(self._reindex, page)) for page in self._pages())
        self._db.put_item(TableName=self._table, Item=MARK | {"rules": RULES})
        return changed

    def is_done(self) -> bool:
        mark: Item = self._db.get_item(TableName=self._table, Key=MARK).get("Item", {})
        return mark.get("rules") == RULES

    def _pages(self) -> "Iterator[list[Item]]":
        """Yield the orders by the index of their status, which holds no events: a scan would read four times as much.

        An order that changes its status meanwhile was saved by this release.
        """
        for status in Status:
            pages = self._db.get_paginator("query").paginate(
                TableName=self._table, IndexName="by-status", KeyConditionExpression=Key("status").eq(status)
            )
            for keys in ([{"pk": item["pk"], "sk": item["sk"]} for item in page["Items"]] for page in pages):
                for start in range(0, len(keys), BATCH):
                    yield read_together(self._db, Read(self._table, keys[start : start + BATCH], list))[0]

    def _reindex(self, item: "Item") -> bool:
        """Return whether the order was changed. One that was saved since it was read has its keys."""
        order = Order.model_validate(item)
        keys = search_keys(order)
        if keys.items() <= item.items():
            return False
        return is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key=order_key(order.id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in keys),
            ConditionExpression="version = :version",
            ExpressionAttributeNames={f"#{name}": name for name in keys},
            ExpressionAttributeValues={f":{name}": value for name, value in keys.items()} | {":version": order.version},
        )
