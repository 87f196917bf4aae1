"""The shipments table: one item per order, changed only from the status that was read."""

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.platform.dynamo import lost_condition
from chalicelib.shipping.model import Shipment

NEW = "attribute_not_exists(order_id)"
STILL_SO = "#status = :expected"


class ShipmentStore:
    def __init__(self, dynamodb: Any, table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, order_id: str) -> Shipment | None:
        answer = self._db.get_item(TableName=self._table, Key={"order_id": order_id}, ConsistentRead=True)
        return Shipment.model_validate(answer["Item"]) if "Item" in answer else None

    def create(self, shipment: Shipment) -> bool:
        """False if this order has a shipment already."""
        return self._put(shipment, ConditionExpression=NEW)

    def replace(self, old: Shipment, new: Shipment) -> bool:
        """False if the shipment is no longer in the status that was read."""
        return self._put(
            new,
            ConditionExpression=STILL_SO,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":expected": old.status},
        )

    def _put(self, shipment: Shipment, **condition: Any) -> bool:
        try:
            self._db.put_item(TableName=self._table, Item=shipment.model_dump(exclude_none=True), **condition)
        except ClientError as error:
            if lost_condition(error):
                return False
            raise
        return True
