"""Rebuild of the reporting read model: every order and every stock adjustment, once, among all items."""

import pytest

from chalicelib.inventory.service import Inventory
from chalicelib.inventory.store import InventoryStore
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.reporting.adjustments import movements_in
from chalicelib.reporting.projector import Projector
from chalicelib.reporting.rebuild import Rebuild, RebuildStep
from tests.builders import NOW, an_order


class RecordingStore:
    def __init__(self):
        self.orders, self.movements = [], []

    def save(self, order, payment, sold, event_id=None):
        self.orders.append(order.order.order_id)
        return True

    def add_movements(self, movements):
        self.movements += movements


@pytest.fixture
def store():
    return RecordingStore()


@pytest.fixture
def inventory(dynamodb, new_table, clock):
    return Inventory(InventoryStore(dynamodb, new_table("InventoryTable")), clock, hold=None)


@pytest.fixture
def rebuild(dynamodb, new_table, inventory, store):
    orders = OrderStore(dynamodb, new_table("OrdersTable"))
    for number in range(7):
        order = an_order(f"ord_{number}")
        orders.place(order, CheckoutRecord(order.id, "f" * 64, order.id, 0), NOW)
    projector = Projector(store, orders.get, lambda order_id: None, lambda skus: {}, lambda at: at.date())
    return Rebuild(dynamodb, orders._table, inventory._store._table, projector, page_size=4)


def test_rebuild_takes_every_order_and_adjustment_once_over_many_pages(rebuild, inventory, store):
    inventory.receive_once("import-1:1", "MUG-01", 5)
    inventory.receive("TENT-02", 3, "found", "keeper@example.com")
    step, steps = RebuildStep(), 0
    while step.table:
        step, steps = rebuild.take(step), steps + 1
    assert sorted(store.orders) == [f"ord_{number}" for number in range(7)]
    assert sorted((each.sku, each.units, each.kind) for each in store.movements) == [
        ("MUG-01", 5, "ADJUSTED"),
        ("TENT-02", 3, "ADJUSTED"),
    ]
    assert step.projected == 9 and steps > 4


def test_stream_of_the_inventory_gives_the_row_that_a_rebuild_gives(rebuild, inventory, store, dynamodb):
    inventory.receive("MUG-01", 4, "found", "keeper@example.com")
    rebuild.take(RebuildStep(table="stock"))
    raw = {"pk": {"S": store.movements[0].movement_id}, "moved": {"S": "MUG-01"}, "delta": {"N": "4"}}
    images = [raw | {"at": {"S": "2030-05-17T12:00:00.000Z"}}, {"pk": {"S": "STOCK#MUG-01"}, "available": {"N": "4"}}]
    assert movements_in({"Records": [{"dynamodb": {"NewImage": image}} for image in images]}) == store.movements
