"""Address book store: one item per customer in the carts table, saved under a version.

| item         | id                        |
|--------------|---------------------------|
| address book | `addresses#{customer id}` |

One item is written whole, so that its limit and its default hold without a transaction. It has no expiry.
"""

from typing import TYPE_CHECKING

from chalicelib.accounts.address_book import AddressBook
from chalicelib.platform.dynamo import is_accepted
from chalicelib.platform.ids import CustomerId

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

NEW = "attribute_not_exists(id)"
UNCHANGED = "version = :version"


class AddressBookStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, customer_id: CustomerId) -> AddressBook:
        """Return the customer's book, with a consistent read; an empty one if there is none."""
        answer = self._db.get_item(TableName=self._table, Key=_key(customer_id), ConsistentRead=True)
        return AddressBook.model_validate(answer.get("Item", {}))

    def save(self, customer_id: CustomerId, book: AddressBook) -> bool:
        """Write the book under its next version. Return False if it was changed since it was read. Raises TableBusy."""
        item = _key(customer_id) | book.model_dump(exclude_none=True) | {"version": book.version + 1}
        if book.version == 0:
            return is_accepted(self._db.put_item, TableName=self._table, Item=item, ConditionExpression=NEW)
        return is_accepted(
            self._db.put_item,
            TableName=self._table,
            Item=item,
            ConditionExpression=UNCHANGED,
            ExpressionAttributeValues={":version": book.version},
        )

    def delete(self, customer_id: CustomerId) -> None:
        self._db.delete_item(TableName=self._table, Key=_key(customer_id))


def _key(customer_id: CustomerId) -> dict[str, str]:
    return {"id": f"addresses#{customer_id}"}
