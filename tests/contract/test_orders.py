"""Orders, their events and checkout records: written in one transaction, listed page by page."""

import base64
import functools
import json
import operator
from datetime import timedelta
from functools import partial

import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.orders.model import (
    CancellationRequested,
    IllegalTransition,
    Order,
    OrderChanged,
    OrderNotFound,
    Reason,
    Status,
    TooLateToCancel,
)
from chalicelib.orders.returns import NothingToReturn
from chalicelib.orders.service import PAGE_SIZE, Orders, OrderTokenRequired
from chalicelib.orders.store import CheckoutRecord, OrderStore, Span, order_key
from chalicelib.platform.clock import iso
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.identity import GUEST, Caller
from tests.builders import HAPPY_PATH, NOW, an_order, as_read
from tests.fakes import FakeOrderStore

ADA = Caller(customer_id="ada")


@pytest.fixture
def table(new_table):
    return new_table("OrdersTable")


@pytest.fixture
def real_store(dynamodb, table):
    return OrderStore(dynamodb, table)


@pytest.fixture(params=["dynamodb", "fake"])
def store(request):
    return FakeOrderStore() if request.param == "fake" else request.getfixturevalue("real_store")


@pytest.fixture
def orders(store, clock):
    return Orders(store, clock)


@pytest.fixture
def placed(store):
    """Return the order as it was stored, after its event was published."""
    store.place(an_order("ord_1"), a_record("ord_1"), NOW)
    return store.get("ord_1")


@pytest.fixture
def events_of(request, store):
    """Return the outbox of an order: (sort key, event) in order."""
    if isinstance(store, FakeOrderStore):
        return store.events_of
    dynamodb, table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")

    def read(order_id):
        condition = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = dynamodb.query(TableName=table, KeyConditionExpression=condition)["Items"]
        return [(item["sk"], item["event"]) for item in items]

    return read


class Overtaken:
    """A store that runs `other` between its read and its first write."""

    def __init__(self, store, other):
        self._store = store
        self._other = other

    def get(self, order_id):
        return self._store.get(order_id)

    def save(self, order):
        other, self._other = self._other, lambda: None
        other()
        self._store.save(order)


def test_order_item_holds_no_empty_list_and_no_client_once_it_is_paid(real_store, dynamodb, table):
    """An order above 1 KB costs twice as much at each change."""

    def item():
        return dynamodb.get_item(TableName=table, Key=order_key("ord_1"))["Item"]

    real_store.place(an_order("ord_1", client="client-1"), a_record("ord_1"), NOW)
    stored = [item()]
    for status in (Status.RESERVED, Status.AUTHORIZED):
        real_store.save(real_store.get("ord_1").advanced(status, NOW))
        stored.append(item())

    assert [each.get("client") for each in stored] == ["client-1", "client-1", None]
    assert all([] not in each.values() for each in stored)
    assert real_store.get("ord_1").returns == ()


def a_record(order_id, scope=None):
    return CheckoutRecord(
        scope or f"customer#ada#{order_id}", "fingerprint", order_id, int((NOW + timedelta(days=1)).timestamp())
    )


class TestPlace:
    def test_placing_writes_order_event_and_record(self, store, events_of):
        order, record = an_order("ord_1"), a_record("ord_1")

        assert store.place(order, record, NOW)

        assert store.get("ord_1") == as_read(order)
        assert store.checkout(record.scope, NOW) == record
        [(key, event)] = events_of("ord_1")
        assert (key, event["type"], event["correlation_id"]) == ("EVENT#000001", "OrderPlaced", "ord_1")

    def test_repeated_checkout_creates_one_order(self, store, events_of):
        store.place(an_order("ord_1"), a_record("ord_1", scope="same"), NOW)

        assert not store.place(an_order("ord_2"), a_record("ord_2", scope="same"), NOW)
        assert store.checkout("same", NOW).order_id == "ord_1"
        assert store.get("ord_2") is None
        assert events_of("ord_2") == []

    def test_expired_record_neither_answers_nor_blocks(self, store):
        later = NOW + timedelta(days=2)
        store.place(an_order("ord_1"), a_record("ord_1", scope="same"), NOW)

        assert store.checkout("same", later) is None
        assert store.place(an_order("ord_2"), a_record("ord_2", scope="same"), later)

    def test_placing_is_all_or_nothing(self, store, placed, events_of):
        assert not store.place(an_order("ord_1", customer_id="bob"), a_record("ord_1", scope="another"), NOW)

        assert store.checkout("another", NOW) is None
        assert store.get("ord_1") == placed
        assert len(events_of("ord_1")) == 1

    def test_guests_order_has_no_customer(self, store):
        order = an_order("ord_1", customer_id=None, token="order_secret")
        store.place(order, a_record("ord_1"), NOW)

        assert store.get("ord_1") == as_read(order)


class TestSave:
    def test_saving_writes_the_order_with_its_event_numbered_by_version(self, store, placed, events_of):
        reserved = placed.advanced(Status.RESERVED, NOW)
        cancelled = reserved.advanced(Status.CANCELLED, NOW, Reason.PAYMENT_DECLINED)

        store.save(reserved)
        store.save(cancelled)

        assert store.get("ord_1") == as_read(cancelled)
        assert [(key, event["type"]) for key, event in events_of("ord_1")] == [
            ("EVENT#000001", "OrderPlaced"),
            ("EVENT#000002", "OrderReserved"),
            ("EVENT#000003", "OrderCancelled"),
        ]

    def test_stale_version_is_refused_and_leaves_no_event(self, store, placed, events_of):
        reserved = placed.advanced(Status.RESERVED, NOW)
        store.save(reserved)
        before = events_of("ord_1")

        with pytest.raises(OrderChanged):
            store.save(placed.advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK))

        assert store.get("ord_1") == as_read(reserved)
        assert events_of("ord_1") == before

    def test_saving_writes_the_pending_event_of_the_order(self, store, placed, events_of):
        wished = placed.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

        store.save(wished)

        assert events_of("ord_1")[-1] == ("EVENT#000002", wished.pending_event.model_dump())

    def test_saving_keeps_all_that_can_happen_to_an_order(self, store, placed):
        order = placed
        for change in (
            *(partial(Order.advanced, status=status, at=NOW) for status in HAPPY_PATH[1:4]),
            partial(Order.dispatched, at=NOW),
            partial(Order.advanced, status=Status.COMPLETED, at=NOW),
            partial(Order.recorded, event_type="PaymentDisputed", fact="disputed", cause="evt_1", at=NOW),
            partial(Order.return_requested, return_id="ret_1", wanted={"MUG-01": 1}, at=NOW),
            partial(Order.return_settled, return_id="ret_1", refunded=1250, at=NOW),
        ):
            order = change(order)
            store.save(order)

        assert store.get("ord_1") == as_read(order)

    @pytest.mark.parametrize("first", ["cancel", "dispatch"])
    def test_saving_of_a_cancel_and_a_dispatch_that_read_the_same_order_exactly_one_wins(self, store, events_of, first):
        store.place(an_order("ord_1"), a_record("ord_1"), NOW)
        for status in HAPPY_PATH[1:4]:
            store.save(store.get("ord_1").advanced(status, NOW))
        order = store.get("ord_1")
        race = {
            "cancel": order.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW),
            "dispatch": order.dispatched(NOW),
        }
        winner, loser = race.pop(first), race.popitem()[1]

        store.save(winner)
        with pytest.raises(OrderChanged):
            store.save(loser)

        assert store.get("ord_1") == as_read(winner)
        assert [event["type"] for _, event in events_of("ord_1")][4:] == [winner.pending_event.type]

    def test_order_that_was_never_placed_is_refused(self, store, events_of):
        with pytest.raises(OrderChanged):
            store.save(an_order("ord_9").advanced(Status.RESERVED, NOW))

        assert store.get("ord_9") is None
        assert events_of("ord_9") == []


class TestAdvance:
    def test_advance_repeated_writes_one_event(self, orders, placed, events_of):
        orders.advance("ord_1", Status.RESERVED)
        orders.advance("ord_1", Status.RESERVED)

        assert len(events_of("ord_1")) == 2

    def test_illegal_status_change_writes_nothing(self, orders, placed, events_of):
        with pytest.raises(IllegalTransition):
            orders.advance("ord_1", Status.COMPLETED)

        assert orders.get("ord_1") == placed
        assert len(events_of("ord_1")) == 1

    def test_advance_of_no_order(self, orders):
        with pytest.raises(OrderNotFound):
            orders.advance("ord_9", Status.RESERVED)

    def test_advance_looks_again_if_the_order_changed_meanwhile(self, store, clock, placed):
        def cancel():
            store.save(store.get("ord_1").advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK))

        with pytest.raises(IllegalTransition):
            Orders(Overtaken(store, cancel), clock).advance("ord_1", Status.RESERVED)

        assert store.get("ord_1").status == Status.CANCELLED

    def test_advance_raises_under_lasting_contention(self, store, clock, placed):
        class NeverQuiet:
            get = staticmethod(store.get)

            def save(self, order):
                raise OrderChanged(order.id)

        with pytest.raises(OrderChanged):
            Orders(NeverQuiet(), clock).advance("ord_1", Status.RESERVED)


class TestCancelAgainstDispatch:
    """Both read the order before they write; the other one writes in between."""

    @pytest.fixture
    def shipping(self, store):
        store.place(an_order("ord_1"), a_record("ord_1"), NOW)
        for status in HAPPY_PATH[1:4]:
            store.save(store.get("ord_1").advanced(status, NOW))

    def test_cancel_against_dispatch_the_cancel_loses(self, store, orders, clock, shipping):
        late = Orders(Overtaken(store, lambda: orders.dispatched("ord_1")), clock)

        with pytest.raises(TooLateToCancel):
            late.cancel("ord_1", Reason.CUSTOMER_REQUEST)

        assert orders.get("ord_1").cancellation is None

    def test_cancel_against_dispatch_the_dispatch_loses(self, store, orders, clock, shipping):
        late = Orders(Overtaken(store, lambda: orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)), clock)

        with pytest.raises(CancellationRequested):
            late.dispatched("ord_1")

        assert orders.get("ord_1").dispatched_at is None

    def test_cancel_against_dispatch_the_saga_loses_against_a_cancel(self, store, orders, clock, placed):
        late = Orders(Overtaken(store, lambda: orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)), clock)

        with pytest.raises(CancellationRequested):
            late.advance("ord_1", Status.RESERVED)

        assert orders.get("ord_1").status == Status.PLACED

    def test_cancel_against_dispatch_repeated_each_writes_one_event(self, orders, placed, events_of):
        orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
        orders.cancel("ord_1", Reason.FULFILMENT_FAILED)

        assert [event["type"] for _, event in events_of("ord_1")] == ["OrderPlaced", "OrderCancelRequested"]


class TestReturns:
    @pytest.fixture
    def completed(self, store, placed):
        for status in HAPPY_PATH[1:]:
            store.save(store.get("ord_1").advanced(status, NOW))

    def test_returns_are_accepted_and_settled_once(self, orders, completed, events_of):
        for _ in range(2):
            accepted = orders.take_back("ord_1", "ret_1", None)
        for _ in range(2):
            orders.return_settled("ord_1", "ret_1", 2500)

        assert (accepted.id, accepted.refund.amount) == ("ret_1", 2500)
        assert orders.get("ord_1").status == Status.RETURNED
        assert [event["type"] for _, event in events_of("ord_1")][5:] == ["OrderReturnRequested", "OrderReturned"]

    def test_concurrent_return_of_the_same_units_is_refused(self, store, orders, clock, completed):
        late = Orders(Overtaken(store, lambda: orders.take_back("ord_1", "ret_1", {"MUG-01": 2})), clock)

        with pytest.raises(NothingToReturn):
            late.take_back("ord_1", "ret_2", {"MUG-01": 2})

        assert [each.id for each in orders.get("ord_1").returns] == ["ret_1"]


class TestRecord:
    def test_payment_update_is_one_event_per_fact_with_its_first_cause(self, orders, placed, events_of):
        for cause in ("evt_1", "evt_1", "evt_2"):
            orders.record("ord_1", "PaymentDisputed", "disputed", cause)

        [_, (_, event)] = events_of("ord_1")
        assert (event["type"], event["causation_id"]) == ("PaymentDisputed", "evt_1")
        assert orders.get("ord_1").noted == ("disputed",)

    def test_payment_updates_of_one_cause_are_two_events(self, orders, placed, events_of):
        orders.record("ord_1", "PaymentDisputed", "disputed", "evt_1")
        orders.record("ord_1", "PaymentRefundedOutside", "700 refunded outside", "evt_1")

        published = [(event["type"], event["causation_id"]) for _, event in events_of("ord_1")[1:]]
        assert published == [("PaymentDisputed", "evt_1"), ("PaymentRefundedOutside", "evt_1")]

    def test_payment_update_of_an_unknown_order_is_refused(self, orders):
        with pytest.raises(OrderNotFound):
            orders.record("ord_9", "PaymentDisputed", "disputed", "evt_1")


class TestPlacedSince:
    def test_placed_since_goes_through_all_pages_of_each_status_as_far_back_as_asked(self, orders, store):
        ids = [f"ord_{n:02}" for n in range(PAGE_SIZE + 10)]
        for n, order_id in enumerate(ids):
            order = an_order(order_id, at=NOW + timedelta(minutes=n))
            store.place(order, a_record(order_id), NOW)
            if n % 2:
                store.save(order.advanced(Status.RESERVED, NOW))

        def placed_since(since, *statuses):
            return [order.id for order in orders.placed_since(since, *statuses)]

        assert placed_since("", Status.PLACED, Status.RESERVED) == ids[::2][::-1] + ids[1::2][::-1]
        assert placed_since(iso(NOW + timedelta(minutes=20)), Status.PLACED) == ids[20::2][::-1]
        assert placed_since(iso(NOW + timedelta(days=1)), Status.PLACED) == []
        assert placed_since("", Status.CANCELLED) == []

    def test_placed_since_goes_on_to_the_next_page(self, orders, store):
        ids = [f"ord_{n:02}" for n in range(PAGE_SIZE * 2 + 1)]
        for n, order_id in enumerate(ids):
            store.place(an_order(order_id, at=NOW + timedelta(minutes=n)), a_record(order_id), NOW)

        assert [order.id for order in orders.placed_since("", Status.PLACED)] == ids[::-1]
        assert len(list(orders.placed_since(iso(NOW + timedelta(minutes=5)), Status.PLACED))) == len(ids) - 5


class TestOwner:
    def test_owner_sees_the_order(self, orders, placed):
        assert orders.get_for(ADA, None, "ord_1") == placed

    def test_owner_may_be_a_guest_with_the_orders_token(self, orders, store):
        store.place(an_order("ord_2", customer_id=None, token="order_secret"), a_record("ord_2"), NOW)

        assert orders.get_for(GUEST, "order_secret", "ord_2").id == "ord_2"

    def test_admin_sees_every_order(self, orders, placed):
        assert orders.get_for(Caller(customer_id="root", is_admin=True), None, "ord_1") == placed

    @pytest.mark.parametrize("order_id", ["ord_1", "ord_unknown"])
    @pytest.mark.parametrize(("caller", "token"), [(Caller(customer_id="bob"), None), (GUEST, "order_wrong")])
    def test_others_do_not_even_learn_that_it_exists(self, orders, placed, order_id, caller, token):
        with pytest.raises(OrderNotFound):
            orders.get_for(caller, token, order_id)

    @pytest.mark.parametrize("order_id", ["ord_1", "ord_unknown"])
    def test_anonymous_caller_needs_an_order_token(self, orders, placed, order_id):
        with pytest.raises(OrderTokenRequired):
            orders.get_for(GUEST, None, order_id)

    def test_guest_order_is_hidden_without_its_token(self, orders, store):
        store.place(an_order("ord_2", customer_id=None, token="order_secret"), a_record("ord_2"), NOW)

        with pytest.raises(OrderNotFound):
            orders.get_for(ADA, None, "ord_2")


def cursor_of(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def many_orders(store):
    """Place Ada's orders, one a minute, and one of Bob's; reserve a third. Return the ids of Ada's, oldest first."""
    ids = [f"ord_{n:02}" for n in range(PAGE_SIZE * 2 + 3)]
    for n, order_id in enumerate(ids):
        order = an_order(order_id, at=NOW + timedelta(minutes=n))
        store.place(order, a_record(order_id), NOW)
        if n % 3 == 0:
            store.save(order.advanced(Status.RESERVED, NOW))
    store.place(an_order("ord_bob", customer_id="bob"), a_record("ord_bob"), NOW)
    return ids


def walk(page):
    pages, cursor = [], None
    while not pages or cursor:
        assert len(pages) < 10, "the pages never end"
        orders, cursor = page(cursor)
        pages.append([order.id for order in orders])
    return pages


class TestPagesDuringChanges:
    @pytest.fixture
    def store(self, real_store):
        return real_store

    def test_order_pages_lose_no_order_placed_at_a_page_boundary(self, orders, store):
        at_once = {f"ord_{n:02}" for n in range(PAGE_SIZE * 2 + 3)}
        for order_id in at_once:
            store.place(an_order(order_id), a_record(order_id), NOW)

        pages = walk(orders.latest)

        assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
        assert set().union(*pages) == at_once

    def test_order_pages_lose_no_order_that_changes_its_status_between_two_pages(self, orders, store):
        many = many_orders(store)
        first, cursor = orders.latest(None)
        store.save(orders.get(many[PAGE_SIZE]).advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK))

        second, _ = orders.latest(cursor)

        assert [order.id for order in first + second] == many[: -2 * PAGE_SIZE - 1 : -1]


class TestPages:
    @pytest.fixture(scope="class")
    @staticmethod
    def store(dynamodb, new_table):
        return OrderStore(dynamodb, new_table("OrdersTable"))

    @pytest.fixture(scope="class")
    @staticmethod
    def many(store):
        return many_orders(store)

    def test_order_pages_show_each_order_of_the_customer_once_newest_first(self, orders, many):
        pages = walk(lambda cursor: orders.of_customer("ada", cursor))

        assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
        assert functools.reduce(operator.iadd, pages, []) == many[::-1]

    def test_order_pages_show_each_order_in_a_status_once(self, orders, many):
        seen = functools.reduce(operator.iadd, walk(lambda cursor: orders.in_status(Status.RESERVED, cursor)), [])

        assert seen == many[::3][::-1]

    def test_order_pages_show_each_order_of_the_shop_once_newest_first(self, orders, many):
        pages = walk(orders.latest)

        assert functools.reduce(operator.iadd, pages, []) == [*many[:0:-1], "ord_bob", many[0]]

    @pytest.mark.parametrize(
        "cursor", ["nonsense", cursor_of([]), cursor_of(["2030", "x"]), cursor_of(["", []]), cursor_of(["\ud800", []])]
    )
    def test_manipulated_cursor_of_the_shops_orders_is_refused(self, orders, cursor):
        with pytest.raises(CursorInvalid):
            orders.latest(cursor)

    def test_order_pages_of_a_customer_without_orders(self, orders, many):
        assert orders.of_customer("carol", None) == ([], None)

    def test_cursor_never_opens_the_list_of_another_customer(self, orders, many):
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
    def test_manipulated_cursor_is_refused(self, orders, cursor):
        with pytest.raises(CursorInvalid):
            orders.of_customer("ada", cursor)


@pytest.fixture
def on_days(real_store):
    """Place an order on each of three days: of a customer, of a guest, and of the guest with other letter case."""
    buyers = [{"customer_id": "ada"}, {"customer_id": None, "token": "t"}, {"customer_id": None, "token": "t"}]
    for number, facts in enumerate(buyers):
        placed = an_order(f"ord_{number}", at=NOW + timedelta(days=number), **facts)
        placed = placed.model_copy(update={"email": ["ada@example.com", "ida@example.com", "Ida@example.com"][number]})
        real_store.place(placed, a_record(placed.id), NOW)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span("2030-05-18"), ["ord_2", "ord_1"]),
        (Span(until="2030-05-18T24"), ["ord_1", "ord_0"]),
        (Span("2030-05-18", "2030-05-18T24"), ["ord_1"]),
        (Span("2030-05-21"), []),
    ],
)
def test_orders_are_listed_by_the_days_they_were_placed(real_store, clock, on_days, span, expected):
    orders = Orders(real_store, clock)
    for found in (orders.latest(None, span), orders.in_status(Status.PLACED, None, span)):
        assert [order.id for order in found[0]] == expected


def test_orders_of_an_address_are_found_in_any_letter_case(real_store, clock, on_days):
    found, _ = Orders(real_store, clock).of_email("IDA@example.com", None)
    assert [order.id for order in found] == ["ord_2", "ord_1"]


def test_cursor_outside_of_the_days_is_refused(real_store, clock, on_days, monkeypatch):
    """DynamoDB API Reference, Query, ExclusiveStartKey: a start outside of the condition is a ValidationException."""
    monkeypatch.setattr("chalicelib.orders.service.PAGE_SIZE", 1)
    orders = Orders(real_store, clock)
    for listed in (orders.latest, partial(orders.in_status, Status.PLACED)):
        _, cursor = listed(None)
        assert listed(cursor)[0]
        with pytest.raises(CursorInvalid):
            listed(cursor, Span(until="2030-05-17T24"))
