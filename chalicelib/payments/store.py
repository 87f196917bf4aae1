"""The payments table: one item per order, changed only from the status that was read."""

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.payments.model import Payment
from chalicelib.platform.dynamo import lost_condition

NEW = "attribute_not_exists(order_id)"
STILL_SO = "#status = :expected"


class PaymentStore:
    def __init__(self, dynamodb: Any, table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, order_id: str) -> Payment | None:
        answer = self._db.get_item(TableName=self._table, Key={"order_id": order_id}, ConsistentRead=True)
        return Payment.model_validate(answer["Item"]) if "Item" in answer else None

    def create(self, payment: Payment) -> bool:
        """False if this order has a payment already."""
        return self._put(payment, ConditionExpression=NEW)

    def replace(self, old: Payment, new: Payment) -> bool:
        """False if the payment is no longer in the status that was read."""
        return self._put(
            new,
            ConditionExpression=STILL_SO,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":expected": old.status},
        )

    def _put(self, payment: Payment, **condition: Any) -> bool:
        try:
            self._db.put_item(TableName=self._table, Item=payment.model_dump(exclude_none=True), **condition)
        except ClientError as error:
            if lost_condition(error):
                return False
            raise
        return True
