"""What the outbox knows of events that nobody has published yet."""

from datetime import timedelta

import pytest

from chalicelib.orders.model import Reason
from chalicelib.orders.service import Orders
from chalicelib.orders.store import CheckoutRecord, OrderStore
from tests.builders import an_order


@pytest.fixture
def orders(dynamodb, new_table, clock):
    store = OrderStore(dynamodb, new_table("OrdersTable"))
    for number in (1, 2):
        order = an_order(f"ord_{number}", at=clock())
        assert store.place(order, CheckoutRecord(order.id, "fingerprint", order.id, 0))
        clock.passes(seconds=30)
    return Orders(store, clock)


def waiting(orders, seconds=0):
    return [each.event.order_id for each in orders.unpublished(timedelta(seconds=seconds), 10)]


def test_what_waits_is_told_oldest_first(orders):
    assert waiting(orders) == ["ord_1", "ord_2"]


def test_what_may_still_be_on_its_way_is_not_told(orders):
    assert waiting(orders, seconds=45) == ["ord_1"]


def test_what_was_published_waits_no_more_and_keeps_its_first_moment(orders, clock):
    [first] = orders.unpublished(timedelta(seconds=45), 10)
    orders.event_published(first.key)
    [told] = orders.events("ord_1")
    clock.passes(seconds=30)
    orders.event_published(first.key)
    assert waiting(orders) == ["ord_2"]
    assert orders.events("ord_1") == [told] and told.published_at


def test_all_events_of_an_order_are_told_in_their_order(orders):
    orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
    assert [each.event.type for each in orders.events("ord_1")] == ["OrderPlaced", "OrderCancelRequested"]
    assert orders.events("ord_9") == []
