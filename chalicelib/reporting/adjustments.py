"""Stock adjustments of operators and imports, as the read model keeps them. They have no events: they come from the
inventory table's stream, and from the table itself in a rebuild."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from chalicelib.platform.ids import Sku
from chalicelib.reporting.model import StockMovementRow

_deserialize = TypeDeserializer().deserialize


def movement_of(item: dict[str, Any]) -> StockMovementRow:
    """Return the row of an item of the inventory table that has `moved`. The note and the operator stay there."""
    return StockMovementRow(
        movement_id=item["pk"],
        order_id=None,
        sku=Sku(item["moved"]),
        kind="ADJUSTED",
        units=int(item["delta"]),
        at=datetime.fromisoformat(item["at"]),
    )


def movements_in(event: dict[str, Any]) -> list[StockMovementRow]:
    """Return the adjustments in a batch of the inventory table's stream."""
    images = [record["dynamodb"].get("NewImage", {}) for record in event["Records"]]
    items = [{name: _deserialize(value) for name, value in image.items()} for image in images]
    return [movement_of(item) for item in items if "moved" in item]
