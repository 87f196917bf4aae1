"""The connections table: who is connected, and who watches which order.

| item       | pk                | sk                | besides                              |
|------------|-------------------|-------------------|--------------------------------------|
| connection | `CONNECTION#{id}` | `CONNECTION`      | `orders`: the set of those it watches |
| watch      | `ORDER#{id}`      | `CONNECTION#{id}` |                                      |

An order's watchers are read by the table's own key, consistently: an index would lag behind, and a change
right after the subscription would be missed. Items that were not removed expire by TTL.
"""

from itertools import islice
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr, Key

from chalicelib.order_updates.model import MAX_SUBSCRIPTIONS
from chalicelib.platform.dynamo import is_accepted
from chalicelib.platform.ids import OrderId

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

WATCHERS_AT_MOST = 20
"""An honest order has one or two. More watchers get no updates, so that a push stays quick."""

CONNECTED = "attribute_exists(pk)"
HAS_ROOM = "attribute_not_exists(orders) OR contains(orders, :order_id) OR size(orders) < :most"


class ConnectionStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def open(self, connection_id: str, expires_at: int) -> None:
        """`expires_at` is Unix seconds, as everywhere here."""
        self._db.put_item(TableName=self._table, Item=_connection(connection_id) | {"expires_at": expires_at})

    def subscribe(self, connection_id: str, order_id: OrderId, expires_at: int) -> bool:
        """False if this connection watches too many orders, or has gone."""
        has_room = is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key=_connection(connection_id),
            UpdateExpression="ADD orders :orders",
            ConditionExpression=f"{CONNECTED} AND ({HAS_ROOM})",
            ExpressionAttributeValues={
                ":orders": set[str]([order_id]),
                ":order_id": order_id,
                ":most": MAX_SUBSCRIPTIONS,
            },
        )
        if has_room:
            self._db.put_item(TableName=self._table, Item=_watch(connection_id, order_id) | {"expires_at": expires_at})
        return has_room

    def watchers(self, order_id: OrderId, now: int) -> list[str]:
        """Return the connections that watch an order at `now`, in Unix seconds.

        TTL deletes late. What has expired is passed over, so that it takes no live connection's place.
        """
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=Key("pk").eq(f"ORDER#{order_id}"),
            FilterExpression=Attr("expires_at").gt(now),
            ConsistentRead=True,
            PaginationConfig={"PageSize": 5 * WATCHERS_AT_MOST},
        )
        current = (item["sk"].removeprefix("CONNECTION#") for page in pages for item in page["Items"])
        return list(islice(current, WATCHERS_AT_MOST))

    def forget(self, connection_id: str, *orders: str) -> None:
        """The connection and all that it watches; `orders` are named besides, should it be gone already."""
        answer = self._db.delete_item(TableName=self._table, Key=_connection(connection_id), ReturnValues="ALL_OLD")
        for order_id in {*answer.get("Attributes", {}).get("orders", ()), *orders}:
            self._db.delete_item(TableName=self._table, Key=_watch(connection_id, order_id))


def _connection(connection_id: str) -> dict[str, str]:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def _watch(connection_id: str, order_id: OrderId) -> dict[str, str]:
    return {"pk": f"ORDER#{order_id}", "sk": f"CONNECTION#{connection_id}"}
