"""Connections and their watched orders: the DynamoDB store and the fake behave alike."""

import pytest

from chalicelib.order_updates.model import MAX_SUBSCRIPTIONS
from chalicelib.order_updates.store import WATCHERS_AT_MOST, ConnectionStore
from tests.fakes import FakeConnections

NOW, LATER = 1_900_000_000, 2_000_000_000


@pytest.fixture
def table(new_table):
    return new_table("ConnectionsTable")


@pytest.fixture(params=["dynamodb", "fake"])
def store(request, dynamodb, table):
    return FakeConnections() if request.param == "fake" else ConnectionStore(dynamodb, table)


@pytest.fixture
def watch(store):
    def watch(connection, *orders):
        store.open(connection, LATER)
        for order in orders:
            assert store.subscribe(connection, order, LATER)

    return watch


def test_order_without_watchers_has_none(store):
    assert store.watchers("ord_1", NOW) == []


def test_order_has_exactly_its_own_watchers(store, watch):
    watch("a", "ord_1", "ord_2")
    watch("b", "ord_1")

    assert sorted(store.watchers("ord_1", NOW)) == ["a", "b"]
    assert store.watchers("ord_2", NOW) == ["a"]


def test_watching_twice_is_watching_once(store, watch):
    watch("a", "ord_1", "ord_1")

    assert store.watchers("ord_1", NOW) == ["a"]


def test_watch_without_a_connection_is_refused(store):
    assert not store.subscribe("a", "ord_1", LATER)
    assert store.watchers("ord_1", NOW) == []


def test_connection_watches_a_limited_number_and_may_repeat_each(store, watch):
    watch("a", *(f"ord_{n}" for n in range(MAX_SUBSCRIPTIONS)))

    assert not store.subscribe("a", "ord_more", LATER)
    assert store.subscribe("a", "ord_0", LATER)
    assert store.watchers("ord_more", NOW) == []


def test_removed_connection_watches_nothing_and_cannot_subscribe(store, watch):
    watch("a", "ord_1", "ord_2")
    watch("b", "ord_1")

    store.forget("a")
    store.forget("a")

    assert store.watchers("ord_1", NOW) == ["b"]
    assert store.watchers("ord_2", NOW) == []
    assert not store.subscribe("a", "ord_1", LATER)


def test_subscription_of_a_closed_connection_is_deleted_by_name(dynamodb, table):
    store = ConnectionStore(dynamodb, table)
    store.open("a", LATER)
    store.subscribe("a", "ord_1", LATER)
    dynamodb.delete_item(TableName=table, Key={"pk": "CONNECTION#a", "sk": "CONNECTION"})

    store.forget("a", "ord_1")

    assert store.watchers("ord_1", NOW) == []


def test_watchers_of_an_order_are_served_up_to_a_limit(dynamodb, table):
    store = ConnectionStore(dynamodb, table)
    for n in range(WATCHERS_AT_MOST + 1):
        store.open(f"c{n}", LATER)
        store.subscribe(f"c{n}", "ord_1", LATER)

    assert len(store.watchers("ord_1", NOW)) == WATCHERS_AT_MOST


def test_expired_watches_are_skipped_and_do_not_count(store):
    for n in range(WATCHERS_AT_MOST + 1):
        store.open(f"a{n}", NOW)
        store.subscribe(f"a{n}", "ord_1", NOW)
    store.open("z", NOW + 1)
    store.subscribe("z", "ord_1", NOW + 1)

    assert store.watchers("ord_1", NOW) == ["z"]


def test_everything_is_removed_by_the_table_in_time(dynamodb, table):
    store = ConnectionStore(dynamodb, table)
    store.open("a", LATER)
    store.subscribe("a", "ord_1", LATER)

    items = dynamodb.scan(TableName=table)["Items"]
    assert [item["expires_at"] for item in items] == [LATER, LATER]
