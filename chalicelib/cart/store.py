"""The carts table: one item per cart, saved under a version, removed by TTL some time after it expired."""

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.cart.model import Cart
from chalicelib.platform.dynamo import lost_race

UNCHANGED = "version = :version"
NEW = "attribute_not_exists(id)"


class CartStore:
    def __init__(self, dynamodb: Any, table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, cart_id: str) -> Cart | None:
        answer = self._db.get_item(TableName=self._table, Key={"id": cart_id}, ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = answer["Item"]
        return Cart(
            id=item["id"],
            lines={sku: int(quantity) for sku, quantity in item["lines"].items()},
            version=int(item["version"]),
            expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC),
        )

    def save(self, *carts: Cart) -> bool:
        """All of them or none. False if one was changed since it was read."""
        try:
            self._db.transact_write_items(TransactItems=[{"Put": self._put(cart)} for cart in carts])
        except ClientError as error:
            if lost_race(error):
                return False
            raise
        return True

    def _put(self, cart: Cart) -> dict[str, Any]:
        put = {
            "TableName": self._table,
            "Item": {
                "id": cart.id,
                "lines": cart.lines,
                "version": cart.version + 1,
                "expires_at": int(cart.expires_at.timestamp()),
            },
        }
        if cart.version == 0:
            return put | {"ConditionExpression": NEW}
        return put | {"ConditionExpression": UNCHANGED, "ExpressionAttributeValues": {":version": cart.version}}
