"""The carts table: one item per cart, saved under a version, removed by TTL some time after it expired.

Only a cart with an email and lines has the attribute `remindable`: index `by-last-change` is sparse. It sorts by
`expires_at`, which follows the last change at a fixed distance.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.cart.model import LIFETIME, Cart, LastOrder
from chalicelib.platform.dynamo import Read, Write, is_accepted, read_together, transact
from chalicelib.platform.ids import OrderId

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import PutTypeDef

    from chalicelib.platform.dynamodb_client import DynamoDB, Item

UNCHANGED = "version = :version"
NEW = "attribute_not_exists(id)"
YES = "yes"


class CartStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, cart_id: str) -> Cart | None:
        answer = self._db.get_item(TableName=self._table, Key={"id": cart_id}, ConsistentRead=True)
        return _cart(answer["Item"]) if "Item" in answer else None

    def get_many(self, cart_ids: list[str]) -> dict[str, Cart]:
        """Return the carts that exist, by id."""
        keys = [{"id": cart_id} for cart_id in cart_ids]
        return read_together(self._db, Read(self._table, keys, _carts))[0]

    def untouched(self, since: datetime, now: datetime) -> Iterator[str]:
        """Ids of carts that could be reminded of, last changed by then and not expired. Eventually consistent."""
        expiring = Key("expires_at").between(int(now.timestamp()) + 1, int((since + LIFETIME).timestamp()))
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by-last-change",
            KeyConditionExpression=Key("remindable").eq(YES) & expiring,
        )
        return (item["id"] for page in pages for item in page["Items"])

    def save(self, cart: Cart) -> bool:
        """Return False if it was changed since it was read. Raises TableBusy."""
        return is_accepted(self._db.put_item, **self._put(cart))

    def save_both(self, one: Cart, other: Cart) -> bool:
        """Save both or none. Return False if one was changed since it was read. Raises TableBusy."""
        return not transact(self._db, [{"Put": self._put(cart)} for cart in (one, other)])

    def delete(self, cart_id: str) -> None:
        self._db.delete_item(TableName=self._table, Key={"id": cart_id})

    def taking(self, cart: Cart, order_id: OrderId, checkout: str) -> Write:
        """Return the write that takes this version's contents for an order, as a part of the order's transaction."""
        return {"Put": self._put(cart.ordered(order_id, checkout))}

    def _put(self, cart: Cart) -> "PutTypeDef":
        """The email goes when the cart is emptied: it is kept for the reminder only."""
        reminding = {"email": cart.email, "remindable": YES} if cart.email and cart.lines else {}
        item: Item = {
            "id": cart.id,
            "lines": cart.lines,
            "names": cart.names,
            "version": cart.version + 1,
            "expires_at": int(cart.expires_at.timestamp()),
        }
        if cart.last_order:
            item["last_order"] = asdict(cart.last_order)
        put: PutTypeDef = {"TableName": self._table, "Item": item | reminding}
        if cart.version == 0:
            return {**put, "ConditionExpression": NEW}
        return {**put, "ConditionExpression": UNCHANGED, "ExpressionAttributeValues": {":version": cart.version}}


def _carts(items: "list[Item]") -> dict[str, Cart]:
    return {item["id"]: _cart(item) for item in items}


def _cart(item: "Item") -> Cart:
    return Cart(
        id=item["id"],
        lines={sku: int(quantity) for sku, quantity in item["lines"].items()},
        version=int(item["version"]),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC),
        email=item.get("email"),
        names=item.get("names", {}),
        last_order=_last_order(item),
    )


def _last_order(item: "Item") -> LastOrder | None:
    found = item.get("last_order")
    return LastOrder(found["order_id"], found["checkout"], int(found["version"])) if found else None
