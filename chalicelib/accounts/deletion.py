"""Deletion of an account: erases the customer's data in every room, then deletes the user.

The user goes last, so that a deletion that was interrupted can be requested again. A second request after the end is
answered from a record, which outlives the id tokens of the account.

| item            | id                      |
|-----------------|-------------------------|
| deleted account | `deleted#{customer id}` |
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.accounts.service import Accounts
from chalicelib.orders.model import Order
from chalicelib.orders.service import Orders
from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import Conflict
from chalicelib.platform.ids import CustomerId

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

RECORD_LIFETIME = timedelta(days=1)
SETTLING_TIME = timedelta(hours=1)
"""Within it the invoice and the points of a completed order may still be to come; then only alarms delay them."""


class OrdersUnderWay(Conflict):
    """An order of this account is under way. Delete the account once all are completed, cancelled or refunded."""


class DeletedAccounts:
    """In the carts table, which deletes the records by their expiry."""

    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def add(self, customer_id: CustomerId) -> None:
        expires_at = int((self._clock() + RECORD_LIFETIME).timestamp())
        self._db.put_item(TableName=self._table, Item=_key(customer_id) | {"expires_at": expires_at})

    def holds(self, customer_id: CustomerId) -> bool:
        """Read consistently."""
        return "Item" in self._db.get_item(TableName=self._table, Key=_key(customer_id), ConsistentRead=True)


class AccountDeletion:
    """`erasures` each erase what one room holds of a customer, and may be repeated. `is_joined` says whether all that
    follows from a completed order is done.
    """

    def __init__(
        self,
        accounts: Accounts,
        orders: Orders,
        erasures: Iterable[Callable[[CustomerId], None]],
        deleted: DeletedAccounts,
        is_joined: Callable[[Order], bool],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._orders = orders
        self._erasures = tuple(erasures)
        self._deleted = deleted
        self._is_joined = is_joined
        self._clock = clock

    def delete(self, customer_id: CustomerId, email: str, password: str) -> None:
        """Raises PasswordWrong, OrdersUnderWay, TooManyAttempts. Nothing is erased when it raises one of these."""
        if self._deleted.holds(customer_id):
            return
        access_token = self._accounts.prove(email, password)
        orders = list(self._orders.every_of_customer(customer_id))
        if not all(self._is_concluded(order) for order in orders):
            raise OrdersUnderWay
        for order in orders:
            self._orders.erase(order.id, customer_id)
        for erase in self._erasures:
            erase(customer_id)
        self._accounts.delete(access_token)
        self._deleted.add(customer_id)

    def _is_concluded(self, order: Order) -> bool:
        if not order.is_settled or order.failed_refunds:
            return False
        is_old = datetime.fromisoformat(order.history[-1].at) < self._clock() - SETTLING_TIME
        return order.dispatched_at is None or is_old or self._is_joined(order)


def _key(customer_id: CustomerId) -> dict[str, str]:
    return {"id": f"deleted#{customer_id}"}
