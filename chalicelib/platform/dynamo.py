"""What the stores share: reading DynamoDB's refusals, and a table with one item per order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError
from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel


class Versioned(BaseModel):
    """What is kept one per order. `version` counts the changes; the store raises it."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    version: int = 1


Item = TypeVar("Item", bound=Versioned)

Write = dict[str, Any]
"""One write of a transaction, which a room may hand to another one: neither needs to know the other's table."""

NEW = "attribute_not_exists(order_id)"
UNCHANGED = "version = :version"


def condition_failed(error: ClientError) -> bool:
    """Whether a single write was refused by its own condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def is_accepted(write: Callable[..., Any], **request: Any) -> bool:
    """Make one conditional write. Return False if its own condition refused it."""
    try:
        write(**request)
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def failed_conditions(error: ClientError) -> list[int]:
    """The positions of a transaction's writes that were refused by their conditions.

    Empty when the transaction failed for any other reason, for example a conflict with another one:
    then the caller lets the error rise and the whole step is tried again.
    """
    return [i for i, code in enumerate(_reasons(error)) if code == "ConditionalCheckFailed"]


def transaction_conflicted(error: ClientError) -> bool:
    """Whether a transaction failed because the items changed, or were just being changed, by another one."""
    return bool({"ConditionalCheckFailed", "TransactionConflict"} & set(_reasons(error)))


def _reasons(error: ClientError) -> list[str]:
    """One code for each write of a cancelled transaction, `None` for those that were not to blame."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])
    return [reason.get("Code", "None") for reason in reasons]


def plain(value: Any) -> Any:
    """DynamoDB's Decimals back to whole numbers, for what has no model: every number that we keep is one."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, Decimal) else value


class PerOrderStore(Generic[Item]):
    """One item per order, changed only in the `version` that was read."""

    model: type[Item]

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, order_id: str) -> Item | None:
        answer = self._db.get_item(TableName=self._table, Key={"order_id": order_id}, ConsistentRead=True)
        return self.model.model_validate(answer["Item"]) if "Item" in answer else None

    def create(self, item: Item) -> bool:
        """False if this order has an item already."""
        return self._put(item, ConditionExpression=NEW)

    def replace(self, old: Item, **changes: Any) -> Item | None:
        """The item as it is now, or None if it was changed since `old` was read."""
        new = old.model_copy(update={**changes, "version": old.version + 1})
        was_unchanged = {":version": old.version}
        return new if self._put(new, ConditionExpression=UNCHANGED, ExpressionAttributeValues=was_unchanged) else None

    def _put(self, item: Item, **condition: Any) -> bool:
        item_of_table = item.model_dump(exclude_none=True)
        return is_accepted(self._db.put_item, TableName=self._table, Item=item_of_table, **condition)
