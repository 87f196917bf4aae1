"""Orders, their events and the checkouts' records: written together, listed page by page."""

import base64
import functools
import json
import operator
from datetime import timedelta

import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.orders.model import IllegalTransition, OrderChanged, OrderNotFound, OrderTokenRequired, Reason, Status
from chalicelib.orders.service import PAGE_SIZE, Orders
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.identity import GUEST, Caller
from tests.builders import NOW, an_order

ADA = Caller(customer_id="ada")


@pytest.fixture
def table(new_table):
    return new_table("OrdersTable")


@pytest.fixture
def store(dynamodb, table):
    return OrderStore(dynamodb, table)


@pytest.fixture
def orders(store, clock):
    return Orders(store, clock)


@pytest.fixture
def placed(store):
    order = an_order("ord_1")
    store.place(order, a_record("ord_1"))
    return order


@pytest.fixture
def events_of(dynamodb, table):
    """The outbox of an order: (sort key, event) in order."""

    def read(order_id):
        condition = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = dynamodb.query(TableName=table, KeyConditionExpression=condition)["Items"]
        return [(item["sk"], item["event"]) for item in items]

    return read


def a_record(order_id, scope=None):
    return CheckoutRecord(scope or f"customer#ada#{order_id}", "fingerprint", order_id, 1_900_000_000)


class TestPlace:
    def test_writes_order_event_and_record(self, store, events_of):
        order, record = an_order("ord_1"), a_record("ord_1")

        assert store.place(order, record)

        assert store.get("ord_1") == order
        assert store.checkout(record.scope) == record
        [(key, event)] = events_of("ord_1")
        assert (key, event["type"], event["correlation_id"]) == ("EVENT#000001", "OrderPlaced", "ord_1")

    def test_the_same_checkout_twice_is_one_order(self, store, events_of):
        store.place(an_order("ord_1"), a_record("ord_1", scope="same"))

        assert not store.place(an_order("ord_2"), a_record("ord_2", scope="same"))
        assert store.checkout("same").order_id == "ord_1"
        assert store.get("ord_2") is None
        assert events_of("ord_2") == []

    def test_is_all_or_nothing(self, store, placed, events_of):
        assert not store.place(an_order("ord_1", customer_id="bob"), a_record("ord_1", scope="another"))

        assert store.checkout("another") is None
        assert store.get("ord_1") == placed
        assert len(events_of("ord_1")) == 1

    def test_a_guests_order_has_no_customer(self, store):
        order = an_order("ord_1", customer_id=None, token="order_secret")
        store.place(order, a_record("ord_1"))

        assert store.get("ord_1") == order


class TestSave:
    def test_writes_the_order_with_its_event_numbered_by_version(self, store, placed, events_of):
        reserved = placed.advanced(Status.RESERVED, NOW)
        cancelled = reserved.advanced(Status.CANCELLED, NOW, Reason.PAYMENT_DECLINED)

        store.save(reserved)
        store.save(cancelled)

        assert store.get("ord_1") == cancelled
        assert [(key, event["type"]) for key, event in events_of("ord_1")] == [
            ("EVENT#000001", "OrderPlaced"),
            ("EVENT#000002", "OrderReserved"),
            ("EVENT#000003", "OrderCancelled"),
        ]

    def test_a_stale_version_is_refused_and_leaves_no_event(self, store, placed, events_of):
        reserved = placed.advanced(Status.RESERVED, NOW)
        store.save(reserved)
        before = events_of("ord_1")

        with pytest.raises(OrderChanged):
            store.save(placed.advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK))

        assert store.get("ord_1") == reserved
        assert events_of("ord_1") == before

    def test_an_order_that_was_never_placed_is_refused(self, store, events_of):
        with pytest.raises(OrderChanged):
            store.save(an_order("ord_9").advanced(Status.RESERVED, NOW))

        assert store.get("ord_9") is None
        assert events_of("ord_9") == []


class TestAdvance:
    def test_repeated_writes_one_event(self, orders, placed, events_of):
        orders.advance("ord_1", Status.RESERVED)
        orders.advance("ord_1", Status.RESERVED)

        assert len(events_of("ord_1")) == 2

    def test_an_illegal_step_writes_nothing(self, orders, placed, events_of):
        with pytest.raises(IllegalTransition):
            orders.advance("ord_1", Status.COMPLETED)

        assert orders.get("ord_1") == placed
        assert len(events_of("ord_1")) == 1

    def test_of_no_order(self, orders):
        with pytest.raises(OrderNotFound):
            orders.advance("ord_9", Status.RESERVED)

    def test_looks_again_if_the_order_changed_meanwhile(self, store, clock, placed):
        class Cancels:
            """Somebody cancels just before our step is saved."""

            get = staticmethod(store.get)

            def save(self, order):
                store.save(store.get("ord_1").advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK))
                store.save(order)

        with pytest.raises(IllegalTransition):
            Orders(Cancels(), clock).advance("ord_1", Status.RESERVED)

        assert store.get("ord_1").status == Status.CANCELLED

    def test_gives_up_under_lasting_contention(self, store, clock, placed):
        class NeverQuiet:
            get = staticmethod(store.get)

            def save(self, order):
                raise OrderChanged(order.id)

        with pytest.raises(OrderChanged):
            Orders(NeverQuiet(), clock).advance("ord_1", Status.RESERVED)


class TestOwner:
    def test_sees_the_order(self, orders, placed):
        assert orders.get_for(ADA, None, "ord_1") == placed

    def test_may_be_a_guest_with_the_orders_token(self, orders, store):
        store.place(an_order("ord_2", customer_id=None, token="order_secret"), a_record("ord_2"))

        assert orders.get_for(GUEST, "order_secret", "ord_2").id == "ord_2"

    def test_an_admin_sees_every_order(self, orders, placed):
        assert orders.get_for(Caller(customer_id="root", is_admin=True), None, "ord_1") == placed

    @pytest.mark.parametrize("order_id", ["ord_1", "ord_unknown"])
    @pytest.mark.parametrize(("caller", "token"), [(Caller(customer_id="bob"), None), (GUEST, "order_wrong")])
    def test_others_do_not_even_learn_that_it_exists(self, orders, placed, order_id, caller, token):
        with pytest.raises(OrderNotFound):
            orders.get_for(caller, token, order_id)

    @pytest.mark.parametrize("order_id", ["ord_1", "ord_unknown"])
    def test_a_nobody_is_asked_for_a_token(self, orders, placed, order_id):
        with pytest.raises(OrderTokenRequired):
            orders.get_for(GUEST, None, order_id)

    def test_a_guests_order_is_nobodys_who_has_no_token(self, orders, store):
        store.place(an_order("ord_2", customer_id=None, token="order_secret"), a_record("ord_2"))

        with pytest.raises(OrderNotFound):
            orders.get_for(ADA, None, "ord_2")


def cursor_of(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


class TestPages:
    @pytest.fixture
    def many(self, store):
        """Ada's, one a minute, and one of Bob's; a third of them reserved. Oldest first."""
        ids = [f"ord_{n:02}" for n in range(PAGE_SIZE * 2 + 3)]
        for n, order_id in enumerate(ids):
            order = an_order(order_id, at=NOW + timedelta(minutes=n))
            store.place(order, a_record(order_id))
            if n % 3 == 0:
                store.save(order.advanced(Status.RESERVED, NOW))
        store.place(an_order("ord_bob", customer_id="bob"), a_record("ord_bob"))
        return ids

    def walk(self, page):
        pages, cursor = [], None
        while not pages or cursor:
            orders, cursor = page(cursor)
            pages.append([order.id for order in orders])
        return pages

    def test_show_each_order_of_the_customer_once_newest_first(self, orders, many):
        pages = self.walk(lambda cursor: orders.of_customer("ada", cursor))

        assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
        assert functools.reduce(operator.iadd, pages, []) == many[::-1]

    def test_show_each_order_in_a_status_once(self, orders, many):
        seen = functools.reduce(operator.iadd, self.walk(lambda cursor: orders.in_status(Status.RESERVED, cursor)), [])

        assert seen == many[::3][::-1]

    def test_of_a_customer_without_orders(self, orders, many):
        assert orders.of_customer("carol", None) == ([], None)

    def test_a_cursor_never_opens_somebody_elses_list(self, orders, many):
        _, cursor = orders.of_customer("ada", None)

        seen, _ = orders.of_customer("bob", cursor)

        assert {order.customer_id for order in seen} <= {"bob"}

    @pytest.mark.parametrize(
        "cursor",
        [
            "nonsense",
            "é",
            "====",
            cursor_of(None),
            cursor_of([]),
            cursor_of(["ORDER#ord_1"]),
            cursor_of(["ORDER#ord_1", 7]),
            cursor_of(["ORDER#ord_1", ""]),
            cursor_of(["CHECKOUT#x", "2030-01-01T00:00:00.000Z"]),
            cursor_of(["ORDER#ord_1", "2030-01-01T00:00:00.000Z", "more"]),
            cursor_of({"pk": "ORDER#ord_1", "placed_at": "2030"}),
        ],
    )
    def test_a_cursor_that_was_tampered_with_is_refused(self, orders, cursor):
        with pytest.raises(CursorInvalid):
            orders.of_customer("ada", cursor)
