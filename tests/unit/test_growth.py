"""The growth benchmark: what is cloned, and which operation is refused as not flat."""

import io
import json

import pytest
from rich.console import Console

from chalicelib.orders.model import Order, Status
from chalicelib.orders.numbers import number_of
from chalicelib.orders.store import OrderStore
from infra.commands import bench, growth
from infra.commands.growth import Growth, Units
from infra.seed import clones
from tests.builders import an_order_in


class Table:
    """Keeps the items of a transaction."""

    def transact_write_items(self, TransactItems):
        self.items = [each["Put"]["Item"] for each in TransactItems]


def stored(order):
    """Return the item of an order as its store writes it."""
    table = Table()
    OrderStore(table, "orders").save(order)
    return table.items[0]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, Status.RETURNED])
@pytest.mark.parametrize("customer", ["ada", None], ids=["customer", "guest"])
def test_clone_is_the_item_that_the_store_writes_for_its_order(status, customer):
    order = an_order_in(status, "ord_1", customer_id=customer, token=None if customer else "order_secret")
    clone = clones.cloned(stored(order), 7)
    as_order = Order.model_validate(clone).model_copy(update={"pending_event": order.pending_event})

    assert clone == stored(as_order)
    assert clone["number"] == number_of(clones.clone_id(7))
    assert (clone["email"], clone["shipping_address"]["name"]) == clones.buyer_of(7)


def test_clone_keeps_no_id_and_no_time_of_its_original():
    original = stored(an_order_in(Status.RETURNED, "ord_1", customer_id=None, token="order_secret"))
    clone = json.dumps(clones.cloned(original, 7), default=str)

    for old in ('ord_1"', 'ret_1"', original["token_hash"], original["placed_at"], original["number"]):
        assert old not in clone


def test_clones_have_ids_and_times_of_their_own():
    original = stored(an_order_in(Status.COMPLETED))
    made = [clones.cloned(original, number) for number in range(200)]

    assert len({each["pk"] for each in made}) == len({each["placed_at"] for each in made}) == 200
    assert all("2029-05-17" <= each["placed_at"] <= original["placed_at"] for each in made)


def test_searched_clone_has_a_name_that_few_orders_have():
    names = [clones.buyer_of(number)[1] for number in range(growth.ORDERS[1])]

    assert names.count(clones.buyer_of(growth.SEARCHED)[1]) == clones.SAME_BUYER
    assert sum(name.endswith(clones.COMMON_NAME) for name in names) == 800


def grown(few, many, most=None):
    return {"GET /orders": Growth((few, many), (10, 500), most)}


@pytest.mark.parametrize(
    ("few", "many", "most"),
    [
        (Units(2, 15), Units(2, 15), None),
        (Units(19.5, 0), Units(20, 0), None),
        (Units(1.5, 0), Units(80, 0), 100),
    ],
    ids=["equal", "one step of 4 KB", "below its limit"],
)
def test_operation_within_its_units_is_accepted_at_any_time(few, many, most):
    assert growth.problems(grown(few, many, most)) == []


@pytest.mark.parametrize(
    ("few", "many", "most"),
    [(Units(1.5, 0), Units(260, 0), None), (Units(9, 3), Units(9, 4), None), (Units(1.5, 0), Units(101, 0), 100)],
    ids=["scan", "more writes", "above its limit"],
)
def test_operation_that_uses_more_units_is_refused_by_name(few, many, most):
    assert growth.problems(grown(few, many, most)) == [f"GET /orders: {few} with 100 orders, {many} with 20,000"]


def lines(table):
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    return [line for line in out.getvalue().splitlines() if "│" in line]


def test_committed_benchmark_fits_80_columns():
    figures = bench.read(bench.COMMITTED)

    assert len(lines(bench.table(figures, figures))) == len(figures)


def test_result_of_growth_and_figures_share_a_file(tmp_path):
    file = tmp_path / "benchmark.json"
    bench.write(file, {"GET /health": {"value": 9, "unit": "ms", "ratio": 1}})
    growth.write(grown(Units(2, 0), Units(2, 0)), file)

    assert bench.read(file) == {"GET /health": bench.Figure(9, "ms", 1)}
    assert json.loads(file.read_text())[bench.GROWTH]["GET /orders"]["ms"] == [10, 500]
