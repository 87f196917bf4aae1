"""Order search: orders by their number or by their buyer's name, through indexes that hold keys only.

What these indexes hold never changes, so an order is written to each of them once, when it is placed.
"""

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.orders.buyer_names import NameQuery, name_group, name_queries
from chalicelib.orders.model import Order
from chalicelib.orders.numbers import number_in
from chalicelib.orders.store import order_key
from chalicelib.platform import strict_json
from chalicelib.platform.dynamo import Read, read_together
from chalicelib.platform.errors import CursorInvalid, UnprocessableRequest
from chalicelib.platform.ids import OrderId, OrderNumber

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item

MOST_READ = 1000
"""Entries of the index by name that one search may find: about 20 read units."""
PAGE_SIZE = 20


class TooManyNames(UnprocessableRequest):
    """More than a thousand orders are of buyers with such a name. Type more of it, or search by email or number."""


class OrderSearch:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def find(self, text: str, cursor: str | None) -> tuple[list[Order], str | None]:
        """Return the orders of this number or else of buyers of this name, newest first.

        Raise CursorInvalid, TooManyNames.
        """
        number = number_in(text)
        ids = self.numbered(number) if number else []
        if ids:
            return self._orders(ids), None
        place = _decoded(cursor) if cursor else None
        found = sorted(self._named(text), reverse=True)
        rest = [each for each in found if place is None or each < place]
        page = rest[:PAGE_SIZE]
        return self._orders([order_id for _, order_id in page]), _encoded(page[-1]) if len(rest) > PAGE_SIZE else None

    def numbered(self, number: OrderNumber) -> list[OrderId]:
        """Return the ids of the orders with this number: one, or more by a rare chance. Eventually consistent."""
        answer = self._db.query(
            TableName=self._table, IndexName="by-number", KeyConditionExpression=Key("number").eq(number)
        )
        return [_id_in(item) for item in answer["Items"]]

    def _named(self, text: str) -> set[tuple[str, OrderId]]:
        """Return the orders with the time at which they were placed. Raise TooManyNames.

        Where too many last names begin so, the text is taken for a whole name, which has its own place in the index.
        """
        queries = name_queries(text)
        try:
            return self._matching(queries, lambda query: query.last)
        except TooManyNames:
            if not (found := self._matching(queries, lambda query: query.whole)):
                raise
            return found

    def _matching(self, queries: list[NameQuery], beginning: Callable[[NameQuery], str]) -> set[tuple[str, OrderId]]:
        return {
            (item["placed_at"], _id_in(item))
            for query in queries
            for item in self._beginning(beginning(query))
            if query.finds(item["buyer_name"])
        }

    def _beginning(self, text: str) -> "list[Item]":
        condition = Key("name_group").eq(name_group(text)) & Key("buyer_name").begins_with(text)
        answer = self._db.query(
            TableName=self._table, IndexName="by-name", KeyConditionExpression=condition, Limit=MOST_READ + 1
        )
        if len(answer["Items"]) > MOST_READ or "LastEvaluatedKey" in answer:
            raise TooManyNames
        return answer["Items"]

    def _orders(self, ids: list[OrderId]) -> list[Order]:
        """Return these orders, newest first."""
        keys = [order_key(order_id) for order_id in ids]
        return read_together(self._db, Read(self._table, keys, _newest_first, consistent=False))[0]


def _newest_first(items: "list[Item]") -> list[Order]:
    return sorted(map(Order.model_validate, items), key=lambda order: (order.placed_at, order.id), reverse=True)


def _id_in(item: "Item") -> OrderId:
    return OrderId(item["pk"].removeprefix("ORDER#"))


def _encoded(place: tuple[str, OrderId]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _decoded(cursor: str) -> tuple[str, OrderId]:
    try:
        placed_at, order_id = strict_json.parse(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError):
        raise CursorInvalid from None
    if not (isinstance(placed_at, str) and isinstance(order_id, str)):
        raise CursorInvalid
    return placed_at, OrderId(order_id)
