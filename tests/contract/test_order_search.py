"""Order search: by number and by name, through the indexes of the orders table."""

from datetime import timedelta

import pytest

from chalicelib.orders import finding
from chalicelib.orders.erasure import erased
from chalicelib.orders.finding import OrderSearch, TooManyNames
from chalicelib.orders.model import Status
from chalicelib.orders.numbers import number_of
from chalicelib.orders.reindexing import MARK, RULES, Reindexing
from chalicelib.orders.store import CheckoutRecord, OrderStore, order_key
from chalicelib.platform.errors import CursorInvalid
from tests.builders import HAPPY_PATH, NOW, an_order

NAMES = ("Åsa Öberg", "Oscar Oberg", "Åsa Lind", "Oskar Lindberg", "O. Åsa")


@pytest.fixture
def table(new_table):
    return new_table("OrdersTable")


@pytest.fixture
def search(dynamodb, table):
    return OrderSearch(dynamodb, table)


@pytest.fixture
def placed(dynamodb, table):
    """Place an order of each buyer, a day apart, and change the first one."""
    store = OrderStore(dynamodb, table)
    for number, name in enumerate(NAMES):
        order = an_order(f"ord_{number}", name=name, at=NOW + timedelta(days=number))
        store.place(order, CheckoutRecord(order.id, "fingerprint", order.id, 0), NOW)
    first = store.get("ord_0")
    store.save(first.advanced(Status.RESERVED, NOW))


def ids(found):
    return [order.id for order in found[0]]


def test_erased_order_is_found_by_its_number_only(search, placed, dynamodb, table):
    store = OrderStore(dynamodb, table)
    for status in HAPPY_PATH[2:]:
        store.save(store.get("ord_0").advanced(status, NOW))
    store.save(erased(store.get("ord_0"), NOW))

    item = dynamodb.get_item(TableName=table, Key=order_key("ord_0"))["Item"]
    assert {"buyer_email", "buyer_name", "name_group", "guest_email"} & item.keys() == set()
    assert ids(search.find(number_of("ord_0"), None)) == ["ord_0"]


def test_order_is_found_by_its_number_as_people_type_it(search, placed):
    number = number_of("ord_0")
    for typed in (number, number.lower().replace("-", " ")):
        assert ids(search.find(typed, None)) == ["ord_0"]
    assert search.find(number, None)[0][0].status == Status.RESERVED
    assert search.numbered(number_of("ord_none")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oberg", ["ord_1", "ord_0"]),
        ("Åsa Öberg", ["ord_0"]),
        ("asa o", ["ord_4", "ord_0"]),
        ("lind", ["ord_3", "ord_2"]),
        ("oskar lind", ["ord_3"]),
        ("***", []),
        ("nobody", []),
    ],
)
def test_orders_are_found_by_their_buyers_name_newest_first(search, placed, text, expected):
    assert ids(search.find(text, None)) == expected


def test_search_by_name_continues_where_its_page_ended(search, placed, monkeypatch):
    monkeypatch.setattr(finding, "PAGE_SIZE", 1)
    found, cursor = search.find("oberg", None)
    rest = search.find("oberg", cursor)
    assert ids((found, cursor)) == ["ord_1"] and ids(rest) == ["ord_0"] and rest[1] is None


def test_search_that_too_many_names_match_is_refused_unless_the_name_is_whole(search, placed, monkeypatch):
    monkeypatch.setattr(finding, "MOST_READ", 1)
    with pytest.raises(TooManyNames):
        search.find("o", None)
    assert ids(search.find("Oscar Oberg", None)) == ["ord_1"]


@pytest.mark.parametrize("cursor", ["nonsense", "W10=", "WzEsMl0="])
def test_cursor_that_no_search_gave_is_refused(search, placed, cursor):
    with pytest.raises(CursorInvalid):
        search.find("oberg", cursor)


@pytest.fixture
def of_an_earlier_release(dynamodb, table, placed):
    """Take the search keys from all orders."""
    keys = ("number", "name_group", "buyer_name", "buyer_email")
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.put_item(TableName=table, Item={name: value for name, value in item.items() if name not in keys})


def test_orders_of_an_earlier_release_are_found_after_reindexing(dynamodb, table, search, of_an_earlier_release):
    store = OrderStore(dynamodb, table)
    before = [store.get(f"ord_{number}") for number in range(len(NAMES))]
    assert ids(search.find("oberg", None)) == ids(search.find(number_of("ord_0"), None)) == []
    assert [Reindexing(dynamodb, table).run() for _ in range(2)] == [len(NAMES), 0]
    assert ids(search.find("oberg", None)) == ["ord_1", "ord_0"]
    assert ids(search.find(number_of("ord_0"), None)) == ["ord_0"]
    assert [store.get(order.id) for order in before] == before


def test_reindexing_reads_the_orders_once_for_each_version_of_its_rules(dynamodb, table, search, of_an_earlier_release):
    dynamodb.put_item(TableName=table, Item=MARK | {"rules": RULES - 1})
    assert Reindexing(dynamodb, table).run() == len(NAMES)


def test_reindexing_leaves_an_order_that_was_saved_meanwhile(dynamodb, table, of_an_earlier_release, monkeypatch):
    store = OrderStore(dynamodb, table)
    stale = list(Reindexing(dynamodb, table)._pages())
    store.save(store.get("ord_1").advanced(Status.RESERVED, NOW))
    saved = store._item(order_key("ord_1"))
    monkeypatch.setattr(Reindexing, "_pages", lambda self: stale)
    assert Reindexing(dynamodb, table).run() == len(NAMES) - 1
    assert store._item(order_key("ord_1")) == saved
