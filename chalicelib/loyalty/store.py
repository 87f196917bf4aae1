"""Points table: counters of points, in the insights table of `analytics`.

| item                   | pk              | sk       | counts              |
|------------------------|-----------------|----------|---------------------|
| points of an order     | `ORDER#{id}`    | `POINTS` | `kept`: minor units |
| points of a customer   | `CUSTOMER#{id}` | `POINTS` | `points`            |
| points of all together | `POINTS`        | `TOTAL`  | `points`            |
"""

from typing import TYPE_CHECKING

from chalicelib.loyalty.model import points_for
from chalicelib.platform.counters import CounterTable, ItemKey
from chalicelib.platform.dynamo import Write
from chalicelib.platform.ids import CustomerId, OrderId

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import Item

STILL_KEPT = "attribute_not_exists(kept) OR kept = :before"
ALL_POINTS = {"pk": "POINTS", "sk": "TOTAL"}


def order_points_key(order_id: OrderId) -> ItemKey:
    return {"pk": f"ORDER#{order_id}", "sk": "POINTS"}


def customer_key(customer_id: CustomerId) -> ItemKey:
    return {"pk": f"CUSTOMER#{customer_id}", "sk": "POINTS"}


class PointsStore:
    def __init__(self, table: CounterTable) -> None:
        self._table = table

    def kept(self, order_id: OrderId, customer_id: CustomerId, change: int) -> list[Write]:
        """Return the writes for a change, in minor units, of what the shop keeps of an order."""
        before = int(self._table.item(order_points_key(order_id)).get("kept", 0))
        points = points_for(before + change) - points_for(before)
        now_kept = self._table.update(
            order_points_key(order_id),
            UpdateExpression="SET kept = :after",
            ConditionExpression=STILL_KEPT,
            ExpressionAttributeValues={":after": before + change, ":before": before},
        )
        return [
            now_kept,
            self._table.add(customer_key(customer_id), points=points),
            self._table.add(ALL_POINTS, points=points),
        ]

    def points_of(self, customer_id: CustomerId) -> int:
        return int(self._table.item(customer_key(customer_id)).get("points", 0))

    def erase(self, customer_id: CustomerId) -> None:
        """Raises CountersBusy, TableBusy."""

        def effects(item: "Item") -> list[Write]:
            return [self._table.add(ALL_POINTS, points=-int(item["points"]))]

        self._table.remove(customer_key(customer_id), "points", effects)

    def all_points(self) -> int:
        return int(self._table.item(ALL_POINTS).get("points", 0))
