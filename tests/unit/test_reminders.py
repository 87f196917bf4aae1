"""Whom the reminder of a cart is sent to, and whom not."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib import wiring
from chalicelib.notifications import reminders
from tests.builders import NOW, a_cart, a_product, an_order

TOUCHED = NOW - timedelta(days=1)


class Room:
    """Carts, orders, catalog and notifications, as far as the job asks them."""

    def __init__(self):
        self.carts = []
        self.orders = []
        self.sent = []
        self.broken_for = None
        self.consenting = {"ada", "bob", "eve"}

    def abandoned(self, untouched_since):
        return iter(self.carts)

    def of_customer(self, customer_id, cursor):
        return self.orders, None

    def products(self, skus):
        return {sku: a_product(sku).model_copy(update={"archived": sku == "ARCHIVED"}) for sku in skus if sku != "GONE"}

    def is_given(self, customer_id):
        return customer_id in self.consenting

    def cart_left(self, cart, to, pieces, has_consent):
        if cart.id == self.broken_for:
            raise ConnectionError
        assert has_consent()
        self.sent.append((cart.id, cart.version, to, pieces))
        return True


@pytest.fixture
def room(monkeypatch):
    room = Room()
    for name in ("carts", "orders", "catalog", "notifications", "reminder_consent"):
        monkeypatch.setattr(wiring, name, lambda: room)
    monkeypatch.setattr(reminders, "utc_now", lambda: NOW)
    monkeypatch.setattr(reminders, "settings", lambda: SimpleNamespace(abandoned_cart_hours=20))
    return room


def left(cart_id="customer#ada", lines=None):
    cart = a_cart(lines or {"MUG-01": 2}, cart_id, version=3)
    return replace(cart, expires_at=cart.expires_at - timedelta(days=1), email="ada@example.com")


def test_a_left_cart_is_written_about(room):
    room.carts = [left()]

    assert reminders.remind_of_carts() == 1
    assert room.sent == [("customer#ada", 3, "ada@example.com", [(2, "Camp mug")])]


@pytest.mark.parametrize(("ordered", "written"), [(timedelta(seconds=-1), 1), (timedelta(seconds=1), 0)])
def test_who_has_ordered_since_is_left_in_peace(room, ordered, written):
    room.carts, room.orders = [left()], [an_order(at=TOUCHED + ordered)]

    assert reminders.remind_of_carts() == written


def test_what_is_not_sold_any_more_is_not_mentioned(room):
    unsold = left("customer#bob", lines={"GONE": 1, "ARCHIVED": 1})
    room.carts = [left(lines={"MUG-01": 1, "GONE": 1, "ARCHIVED": 1}), unsold]

    assert reminders.remind_of_carts() == 1
    assert room.sent[0][3] == [(1, "Camp mug")]


def test_one_that_fails_does_not_keep_the_others_from_theirs(room):
    room.carts, room.broken_for = [left("customer#eve"), left()], "customer#eve"

    assert reminders.remind_of_carts() == 1
    assert [cart_id for cart_id, *_ in room.sent] == ["customer#ada"]


def test_who_did_not_consent_is_not_written_to(room):
    room.carts, room.consenting = [left("customer#eve"), left()], {"ada"}

    assert reminders.remind_of_carts() == 1
    assert [cart_id for cart_id, *_ in room.sent] == ["customer#ada"]
