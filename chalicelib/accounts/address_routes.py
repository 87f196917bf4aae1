"""The customer's address book over HTTP."""

import re
from typing import Annotated

from chalice import Blueprint
from pydantic import Field

from chalicelib import wiring
from chalicelib.accounts.address_book import AddressBook, AddressBookFull
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import UnprocessableRequest
from chalicelib.platform.http import Call, endpoint
from chalicelib.shipping.address import Address, ShippingAddress, address_lines

routes = Blueprint(__name__)

ADDRESS_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AddressIdInvalid(UnprocessableRequest):
    """The id of an address has 1 to 64 characters: A to Z, a to z, 0 to 9, hyphen, underscore."""


class AddressChange(BaseModel):
    address: ShippingAddress
    is_default: Annotated[bool, Field(description="Make it the default. The first address is one anyway.")] = False


class AddressView(BaseModel):
    id: str
    address: Address
    label: Annotated[list[str], Field(description="The address as lines, in the order of its country.")]
    is_default: bool


class AddressList(BaseModel):
    items: list[AddressView]
    next_cursor: None = None


@endpoint(
    routes, "GET", "/me/addresses", summary="List the customer's addresses", access="customer", answer=AddressList,
)  # fmt: skip
def list_addresses(call: Call) -> AddressList:
    """Return the addresses that the customer keeps, oldest first. At most one is the default."""
    return _view(wiring.address_books().of(call.customer_id))


@endpoint(
    routes, "PUT", "/me/addresses/{address_id}", summary="Keep or change an address", access="customer",
    body=AddressChange, answer=AddressList, refusals=(AddressIdInvalid, AddressBookFull),
)  # fmt: skip
def put_address(call: Call, address_id: str, body: AddressChange) -> AddressList:
    """Keep an address under an id of the client's choice and return all. An equal one under another id is replaced."""
    if not ADDRESS_ID.fullmatch(address_id):
        raise AddressIdInvalid
    address = Address(**body.address.model_dump())
    return _view(wiring.address_books().put(call.customer_id, address_id, address, is_default=body.is_default))


@endpoint(
    routes, "DELETE", "/me/addresses/{address_id}", summary="Delete an address", access="customer",
    answer=AddressList,
)  # fmt: skip
def delete_address(call: Call, address_id: str) -> AddressList:
    """Delete an address and return the others. Succeeds without such an address."""
    return _view(wiring.address_books().remove(call.customer_id, address_id))


def _view(book: AddressBook) -> AddressList:
    items = [
        AddressView(
            id=each.id,
            address=each.address,
            label=address_lines(each.address),
            is_default=each.id == book.default,
        )
        for each in book.addresses
    ]
    return AddressList(items=items)
