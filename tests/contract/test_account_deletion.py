"""Deletion and export of an account over real stores: all rooms take part, and a repetition is safe."""

import re
from datetime import timedelta

import pytest

from chalicelib.accounts.address_books import AddressBooks
from chalicelib.accounts.deletion import AccountDeletion, DeletedAccounts, OrdersUnderWay
from chalicelib.accounts.export import AccountExporter
from chalicelib.accounts.model import PasswordWrong
from chalicelib.cart.service import Carts
from chalicelib.orders.model import Status
from chalicelib.orders.service import Orders
from chalicelib.orders.store import CheckoutRecord
from chalicelib.payments.model import Payment, PaymentStatus
from tests.builders import NOW, a_cart, an_address, an_order, euros
from tests.fixtures.stores import Stores
from tests.insights import completed

HAPPY = (Status.RESERVED, Status.AUTHORIZED, Status.SHIPPING)


class FakeAccounts:
    def __init__(self):
        self.deleted = []

    def prove(self, email, password):
        if password != "right":
            raise PasswordWrong
        return "access"

    def delete(self, access_token):
        self.deleted.append(access_token)


@pytest.fixture
def stores(dynamodb, new_table, clock):
    return Stores(dynamodb, new_table, clock)


@pytest.fixture
def orders(stores, clock):
    return Orders(stores.orders, clock)


@pytest.fixture
def place(stores):
    """Return a function that stores an order of this customer, completed unless other steps are given."""

    def placed(order_id, customer_id="ada", steps=HAPPY, at=NOW - timedelta(days=1)):
        order = an_order(order_id, customer_id=customer_id, at=at)
        stores.orders.place(order, CheckoutRecord(order_id, "f" * 64, order.id, 0), at)
        for status in steps:
            order = order.advanced(status, at)
            stores.orders.save(order)
        if steps == HAPPY:
            sent = order.dispatched(at)
            for step in (sent, sent.advanced(Status.COMPLETED, at)):
                stores.orders.save(step)

    return placed


@pytest.fixture
def rooms(stores, clock):
    books, carts = AddressBooks(stores.address_books), Carts(stores.carts, clock)
    books.put("ada", "home", an_address(), is_default=True)
    stores.carts.save(a_cart({"MUG-01": 2}))
    stores.consent.choose("ada", is_wanted=True)
    stores.insights.loyalty.earn_points(completed(), "ada")
    return books, carts


@pytest.fixture
def pool():
    return FakeAccounts()


@pytest.fixture
def deletion(stores, orders, rooms, pool, clock, dynamodb):
    books, carts = rooms
    erasures = (carts.erase, stores.consent.erase, books.erase, stores.insights.loyalty.erase)
    deleted = DeletedAccounts(dynamodb, stores.all_tables["CartsTable"], clock)
    return AccountDeletion(pool, orders, erasures, deleted, lambda order: False, clock)


def test_deleted_account_leaves_no_personal_data(deletion, place, stores, orders, pool):
    place("ord_1")
    place("ord_2", "bob")

    deletion.delete("ada", "ada@example.com", "right")

    carts = {item["id"]["S"] for item in stores.items()["CartsTable"]}
    assert carts == {"deleted#ada"}
    assert (stores.points.points_of("ada"), stores.points.all_points()) == (0, 0)
    assert list(orders.every_of_customer("ada")) == []
    written = [str(item) for item in stores.items()["OrdersTable"] if "ord_1" in item["pk"]["S"]]
    assert [item for item in written if re.search(r"\bada\b", item, re.IGNORECASE)] == []
    assert orders.get("ord_2").email == "ada@example.com"
    assert pool.deleted == ["access"]


def test_deletion_that_is_repeated_after_its_end_succeeds_without_the_password(deletion, pool):
    deletion.delete("ada", "ada@example.com", "right")
    deletion.delete("ada", "ada@example.com", "of a user that is gone")
    assert pool.deleted == ["access"]


def test_interrupted_deletion_is_completed_by_the_next(deletion, place, pool, orders, monkeypatch):
    place("ord_1")
    monkeypatch.setattr(pool, "delete", lambda token: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        deletion.delete("ada", "ada@example.com", "right")
    monkeypatch.undo()

    deletion.delete("ada", "ada@example.com", "right")

    assert pool.deleted == ["access"] and orders.get("ord_1").erased_at


@pytest.mark.parametrize("steps", [(), HAPPY[:1]])
def test_account_with_an_order_under_way_is_not_deleted(deletion, place, orders, pool, rooms, steps):
    place("ord_1")
    place("ord_2", steps=steps)
    with pytest.raises(OrdersUnderWay):
        deletion.delete("ada", "ada@example.com", "right")
    assert orders.get("ord_1").erased_at is None and pool.deleted == []
    assert rooms[0].of("ada").addresses


def test_account_is_not_deleted_before_the_invoice_of_a_new_order(deletion, place, clock, orders):
    """The invoice is written from the order a moment after its completion."""
    place("ord_1", at=NOW)
    with pytest.raises(OrdersUnderWay):
        deletion.delete("ada", "ada@example.com", "right")
    clock.passes(hours=2)
    deletion.delete("ada", "ada@example.com", "right")
    assert orders.get("ord_1").erased_at


def test_wrong_password_deletes_nothing(deletion, place, orders, pool):
    place("ord_1")
    with pytest.raises(PasswordWrong):
        deletion.delete("ada", "ada@example.com", "wrong")
    assert orders.get("ord_1").erased_at is None and pool.deleted == []


def test_export_holds_what_every_room_stores_in_parts(stores, orders, rooms, place, clock, dynamodb):
    """The number of reads does not grow with the number of orders in a part."""
    books, carts = rooms
    for number in range(101):
        place(f"ord_{number:03}", steps=(), at=NOW + timedelta(seconds=number))
    stores.payments.create(Payment(order_id="ord_100", status=PaymentStatus.CREATED, amount=euros(2500)))

    class Batches:
        def __init__(self, store):
            self._store, self.asked = store, 0

        def of_all(self, ids):
            self.asked += 1
            return self._store.get_all(ids)

    payments, shipments = Batches(stores.payments), Batches(stores.shipments)
    exporter = AccountExporter(
        books, carts, stores.consent, stores.insights.loyalty, orders, payments, shipments, clock
    )

    first = exporter.of("ada", "ada@example.com", None)
    last = exporter.of("ada", "ada@example.com", first.next_cursor)

    assert (first.profile.email, first.addresses, first.cart) == ("ada@example.com", [an_address()], {"MUG-01": 2})
    assert first.cart_reminders and first.points > 0
    assert (len(first.orders), len(last.orders), last.next_cursor) == (100, 1, None)
    assert first.orders[0].payment.amount == 2500 and payments.asked == shipments.asked == 2
