"""Outbox: lists unpublished events, in the orders table and the insights table alike."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.events.contracts import INSIGHTS
from chalicelib.events.envelope import Envelope
from chalicelib.events.fan_in import FanIn
from chalicelib.events.fan_in import event_key as settled_key
from chalicelib.events.outbox import Outbox
from chalicelib.orders.model import Reason
from chalicelib.orders.service import Orders
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.platform.clock import iso
from chalicelib.platform.counters import CounterTable
from tests.builders import TestClock, an_order


def place(store: OrderStore, order_id: str, at) -> None:
    order = an_order(order_id, at=at)
    assert store.place(order, CheckoutRecord(order.id, "fingerprint", order.id, 0), at)


def settle(store: FanIn, order_id: str, at) -> None:
    store.write_event(
        Envelope(
            id=f"evt_{order_id}", type="OrderSettled", version=1, time=iso(at), source=INSIGHTS,
            correlation_id=order_id, causation_id=None, data={"order_id": order_id, "parts": ["SALES"]},
        )
    )  # fmt: skip


def placed_key(order_id: str) -> dict[str, str]:
    return {"pk": f"ORDER#{order_id}", "sk": "EVENT#000001"}


def fan_in(dynamodb, table: str) -> FanIn:
    return FanIn(CounterTable(dynamodb, table), TestClock())


ROOMS = {
    "orders": ("OrdersTable", OrderStore, place, placed_key),
    "insights": ("InsightsTable", fan_in, settle, settled_key),
}


@dataclass(frozen=True)
class Room:
    outbox: Outbox
    table: str
    key_of: object

    def waiting(self, seconds=0):
        return [each.event.order_id for each in self.outbox.unpublished(timedelta(seconds=seconds), 10)]


@pytest.fixture(params=ROOMS)
def room(request, dynamodb, new_table, clock):
    """With two events, thirty seconds apart."""
    logical_id, store, write, key_of = ROOMS[request.param]
    table = new_table(logical_id)
    for order_id in ("ord_1", "ord_2"):
        write(store(dynamodb, table), order_id, clock())
        clock.passes(seconds=30)
    return Room(Outbox(dynamodb, table, clock), table, key_of)


def test_unpublished_events_are_listed_oldest_first(room):
    assert room.waiting() == ["ord_1", "ord_2"]


def test_unpublished_skips_an_item_whose_envelope_is_invalid(room, dynamodb):
    """One item that no version of the code understands must not keep all others unpublished."""
    dynamodb.update_item(
        TableName=room.table,
        Key=room.key_of("ord_1"),
        UpdateExpression="SET event = :event",
        ExpressionAttributeValues={":event": {"id": "evt_1"}},
    )

    assert room.waiting() == ["ord_2"]


def test_unpublished_events_are_limited(room):
    assert len(room.outbox.unpublished(timedelta(0), 1)) == 1


def test_recent_unpublished_events_are_not_listed(room):
    assert room.waiting(seconds=45) == ["ord_1"]


def test_published_event_leaves_the_outbox_and_keeps_its_first_time(room, dynamodb, clock):
    key = room.key_of("ord_1")
    event = dynamodb.get_item(TableName=room.table, Key=key)["Item"]["event"]
    at = iso(clock())
    room.outbox.note_published(key)
    clock.passes(seconds=30)
    room.outbox.note_published(key)
    item = dynamodb.get_item(TableName=room.table, Key=key)["Item"]
    assert room.waiting() == ["ord_2"]
    assert (item["published_at"], item["event"]) == (at, event)


def test_unknown_event_is_not_marked_as_published(room, dynamodb):
    before = dynamodb.scan(TableName=room.table)["Count"]
    with pytest.raises(ClientError):
        room.outbox.note_published({"pk": "ORDER#ord_9", "sk": "EVENT#000001"})
    assert dynamodb.scan(TableName=room.table)["Count"] == before


def test_events_of_an_order_are_listed_oldest_first(dynamodb, new_table, clock):
    store = OrderStore(dynamodb, new_table("OrdersTable"))
    place(store, "ord_1", clock())
    orders = Orders(store, clock)
    orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
    assert [each.event.type for each in orders.events("ord_1")] == ["OrderPlaced", "OrderCancelRequested"]
    assert orders.events("ord_9") == []
