"""Totals of lists of orders: how many, and what they were placed for, up to a limit."""

from datetime import timedelta

import pytest

from chalicelib.orders.model import Status
from chalicelib.orders.store import EVER, CheckoutRecord, OrderStore, Span
from chalicelib.orders.totals import OrderTotals, Totals
from chalicelib.platform.money import Money
from tests.builders import NOW, a_line, an_order, euros


@pytest.fixture
def table(dynamodb, new_table):
    """Hold an order of each of three days, the last one in another currency, and one that is reserved."""
    name = new_table("OrdersTable")
    store = OrderStore(dynamodb, name)
    crowns = a_line().model_copy(update={"unit_price": Money(amount=9900, currency="SEK")})
    for number, lines in enumerate(([a_line()], [a_line()], [crowns])):
        order = an_order(f"ord_{number}", lines=lines, at=NOW + timedelta(days=number))
        store.place(order, CheckoutRecord(order.id, "fingerprint", order.id, 0), NOW)
    store.save(store.get("ord_0").advanced(Status.RESERVED, NOW))
    return name


@pytest.mark.parametrize(
    ("index", "values", "span", "expected"),
    [
        ("by-status", list(Status), EVER, Totals(3, [euros(5000), Money(amount=19800, currency="SEK")], True)),
        ("by-status", [Status.RESERVED], EVER, Totals(1, [euros(2500)], True)),
        ("by-status", list(Status), Span("2030-05-18", "2030-05-18T24"), Totals(1, [euros(2500)], True)),
        ("by-customer", ["ada"], EVER, Totals(3, [euros(5000), Money(amount=19800, currency="SEK")], True)),
        ("by-customer", ["bob"], EVER, Totals(0, [], True)),
    ],
)
def test_totals_are_those_of_the_listed_orders(dynamodb, table, index, values, span, expected):
    assert OrderTotals(dynamodb, table).of(index, values, span) == expected


@pytest.mark.parametrize(("most", "is_complete"), [(2, False), (3, True)])
def test_totals_say_that_there_are_more_orders_than_were_counted(dynamodb, table, most, is_complete):
    totals = OrderTotals(dynamodb, table, most).of("by-status", list(Status), EVER)
    assert (totals.count, totals.is_complete) == (most, is_complete)


def test_totals_read_no_more_orders_than_they_need(dynamodb, table, monkeypatch):
    read, query = [], dynamodb.query

    def noted(**request):
        page = query(**request)
        read.append(page["Count"])
        return page

    store = OrderStore(dynamodb, table)
    store.place(an_order("ord_3"), CheckoutRecord("ord_3", "fingerprint", "ord_3", 0), NOW)
    monkeypatch.setattr(dynamodb, "query", noted)
    OrderTotals(dynamodb, table, 1).of("by-status", [Status.PLACED, Status.RESERVED], EVER)

    assert read == [2]
