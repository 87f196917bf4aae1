"""What opens a guest's order, and how it becomes a customer's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.orders.model import OrderNotFound
from chalicelib.orders.service import EmailNotConfirmed, LinkRevoked, Orders
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.platform.identity import GUEST, Caller
from chalicelib.platform.links import LinkExpired, LinkInvalid, Links
from tests.builders import an_order

ADA = Caller("ada", "Ada@example.com", email_is_confirmed=True)
BOB = Caller("bob", "bob@example.com", email_is_confirmed=True)
MONTH = timedelta(days=30)


@pytest.fixture
def links(clock):
    class Keys:
        def __call__(self):
            return "k" * 48

        again = __call__

    return Links(Keys(), clock)


@pytest.fixture
def store(dynamodb, new_table):
    return OrderStore(dynamodb, new_table("OrdersTable"))


@pytest.fixture
def orders(store, clock, links):
    return Orders(store, clock, links)


@pytest.fixture
def place(store, clock):
    def placed(order_id, **facts):
        facts = {"customer_id": None, "token": "secret", "at": clock()} | facts
        assert store.place(an_order(order_id, **facts), CheckoutRecord(order_id, "fingerprint", order_id, 0), clock())

    return placed


class TestLink:
    def test_order_link_opens_its_order_and_no_other(self, orders, links, place):
        place("ord_1")
        place("ord_2")
        link = links.sign("order", "ord_1", MONTH)

        assert orders.get_for(GUEST, link, "ord_1").id == "ord_1"
        for other in ("ord_2", "ord_none"):
            with pytest.raises(LinkInvalid):
                orders.get_for(GUEST, link, other)

    def test_order_link_says_that_it_has_expired(self, orders, links, place, clock):
        place("ord_1")
        link = links.sign("order", "ord_1", MONTH)
        clock.passes(days=31)

        with pytest.raises(LinkExpired):
            orders.get_for(GUEST, link, "ord_1")

    def test_order_link_that_expired_does_not_stand_in_its_owners_way(self, orders, links, place, clock):
        place("ord_1", customer_id="ada", token=None)
        link = links.sign("order", "ord_1", MONTH)
        clock.passes(days=31)

        assert orders.get_for(ADA, link, "ord_1").id == "ord_1"

    def test_order_link_ends_when_the_order_is_claimed(self, orders, links, place):
        place("ord_1")
        link = links.sign("order", "ord_1", MONTH)
        orders.claim(ADA, "ord_1")

        with pytest.raises(LinkRevoked):
            orders.get_for(GUEST, link, "ord_1")

    def test_order_link_leaves_the_token_of_the_browser_that_ordered_valid(self, orders, place):
        place("ord_1")
        orders.claim(ADA, "ord_1")

        assert orders.get_for(GUEST, "secret", "ord_1").customer_id == "ada"


class TestClaim:
    def test_order_claim_makes_a_guests_order_the_customers_with_an_event_and_once(self, orders, place):
        place("ord_1")

        assert orders.claim(ADA, "ord_1").customer_id == "ada"
        orders.claim(ADA, "ord_1")

        assert [each.event.type for each in orders.events("ord_1")] == ["OrderPlaced", "OrderClaimed"]
        assert [order.id for order in orders.of_customer("ada", None)[0]] == ["ord_1"]
        assert orders.claimable(ADA, None)[0] == []

    @pytest.mark.parametrize("caller", [GUEST, replace(ADA, email_is_confirmed=False), replace(ADA, email=None)])
    def test_order_claim_needs_a_confirmed_address(self, orders, place, caller):
        place("ord_1")

        with pytest.raises(EmailNotConfirmed):
            orders.claim(caller, "ord_1")
        assert orders.claimable(caller, None) == ([], None)

    def test_order_claim_takes_no_order_of_another_address_or_customer(self, orders, place):
        place("ord_1")
        place("ord_2", customer_id="eve", token=None)
        for caller, order_id in ((BOB, "ord_1"), (ADA, "ord_2"), (ADA, "ord_none")):
            with pytest.raises(OrderNotFound):
                orders.claim(caller, order_id)

    def test_order_claim_offers_the_guest_orders_of_the_address_newest_first(self, orders, place, clock):
        for number in range(3):
            place(f"ord_{number}", email="ADA@example.com")
            clock.passes(seconds=1)
        place("ord_bob", email="bob@example.com")
        place("ord_own", customer_id="ada", token=None)

        assert [order.id for order in orders.claimable(ADA, None)[0]] == ["ord_2", "ord_1", "ord_0"]
