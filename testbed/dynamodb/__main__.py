"""`python -m testbed.dynamodb`: print what calls cost, on an item of 30 attributes and on four small ones."""

from collections.abc import Callable
from itertools import count
from timeit import repeat
from typing import Any

from testbed.dynamodb import DynamoDB

KEY = {"pk": "ORDER#1", "sk": "ORDER"}
LINE = {"sku": "MUG-01", "name": "Camp mug", "quantity": 2, "price": {"amount": 1250, "currency": "EUR"}}
TABLE: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "group")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-group",
            "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
}
TOGETHER = 20
"""Calls that are timed together, of which the fastest round counts: other processes disturb the others."""
ROUNDS = 100

Call = Callable[[], object]


def calls() -> dict[str, Call]:
    database, numbers = DynamoDB(), count(1)
    database.create_table("orders", TABLE)
    db = database.client()
    item: dict[str, Any] = KEY | {f"attribute_{number}": "x" * 12 for number in range(24)}
    item |= {"group": "a", "lines": [LINE] * 3, "version": 0, "paid": True}
    db.put_item(TableName="orders", Item=item)
    named: Any = {"TableName": "orders", "ExpressionAttributeValues": {":one": 1, ":none": 0}}
    current = {**named, "ConditionExpression": "attribute_not_exists(pk) OR version BETWEEN :none AND :one"}
    change = {**named, "UpdateExpression": "SET changes = if_not_exists(changes, :none) + :one"}

    def transact() -> None:
        number = next(numbers)
        keys = [{"pk": f"STOCK#{number}", "sk": f"{each}"} for each in range(4)]
        db.transact_write_items(TransactItems=[{"Update": {**change, "Key": key}} for key in keys])

    return {
        "get_item": lambda: db.get_item(TableName="orders", Key=KEY),
        "put_item on a condition": lambda: db.put_item(**current, Item=item),
        "update_item": lambda: db.update_item(**change, Key=KEY),
        "transact_write_items of four": transact,
    }


def microseconds(call: Call) -> float:
    call()
    return min(repeat(call, number=TOGETHER, repeat=ROUNDS)) / TOGETHER * 1e6


if __name__ == "__main__":
    for name, call in calls().items():
        print(f"{name:30} {microseconds(call):6.1f} µs")
