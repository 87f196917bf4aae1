"""Checkout against everything else that writes a cart, in every order in which their calls can interleave."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.cart.service import Carts
from chalicelib.cart.store import CartStore
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.orders.checkout import Checkout
from chalicelib.orders.model import Order
from chalicelib.orders.quote import CartAlreadyOrdered, CartEmpty
from chalicelib.orders.store import OrderStore
from chalicelib.platform.identity import GUEST, Caller
from testbed.scheduler import Run, Watched, interleavings
from tests.builders import a_checkout_request, a_name, euros, product_details

ADA = Caller(customer_id="ada", email="ada@example.com")
BOUGHT = {"MUG": 2}


@dataclass
class World:
    carts: Carts
    checkout: Checkout
    dynamodb: Any
    orders_table: str
    token: str
    answers: list[str] = field(default_factory=list)

    def place(self, key, caller=ADA):
        return lambda: self.checkout.place(caller, self.token or None, key, a_checkout_request())

    @property
    def orders(self) -> list[Order]:
        items = self.dynamodb.scan(TableName=self.orders_table, ConsistentRead=True)["Items"]
        return [Order.model_validate(item) for item in items if item["sk"] == "ORDER"]

    @property
    def ordered(self) -> list[dict[str, int]]:
        return sorted((order.quantities for order in self.orders), key=str)


@pytest.fixture
def world(dynamodb, new_table, clock):
    """A new shop with two mugs in Ada's cart, or in a guest's whose token is `token`."""
    catalog = Catalog(ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable")))
    for sku in ("MUG", "TENT"):
        catalog.save(sku, product_details(price=euros(1250)))
    carts_table, orders_table = new_table("CartsTable"), new_table("OrdersTable")

    def begin(caller=ADA):
        for table in (carts_table, orders_table):
            _clear(dynamodb, table)
        watched = Watched(dynamodb)
        carts = Carts(CartStore(watched, carts_table), clock)
        checkout = Checkout(OrderStore(watched, orders_table), carts, catalog, clock)
        _, token = carts.set_quantity(caller, None, "MUG", 2, a_name)
        return World(carts, checkout, dynamodb, orders_table, token or "")

    return begin


def _clear(dynamodb, table):
    keys = [key["AttributeName"] for key in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={name: item[name] for name in keys})


def failures(run: Run) -> dict[int, type]:
    return {number: type(failure) for number, failure in run.failures.items()}


def test_checkouts_with_two_keys_create_one_order_in_any_order(world):
    def begin():
        made = world()
        return made, [made.place("key-1"), made.place("key-2")]

    for run in interleavings(begin):
        assert run.world.ordered == [BOUGHT], run.steps
        assert list(failures(run).values()) == [CartAlreadyOrdered], run.steps
        assert run.world.carts.read(ADA, None).lines == {}, run.steps


def test_repeated_checkout_is_answered_with_the_same_order(world):
    def begin():
        made = world()
        place = lambda: made.answers.append(made.place("key-1")()[0].id)  # noqa: E731
        return made, [place, place]

    for run in interleavings(begin):
        assert not run.failures, run.steps
        assert run.world.answers == [order.id for order in run.world.orders] * 2, run.steps


def test_concurrently_added_line_is_ordered_or_stays(world):
    def begin():
        made = world()
        return made, [made.place("key-1"), lambda: made.carts.set_quantity(ADA, None, "TENT", 1, a_name)]

    outcomes = set()
    for run in interleavings(begin):
        assert not run.failures, run.steps
        [order], left = run.world.orders, run.world.carts.read(ADA, None).lines
        assert (order.quantities, left) in [(BOUGHT, {"TENT": 1}), (BOUGHT | {"TENT": 1}, {})], run.steps
        outcomes.add(len(left))
    assert outcomes == {0, 1}


def test_concurrently_removed_line_is_ordered_or_gone(world):
    def begin():
        made = world()
        return made, [made.place("key-1"), lambda: made.carts.remove(ADA, None, "MUG")]

    for run in interleavings(begin):
        is_ordered = run.world.ordered == [BOUGHT]
        assert is_ordered or (run.world.ordered == [] and failures(run) == {0: CartEmpty}), run.steps
        assert run.world.carts.read(ADA, None).lines == {}, run.steps


def test_second_key_never_orders_items_added_after_the_checkout(world):
    """The second checkout meant the mugs: it must not order the tent that came after them."""

    def begin():
        made = world()
        second = made.place("key-2")

        def buy_then_add():
            made.place("key-1")()
            made.carts.set_quantity(ADA, None, "TENT", 1, a_name)

        return made, [buy_then_add, second]

    for run in interleavings(begin):
        found = (run.world.ordered, run.world.carts.read(ADA, None).lines, failures(run))
        before_second = run.steps[: next(n for n, step in enumerate(run.steps) if step.startswith("1:"))]
        if "0:put_item" in before_second:
            assert found == ([BOUGHT, {"TENT": 1}], {}, {}), run.steps
        elif 1 in run.failures:
            assert found == ([BOUGHT], {"TENT": 1}, {1: CartAlreadyOrdered}), run.steps
        else:
            assert found == ([BOUGHT], {}, {0: CartAlreadyOrdered}), run.steps


def test_concurrently_claimed_cart_is_ordered_or_moved(world):
    def begin():
        made = world(GUEST)
        claim = lambda: made.carts.claim("ada", made.token)  # noqa: E731
        return made, [made.place("key-1", GUEST), claim]

    for run in interleavings(begin):
        bought = run.world.ordered
        mine, guests = run.world.carts.read(ADA, None).lines, run.world.carts.read(GUEST, run.world.token).lines
        assert guests == {}, run.steps
        if bought:
            assert (bought, mine, failures(run)) == ([BOUGHT], {}, {}), run.steps
        else:
            assert (mine, failures(run)) == (BOUGHT, {0: CartEmpty}), run.steps


def test_checkouts_of_two_carts_order_each_line_once(world):
    """The guest's cart is ordered in one tab, while the other signs in, claims it and orders."""

    def begin():
        made = world(GUEST)

        def sign_in_and_buy():
            made.carts.claim("ada", made.token)
            made.place("key-2")()

        return made, [made.place("key-1", GUEST), sign_in_and_buy]

    for run in interleavings(begin):
        assert run.world.ordered == [BOUGHT], run.steps
        assert list(failures(run).values()) == [CartEmpty], run.steps


def test_concurrently_set_quantity_is_ordered_or_stays(world):
    def begin():
        made = world()
        return made, [made.place("key-1"), lambda: made.carts.set_quantity(ADA, None, "MUG", 1, a_name)]

    for run in interleavings(begin):
        found = (run.world.ordered, run.world.carts.read(ADA, None).lines, failures(run))
        assert found in [([BOUGHT], {"MUG": 1}, {}), ([{"MUG": 1}], {}, {})], run.steps
