"""Address books in DynamoDB: a change is made on the latest version, and each customer has a book of their own."""

import pytest

from chalicelib.accounts.address_book import AddressBookBusy
from chalicelib.accounts.address_books import AddressBooks
from chalicelib.accounts.address_store import AddressBookStore
from tests.builders import an_address


@pytest.fixture
def table(new_table):
    return new_table("CartsTable")


@pytest.fixture
def store(dynamodb, table):
    return AddressBookStore(dynamodb, table)


@pytest.fixture
def books(store):
    return AddressBooks(store)


def ids(book):
    return [each.id for each in book.addresses]


def test_address_is_read_as_it_was_kept(books):
    books.put("ada", "home", an_address(), is_default=False)

    [known] = books.of("ada").addresses
    assert known.address == an_address()
    assert ids(books.of("bob")) == []


def test_changes_side_by_side_are_both_kept(dynamodb, table, books):
    class Late(AddressBookStore):
        """Another request changes the book after the first read."""

        raced = False

        def get(self, customer_id):
            book = super().get(customer_id)
            if not self.raced:
                self.raced = True
                books.put(customer_id, "work", an_address("Work"), is_default=False)
            return book

    for first in (True, False):  # A new book, and one that has a version.
        AddressBooks(Late(dynamodb, table)).put("ada", f"home{first}", an_address(f"{first}"), is_default=False)

    assert sorted(ids(books.of("ada"))) == ["homeFalse", "homeTrue", "work"]


def test_lasting_contention_is_unavailable(dynamodb, table):
    class Racing(AddressBookStore):
        def save(self, customer_id, book):
            return False

    with pytest.raises(AddressBookBusy):
        AddressBooks(Racing(dynamodb, table)).put("ada", "home", an_address(), is_default=False)


def test_address_is_deleted_once_and_the_repetition_changes_nothing(books):
    books.put("ada", "home", an_address(), is_default=False)

    assert ids(books.remove("ada", "home")) == [] == ids(books.remove("ada", "home"))
    assert books.of("ada").version == 2
