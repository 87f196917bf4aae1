"""Sweeper: it releases expired reservations after notifying their orders, and a failure stops no other release."""

import pytest

from chalicelib.fulfilment.sweeper import sweep_reservations
from chalicelib.orders.model import CancellationRequested, OrderChanged, Reason, Status
from tests.builders import an_order_in


class FakeInventory:
    """An inventory where these orders' reservations have expired; `committed` ones cannot be released."""

    def __init__(self, shop, *order_ids):
        self._shop = shop
        self._overdue = list(order_ids)
        self.committed = set()
        self.broken = set()
        self.released = []

    def expired(self):
        return list(self._overdue)

    def release_expired(self, order_id):
        if order_id in self.broken:
            raise ConnectionError
        if order_id in self.committed:
            return False
        self._overdue.remove(order_id)
        self.released.append(order_id)
        return True


@pytest.fixture
def inventory(shop):
    """Return three reserved orders whose workflow never continued."""
    ids = ["ord_1", "ord_2", "ord_3"]
    for order_id in ids:
        shop.has(an_order_in(Status.RESERVED, order_id))
    return FakeInventory(shop, *ids)


def test_expired_reservations_are_released_and_their_orders_cancelled(shop, inventory):
    assert sweep_reservations(inventory, shop.orders) == 3

    assert inventory.released == ["ord_1", "ord_2", "ord_3"]
    for order_id in inventory.released:
        assert shop.orders.get(order_id).cancellation == Reason.FULFILMENT_FAILED
    assert sweep_reservations(inventory, shop.orders) == 0


def test_saga_that_wakes_late_stops_at_its_next_step(shop, inventory):
    sweep_reservations(inventory, shop.orders)

    with pytest.raises(CancellationRequested):
        shop.orders.advance("ord_1", Status.AUTHORIZED)


def test_order_is_notified_before_its_units_are_released(shop, inventory):
    inventory.broken = {"ord_1"}

    sweep_reservations(inventory, shop.orders)

    assert shop.orders.get("ord_1").cancellation == Reason.FULFILMENT_FAILED


def test_sweep_continues_after_a_failed_release_and_retries_it(shop, inventory):
    inventory.broken = {"ord_1"}
    assert sweep_reservations(inventory, shop.orders) == 2
    assert inventory.released == ["ord_2", "ord_3"]
    inventory.broken = set()

    assert sweep_reservations(inventory, shop.orders) == 1
    assert inventory.released[-1] == "ord_1"


def test_units_stay_reserved_if_the_order_cannot_be_notified(shop, inventory, monkeypatch):
    cancel_order = shop.orders.cancel

    def cancel(order_id, reason):
        if order_id == "ord_2":
            raise OrderChanged(order_id)
        return cancel_order(order_id, reason)

    monkeypatch.setattr(shop.orders, "cancel", cancel)

    assert sweep_reservations(inventory, shop.orders) == 2
    assert inventory.released == ["ord_1", "ord_3"]


def test_sweep_counts_only_its_own_releases(shop, inventory):
    inventory.committed = {"ord_2"}

    assert sweep_reservations(inventory, shop.orders) == 2


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
def test_units_of_an_ended_order_are_released(shop, inventory, status):
    shop.has(an_order_in(status, "ord_4"))
    before = shop.orders.get("ord_4")
    inventory._overdue.append("ord_4")

    assert sweep_reservations(inventory, shop.orders) == 4
    assert shop.orders.get("ord_4") == before


def test_units_of_an_unknown_order_are_released(shop, inventory):
    inventory._overdue.append("ord_unknown")

    assert sweep_reservations(inventory, shop.orders) == 4


def test_sweep_of_nothing_does_nothing(shop, inventory):
    inventory._overdue.clear()

    assert sweep_reservations(inventory, shop.orders) == 0
