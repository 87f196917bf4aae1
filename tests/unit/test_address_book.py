"""Address book: its limit, its default, and one entry for each address."""

import pytest

from chalicelib.accounts.address_book import LIMIT, AddressBook, AddressBookFull
from tests.builders import an_address


def a_book(*names):
    """Return a book with the address of each of these people, under their names."""
    book = AddressBook()
    for name in names:
        book = book.updated(name, an_address(name), is_default=False)
    return book


def ids(book):
    return [each.id for each in book.addresses]


def test_first_address_is_the_default_until_another_is_chosen():
    book = a_book("ada", "bob")
    assert (ids(book), book.default) == (["ada", "bob"], "ada")
    assert book.updated("bob", an_address("bob"), is_default=True).default == "bob"


def test_default_that_is_deleted_passes_to_the_first_of_the_others():
    book = a_book("ada", "bob", "cat").removed("ada")
    assert (ids(book), book.default) == (["bob", "cat"], "bob")
    assert a_book("ada").removed("ada").default is None


def test_address_keeps_its_place_when_it_is_changed():
    book = a_book("ada", "bob").updated("ada", an_address("Ada L."), is_default=False)
    assert ids(book) == ["ada", "bob"] and book.addresses[0].address == an_address("Ada L.")


def test_equal_address_under_another_id_is_replaced_and_stays_the_default():
    book = a_book("ada", "bob").updated("new", an_address("ada"), is_default=False)
    assert (ids(book), book.default) == (["bob", "new"], "new")


def test_full_book_refuses_a_new_address_and_takes_a_change():
    book = a_book(*map(str, range(LIMIT)))
    with pytest.raises(AddressBookFull):
        book.updated("new", an_address("new"), is_default=False)
    assert len(book.updated("0", an_address("new"), is_default=False).addresses) == LIMIT


def test_address_that_is_unknown_is_deleted_without_a_change():
    assert a_book("ada").removed("bob") == a_book("ada")
