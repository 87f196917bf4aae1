"""Write sharding: a split stock keeps the promises of one counter, also while it is split or merged."""

from datetime import timedelta

import pytest

from chalicelib.inventory import moving
from chalicelib.inventory.model import (
    OutOfStock,
    ReservationStatus,
    Stock,
    StockSetAside,
    StockTooLow,
    UnitsNotSold,
)
from chalicelib.inventory.service import Inventory
from chalicelib.inventory.shards import allocated, shard_of
from chalicelib.inventory.store import InventoryStore
from chalicelib.platform.dynamo import TableBusy

HOLD = timedelta(minutes=15)
HELD = (ReservationStatus.HELD, ReservationStatus.COMMITTED)


@pytest.fixture
def table(new_table):
    return new_table("InventoryTable")


@pytest.fixture
def store(dynamodb, table):
    return InventoryStore(dynamodb, table)


@pytest.fixture
def inventory(store, clock):
    return Inventory(store, clock, HOLD)


@pytest.fixture
def other(dynamodb, table, clock):
    """Another execution environment, which has seen nothing yet."""
    return Inventory(InventoryStore(dynamodb, table), clock, HOLD)


@pytest.fixture
def mugs(inventory):
    """Twelve mugs over four shards."""
    inventory.receive("MUG", 12)
    inventory.split("MUG", 4)
    return inventory


def counted(store, sku="MUG"):
    """(available, reserved, sold) of each shard."""
    return [(shard.available, shard.reserved, shard.sold) for shard in store.shards(sku)]


def orders_of(shard, shards, count):
    """Return ids of orders that take from this shard first."""
    ids = (f"ord_{number}" for number in range(1000))
    return [each for each in ids if shard_of(each, shards) == shard][:count]


def sell(inventory, order_id, quantities):
    inventory.reserve(order_id, quantities)
    inventory.commit(order_id)
    inventory.sell(order_id)


class TestSplit:
    def test_split_spreads_units_evenly_and_keeps_their_sum(self, mugs, store):
        assert counted(store) == [(3, 0, 0)] * 4
        assert store.stocks(["MUG"])["MUG"] == Stock(sku="MUG", available=12, received=12, shards=4)
        assert mugs.available(["MUG"]) == {"MUG": 12}

    def test_split_is_listed_with_its_operator_once(self, inventory):
        inventory.receive("MUG", 5)
        for _ in range(2):
            inventory.split("MUG", 2, "keeper@example.com")
        listed = inventory.ledger("MUG").movements
        assert sorted((each.delta, each.shards, each.by) for each in listed if each.shards) == [
            (0, 2, "keeper@example.com")
        ]

    def test_split_of_a_stock_that_was_never_received_begins_it(self, inventory, store):
        inventory.split("MUG", 3)
        inventory.receive("MUG", 4)
        assert counted(store) == [(2, 0, 0), (1, 0, 0), (1, 0, 0)]

    def test_split_keeps_earlier_reservations_on_the_first_shard(self, inventory, store):
        inventory.receive("MUG", 10)
        for order_id in ("ord_1", "ord_2"):
            inventory.reserve(order_id, {"MUG": 2})
        inventory.split("MUG", 2)
        inventory.commit("ord_1")
        inventory.sell("ord_1")
        inventory.release("ord_2")
        assert counted(store) == [(5, 0, 2), (3, 0, 0)]

    def test_merge_returns_all_to_one_counter(self, mugs, store, inventory, dynamodb, table):
        sell(inventory, *(orders_of(2, 4, 1)), {"MUG": 2})
        merged = inventory.split("MUG", 1)
        assert merged == Stock(sku="MUG", available=10, sold=2, received=12)
        item = dynamodb.get_item(TableName=table, Key={"pk": "STOCK#MUG"})["Item"]
        assert set(item) == {"pk", "sku", "available", "reserved", "sold", "received"}

    def test_merge_leaves_reserved_units_on_their_shard_until_it_is_repeated(self, mugs, store):
        (order,) = orders_of(2, 4, 1)
        mugs.reserve(order, {"MUG": 2})
        mugs.split("MUG", 1)
        assert counted(store) == [(10, 0, 0), (0, 0, 0), (0, 2, 0), (0, 0, 0)]
        mugs.release(order)
        assert mugs.available(["MUG"]) == {"MUG": 12}
        mugs.reserve("ord_all", {"MUG": 12})
        mugs.release("ord_all")
        mugs.split("MUG", 1)
        assert counted(store) == [(12, 0, 0)]

    @pytest.mark.parametrize("overtaking", ["reservation", "sale", "delivery", "split", "merge"])
    def test_split_that_is_overtaken_loses_no_unit(self, mugs, store, monkeypatch, overtaking):
        adjust = store.adjust
        (order,) = orders_of(0, 4, 1)

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            {
                "reservation": lambda: mugs.reserve(order, {"MUG": 11}),
                "sale": lambda: sell(mugs, order, {"MUG": 2}),
                "delivery": lambda: mugs.receive("MUG", 7),
                "split": lambda: mugs.split("MUG", 8),
                "merge": lambda: mugs.split("MUG", 1),
            }[overtaking]()
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        mugs.split("MUG", 6)
        stock = store.stocks(["MUG"])["MUG"]
        assert stock.shards == 6 and stock.available + stock.reserved + stock.sold == stock.received
        assert stock.received == (19 if overtaking == "delivery" else 12)
        assert all(min(each) >= 0 for each in counted(store))

    @pytest.mark.parametrize("overtaking", ["delivery", "delivery and order", "delivery and sale"])
    def test_merge_that_changes_of_the_former_shard_overtake_loses_no_unit(
        self, inventory, store, monkeypatch, overtaking
    ):
        """After the order, the former shard has as many units as before, and one that is reserved; or one was sold."""
        inventory.receive("MUG", 12)
        inventory.split("MUG", 2)
        adjust = store.adjust
        (order,) = orders_of(1, 2, 1)

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            inventory.receive("MUG", 2)
            if "order" in overtaking:
                inventory.reserve(order, {"MUG": 1})
            if "sale" in overtaking:
                sell(inventory, order, {"MUG": 1})
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        inventory.split("MUG", 1)
        reserved, sold = int("order" in overtaking), int("sale" in overtaking)
        expected = Stock(sku="MUG", available=14 - reserved - sold, reserved=reserved, sold=sold, received=14)
        assert store.stocks(["MUG"])["MUG"] == expected

    def test_first_split_that_another_split_overtakes_loses_no_unit(self, inventory, store, monkeypatch):
        inventory.receive("MUG", 12)
        adjust = store.adjust

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            inventory.split("MUG", 3)
            inventory.receive("MUG", 12)
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        inventory.split("MUG", 2)
        assert store.stocks(["MUG"])["MUG"] == Stock(sku="MUG", available=24, received=24, shards=2)

    def test_merge_that_a_return_overtakes_leaves_no_counter_below_zero(self, inventory, store, monkeypatch):
        inventory.receive("MUG", 12)
        inventory.split("MUG", 2)
        first, second = orders_of(1, 2, 2)
        sell(inventory, first, {"MUG": 2})
        inventory.reserve(second, {"MUG": 1})
        adjust = store.adjust

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            inventory.restock("ret_1", {"MUG": 2})
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        inventory.split("MUG", 1)
        assert all(min(each) >= 0 for each in counted(store))


class TestOrders:
    def test_order_moves_the_shard_of_its_id_only(self, mugs, store):
        (order,) = orders_of(3, 4, 1)
        mugs.reserve(order, {"MUG": 2})
        assert counted(store) == [(3, 0, 0)] * 3 + [(1, 2, 0)]
        mugs.commit(order)
        mugs.sell(order)
        assert counted(store) == [(3, 0, 0)] * 3 + [(1, 0, 2)]

    def test_order_whose_shard_is_short_takes_another_one(self, mugs, store):
        first, second = orders_of(1, 4, 2)
        mugs.reserve(first, {"MUG": 3})
        mugs.reserve(second, {"MUG": 1})
        assert counted(store) == [(3, 0, 0), (0, 3, 0), (2, 1, 0), (3, 0, 0)]

    def test_order_takes_from_several_shards_in_one_transaction_and_returns_there(self, mugs, store):
        mugs.reserve("ord_1", {"MUG": 11})
        assert mugs.available(["MUG"]) == {"MUG": 1}
        mugs.release("ord_1")
        assert counted(store) == [(3, 0, 0)] * 4

    def test_order_is_out_of_stock_only_if_the_sum_is_too_low(self, mugs, store):
        with pytest.raises(OutOfStock) as refusal:
            mugs.reserve("ord_1", {"MUG": 13})
        assert str(refusal.value) == "MUG" and store.reservation("ord_1") is None
        mugs.reserve("ord_1", {"MUG": 12})

    def test_order_of_an_environment_that_knows_another_number_of_shards(self, mugs, other, store):
        """It is never out of stock, and takes from its own shard of the present number again."""
        mugs.reserve("ord_first", {"MUG": 1})
        other.split("MUG", 8)
        (order,) = orders_of(5, 8, 1)
        mugs.reserve(order, {"MUG": 1})
        assert store.reservation(order).by_shard == {"MUG": {5: 1}}
        other.split("MUG", 1)
        mugs.reserve("ord_all", {"MUG": 10})
        assert mugs.available(["MUG"]) == {"MUG": 0}

    def test_units_that_moved_while_shards_were_read_are_not_out_of_stock(self, mugs, other, store, monkeypatch):
        """The shards are read one after another: units move to one that was read before."""
        shards = store._items.shards

        def torn(sku):
            monkeypatch.undo()
            before = shards(sku)
            other.split(sku, 2)
            return [*before[:2], *shards(sku)[2:]]

        monkeypatch.setattr(store._items, "shards", torn)
        mugs.reserve("ord_1", {"MUG": 10})
        assert mugs.available(["MUG"]) == {"MUG": 2}

    def test_order_that_is_overtaken_at_each_attempt_is_busy_and_not_out_of_stock(
        self, mugs, other, store, monkeypatch
    ):
        before = store.shards("MUG")
        other.reserve("ord_9", {"MUG": 12})
        monkeypatch.setattr(store._items, "shards", lambda sku: before)
        with pytest.raises(TableBusy):
            mugs.reserve("ord_1", {"MUG": 10})
        assert store.reservation("ord_1") is None

    def test_order_of_more_shards_than_a_transaction_has_writes_gathers_them(self, inventory, store, monkeypatch):
        monkeypatch.setattr(moving, "TRANSACTION_LIMIT", 4)
        for sku in ("MUG", "TENT"):
            inventory.receive(sku, 8)
            inventory.split(sku, 4)
        inventory.reserve("ord_1", {"MUG": 7, "TENT": 7})
        assert inventory.available(["MUG", "TENT"]) == {"MUG": 1, "TENT": 1}
        assert all(len(each) == 1 for each in store.reservation("ord_1").by_shard.values())

    def test_return_goes_to_shards_that_sold_its_units(self, mugs, store):
        sell(mugs, "ord_1", {"MUG": 11})
        for _ in range(2):
            mugs.restock("ret_1", {"MUG": 10})
        assert mugs.available(["MUG"]) == {"MUG": 11}
        assert all(min(each) >= 0 for each in counted(store))

    def test_return_of_more_than_was_sold_is_refused(self, mugs):
        sell(mugs, "ord_1", {"MUG": 2})
        with pytest.raises(UnitsNotSold):
            mugs.restock("ret_1", {"MUG": 3})


class TestAdjustments:
    def test_receipt_is_spread_over_the_shards(self, mugs, store):
        assert mugs.receive("MUG", 9) == Stock(sku="MUG", available=21, received=21, shards=4)
        assert [available for available, _, _ in counted(store)] == [6, 5, 5, 5]
        assert mugs.receive("MUG", -20).available == 1
        with pytest.raises(StockTooLow):
            mugs.receive("MUG", -2)

    def test_removal_that_a_reservation_overtakes_takes_from_other_shards(self, mugs, store, monkeypatch):
        shards = store.shards

        def overtaken(sku):
            monkeypatch.undo()
            seen = shards(sku)
            mugs.reserve(*orders_of(0, 4, 1), {"MUG": 3})
            return seen

        monkeypatch.setattr(store, "shards", overtaken)
        assert mugs.receive("MUG", -8).available == 1

    def test_level_counts_the_units_of_all_shards(self, mugs, store):
        mugs.reserve("ord_1", {"MUG": 7})
        with pytest.raises(StockSetAside):
            mugs.set_on_hand("MUG", 6)
        assert mugs.set_on_hand("MUG", 8) == Stock(sku="MUG", available=1, reserved=7, received=8, shards=4)

    def test_level_that_a_sale_on_another_shard_overtakes_is_reckoned_again(self, mugs, store, monkeypatch):
        adjust = store.adjust

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            sell(mugs, *orders_of(3, 4, 1), {"MUG": 2})
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        mugs.set_on_hand_once("imp_1#2", "MUG", 20)
        assert store.stocks(["MUG"])["MUG"].on_hand == 20

    @pytest.mark.parametrize("before", [0, 3])
    def test_level_that_a_delivery_overtakes_is_reckoned_again(self, inventory, store, monkeypatch, before):
        if before:
            inventory.receive("TENT", before)
        adjust = store.adjust

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            inventory.receive("TENT", 5)
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        inventory.set_on_hand_once("imp_1#3", "TENT", 20)
        assert store.stocks(["TENT"])["TENT"].on_hand == 20


@pytest.mark.parametrize(
    ("units", "counts", "first", "expected"),
    [
        (2, [3, 3, 3], 1, {1: 2}),
        (3, [3, 2, 0], 1, {0: 3}),
        (3, [3, 2, 3], 1, {2: 3}),
        (6, [1, 3, 2, 3], 0, {1: 3, 3: 3}),
        (7, [1, 3, 2, 3], 0, {1: 3, 3: 3, 2: 1}),
        (9, [1, 3, 2, 3], 0, {1: 3, 3: 3, 2: 2, 0: 1}),
        (10, [1, 3, 2, 3], 0, None),
        (1, [], 3, None),
    ],
)
def test_allocation_takes_from_as_few_shards_as_possible(units, counts, first, expected):
    assert allocated(units, counts, first) == expected
