"""Rebuild of the reporting read model from the shop's tables, a page at a time.

A page is scanned and projected in one call of the function; the caller passes the cursor of the next one, so a rebuild
lasts as long as it needs. It may run beside the projector and be repeated: each row is written in its newest version.
"""

from typing import TYPE_CHECKING

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.ids import OrderId
from chalicelib.reporting.adjustments import movement_of
from chalicelib.reporting.projector import Projector

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item, Scan

PAGE = 1000
"""Items that one call scans. An order has about ten: its events lie beside it."""

IS_ORDER, ORDER = "sk = :order", {":order": "ORDER"}
IS_ADJUSTMENT = "attribute_exists(moved)"


class RebuildStep(BaseModel):
    """Where to go on. `table` is `orders` first, then `stock`; None when all is done."""

    table: str | None = "orders"
    start: dict[str, str] | None = None
    projected: int = 0


class Rebuild:
    def __init__(
        self,
        dynamodb: "DynamoDB",
        orders_table: str,
        inventory_table: str,
        projector: Projector,
        page_size: int = PAGE,
    ) -> None:
        self._db = dynamodb
        self._orders = orders_table
        self._inventory = inventory_table
        self._projector = projector
        self._page_size = page_size

    def take(self, step: RebuildStep) -> RebuildStep:
        """Project one page. Return the step after it, with the number of all projected items."""
        if step.table == "orders":
            items, last = self._page(self._orders, step.start, IS_ORDER, ORDER)
            done = self._projector.rebuild(OrderId(item["id"]) for item in items)
            return _after(step, done, last, "stock")
        items, last = self._page(self._inventory, step.start, IS_ADJUSTMENT)
        self._projector.add_adjustments([movement_of(item) for item in items])
        return _after(step, len(items), last, None)

    def _page(
        self, table: str, start: dict[str, str] | None, condition: str, values: dict[str, str] | None = None
    ) -> "tuple[list[Item], dict[str, str] | None]":
        scan: Scan = {
            "TableName": table,
            "Limit": self._page_size,
            "ConsistentRead": True,
            "FilterExpression": condition,
        }
        if values:
            scan["ExpressionAttributeValues"] = values
        if start:
            scan["ExclusiveStartKey"] = start
        answer = self._db.scan(**scan)
        return answer["Items"], answer.get("LastEvaluatedKey")


def _after(step: RebuildStep, done: int, last: dict[str, str] | None, then: str | None) -> RebuildStep:
    return RebuildStep(table=step.table if last else then, start=last, projected=step.projected + done)
