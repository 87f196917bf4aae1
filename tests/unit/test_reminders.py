"""Whom the reminder of a cart is sent to, and whom not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.notifications.model import Item
from chalicelib.notifications.reminders import CartReminders
from tests.builders import NOW, a_cart, a_product, an_order

IMAGE = a_product().image
TOUCHED = NOW - timedelta(days=1)


class Room:
    """Carts, consent, orders, catalog and notifications, as far as the job asks them."""

    def __init__(self):
        self.asked_since = None
        self.carts = []
        self.orders = []
        self.sent = []
        self.broken_for = None
        self.consenting = {"ada", "bob", "eve"}

    def abandoned(self, untouched_since):
        self.asked_since = untouched_since
        return iter(self.carts)

    def has_ordered(self, customer_id, since):
        return any(order.placed_at >= since for order in self.orders)

    def products(self, skus):
        return {sku: a_product(sku).model_copy(update={"archived": sku == "ARCHIVED"}) for sku in skus if sku != "GONE"}

    def is_given(self, customer_id):
        return customer_id in self.consenting

    def cart_left(self, cart, to, items, has_consent):
        if cart.id == self.broken_for:
            raise ConnectionError
        assert has_consent()
        self.sent.append((cart.id, cart.version, to, items))
        return True


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def reminders(room):
    return CartReminders(room, room, room, room, room, lambda: NOW, idle=timedelta(hours=20))


def left(cart_id="customer#ada", lines=None):
    cart = a_cart(lines or {"MUG-01": 2}, cart_id, version=3)
    return replace(cart, expires_at=cart.expires_at - timedelta(days=1), email="ada@example.com")


def test_abandoned_cart_gets_a_reminder(room, reminders):
    room.carts = [left()]

    assert reminders.send() == 1
    assert room.sent == [("customer#ada", 3, "ada@example.com", [Item(2, "Camp mug", IMAGE)])]
    assert room.asked_since == NOW - timedelta(hours=20)


@pytest.mark.parametrize(("ordered", "written"), [(timedelta(seconds=-1), 1), (timedelta(seconds=1), 0)])
def test_customer_with_a_newer_order_gets_no_reminder(room, reminders, ordered, written):
    room.carts, room.orders = [left()], [an_order(at=TOUCHED + ordered)]

    assert reminders.send() == written


def test_reminder_omits_archived_products(room, reminders):
    unsold = left("customer#bob", lines={"GONE": 1, "ARCHIVED": 1})
    room.carts = [left(lines={"MUG-01": 1, "GONE": 1, "ARCHIVED": 1}), unsold]

    assert reminders.send() == 1
    assert room.sent[0][3] == [Item(1, "Camp mug", IMAGE)]


def test_failed_reminder_does_not_stop_the_others(room, reminders):
    room.carts, room.broken_for = [left("customer#eve"), left()], "customer#eve"

    assert reminders.send() == 1
    assert [cart_id for cart_id, *_ in room.sent] == ["customer#ada"]


def test_customer_without_consent_gets_no_reminder(room, reminders):
    room.carts, room.consenting = [left("customer#eve"), left()], {"ada"}

    assert reminders.send() == 1
    assert [cart_id for cart_id, *_ in room.sent] == ["customer#ada"]
