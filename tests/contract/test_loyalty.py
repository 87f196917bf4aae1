"""Points: each order earns them once, and each return takes back revenue and points in one transaction."""

import pytest

from chalicelib.analytics.model import Sold
from chalicelib.loyalty.service import Loyalty
from chalicelib.loyalty.store import PointsStore
from chalicelib.platform.counters import CounterTable
from tests.builders import a_line
from tests.insights import completed, returned


class InterruptedStore(PointsStore):
    """Another consumer writes once, right after this one has read an order's points."""

    def __init__(self, table, interruption):
        super().__init__(table)
        self._interruptions = [interruption]

    def kept(self, *arguments):
        writes = super().kept(*arguments)
        while self._interruptions:
            self._interruptions.pop()()
        return writes


class InterruptedTable(CounterTable):
    """Another consumer writes once, right after this one has read an item."""

    interruption = None

    def item(self, key):
        item = super().item(key)
        if interruption := self.interruption:
            self.interruption = None
            interruption()
        return item


@pytest.fixture
def lines():
    return [a_line("MUG", 3, 999), a_line("TENT", 1, 20050)]


def test_points_are_whole_euros_of_each_order_earned_once(rooms):
    for order_id in ("ord_1", "ord_2", "ord_2"):
        rooms.loyalty.earn_points(completed(order_id, lines=[a_line(quantity=1, price=1999)]), "ada")
    rooms.loyalty.earn_points(completed("ord_3", customer_id="bob"), "bob")

    assert (rooms.loyalty.points_of("ada"), rooms.loyalty.points_of("bob"), rooms.loyalty.points_of("eve")) == (
        38,
        25,
        0,
    )
    assert rooms.loyalty.all_points() == 63


def test_points_that_changed_since_they_were_read_are_counted_again(rooms):
    [back] = returned({"MUG-01": 1})
    store = InterruptedStore(rooms.table, lambda: rooms.count_return(back))

    Loyalty(store, rooms.fan_in).earn_points(completed(), "ada")

    assert rooms.loyalty.points_of("ada") == 12


def test_return_takes_back_revenue_units_and_points_once(rooms, lines):
    rooms.analytics.count_sales(completed(lines=lines))
    rooms.loyalty.earn_points(completed(lines=lines), "ada")
    assert rooms.loyalty.points_of("ada") == rooms.loyalty.all_points() == 230

    [event] = returned({"MUG": 1}, lines=lines)
    for _ in range(2):
        rooms.count_return(event, "ada")

    [today] = rooms.analytics.sales(1)
    assert (today.orders, today.pieces, today.revenue) == (1, 3, 22048)
    assert today.products["MUG"] == Sold(2, 1998)
    assert rooms.loyalty.points_of("ada") == rooms.loyalty.all_points() == 220


def test_returns_of_single_units_leave_no_points(rooms, lines):
    """A unit's price is no whole number of euros: points follow the total that the shop keeps of the order."""
    rooms.loyalty.earn_points(completed(lines=lines), "ada")

    for event in returned({"MUG": 1}, {"MUG": 1}, {"MUG": 1}, {"TENT": 1}, lines=lines):
        rooms.count_return(event, "ada")

    assert rooms.loyalty.points_of("ada") == rooms.loyalty.all_points() == 0


def test_return_before_the_completion_leaves_nothing(rooms, lines):
    for event in reversed(returned({"MUG": 3}, {"TENT": 1}, lines=lines)):
        rooms.count_return(event, "ada")
    assert rooms.loyalty.points_of("ada") == 0

    rooms.loyalty.earn_points(completed(lines=lines), "ada")
    rooms.analytics.count_sales(completed(lines=lines))

    assert rooms.loyalty.points_of("ada") == 0
    assert rooms.analytics.sales(1)[0].revenue == 0


def test_return_of_a_guest_takes_back_no_points(rooms, lines):
    [event] = returned({"TENT": 1}, customer_id=None, lines=lines)

    rooms.count_return(event, None)

    assert (rooms.analytics.sales(1)[0].revenue, rooms.loyalty.all_points()) == (-20050, 0)


def test_points_earned_while_a_customer_is_erased_are_taken_back_too(rooms, dynamodb):
    rooms.loyalty.earn_points(completed("ord_1"), "ada")
    table = InterruptedTable(dynamodb, rooms.table._table)
    table.interruption = lambda: rooms.loyalty.earn_points(completed("ord_2"), "ada")

    PointsStore(table).erase("ada")

    assert rooms.loyalty.points_of("ada") == rooms.loyalty.all_points() == 0
