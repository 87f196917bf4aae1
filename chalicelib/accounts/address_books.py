"""Address book use cases: read it, keep an address, delete one. Every change may be repeated."""

from collections.abc import Callable

from chalicelib.accounts.address_book import AddressBook, AddressBookBusy
from chalicelib.accounts.address_store import AddressBookStore
from chalicelib.platform.ids import CustomerId
from chalicelib.platform.retries import retry_on_conflict
from chalicelib.shipping.address import Address

ATTEMPTS = 6


class AddressBooks:
    def __init__(self, store: AddressBookStore) -> None:
        self._store = store

    def of(self, customer_id: CustomerId) -> AddressBook:
        return self._store.get(customer_id)

    def put(self, customer_id: CustomerId, address_id: str, address: Address, *, is_default: bool) -> AddressBook:
        """Keep an address under its id and return the book. Raises AddressBookFull, AddressBookBusy."""
        return self._change(customer_id, lambda book: book.updated(address_id, address, is_default=is_default))

    def remove(self, customer_id: CustomerId, address_id: str) -> AddressBook:
        """Delete an address, if it is there, and return the book. Raises AddressBookBusy."""
        return self._change(customer_id, lambda book: book.removed(address_id))

    def erase(self, customer_id: CustomerId) -> None:
        """Delete the customer's book."""
        self._store.delete(customer_id)

    def _change(self, customer_id: CustomerId, change: Callable[[AddressBook], AddressBook]) -> AddressBook:
        for _ in retry_on_conflict(ATTEMPTS):
            book = self._store.get(customer_id)
            changed = change(book)
            if changed == book or self._store.save(customer_id, changed):
                return changed
        raise AddressBookBusy(customer_id)
