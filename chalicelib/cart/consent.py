"""Consent to reminders of a cart that was left: opt-in, kept with the customer's carts, and without an expiry.

| item    | id                       |
|---------|--------------------------|
| consent | `consent#{customer id}`  |
"""

from typing import TYPE_CHECKING

from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.ids import CustomerId

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item


class ReminderConsent:
    """In the carts table."""

    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def is_given(self, customer_id: CustomerId) -> bool:
        """Return the latest choice, with a consistent read. Who never chose did not consent."""
        answer = self._db.get_item(TableName=self._table, Key={"id": _id(customer_id)}, ConsistentRead=True)
        return bool(answer.get("Item", {}).get("cart_reminders", False))

    def choose(self, customer_id: CustomerId, is_wanted: bool) -> None:
        """Write the choice and when it was made."""
        item: Item = {"id": _id(customer_id), "cart_reminders": is_wanted, "chosen_at": iso(self._clock())}
        self._db.put_item(TableName=self._table, Item=item)

    def erase(self, customer_id: CustomerId) -> None:
        """Delete the choice. Who never chose did not consent."""
        self._db.delete_item(TableName=self._table, Key={"id": _id(customer_id)})


def _id(customer_id: CustomerId) -> str:
    return f"consent#{customer_id}"
