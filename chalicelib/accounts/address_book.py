"""Address book rules: the addresses that a customer keeps, at most ten, one of which is the default.

A past-participle method returns a new book.
"""

from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, Unavailable
from chalicelib.shipping.address import Address

LIMIT = 10


class AddressBookFull(Conflict):
    """An address book holds at most 10 addresses. Delete one first."""


class AddressBookBusy(Unavailable):
    """The address book is changed by other requests all the time; try again."""


class KnownAddress(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    address: Address


class AddressBook(BaseModel):
    """`version` counts the changes; 0 is a book that was never written. A book with addresses has a default."""

    model_config = ConfigDict(frozen=True)

    addresses: tuple[KnownAddress, ...] = ()
    default: str | None = None
    version: int = 0

    def updated(self, address_id: str, address: Address, *, is_default: bool) -> "AddressBook":
        """Return the book with this address, new or in place of the one with its id. Raises AddressBookFull.

        An equal address under another id is replaced too: an address is in the book once.
        """
        new = KnownAddress(id=address_id, address=address)
        doubles = {each.id for each in self.addresses if each.address == address and each.id != address_id}
        rest = [each for each in self.addresses if each.id not in doubles]
        if address_id in [each.id for each in rest]:
            rest = [new if each.id == address_id else each for each in rest]
        else:
            rest.append(new)
        if len(rest) > LIMIT:
            raise AddressBookFull
        is_default = is_default or self.default in doubles
        return self._with(rest, address_id if is_default else self.default)

    def removed(self, address_id: str) -> "AddressBook":
        """Return the book without this address. If it was the default, the first of the others becomes it."""
        return self._with([each for each in self.addresses if each.id != address_id], self.default)

    def _with(self, addresses: list[KnownAddress], default: str | None) -> "AddressBook":
        ids = [each.id for each in addresses]
        default = default if default in ids else next(iter(ids), None)
        return self.model_copy(update={"addresses": tuple(addresses), "default": default})
