"""Conservation of stock: any order of operations, by two execution environments, on split and merged stocks."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chalicelib.inventory.model import (
    OutOfStock,
    Reservation,
    ReservationEnded,
    ReservationStatus,
    StockSetAside,
    StockTooLow,
)
from chalicelib.inventory.service import Inventory
from chalicelib.inventory.shards import total
from chalicelib.inventory.stock_items import shard_from
from chalicelib.inventory.store import InventoryStore
from tests.builders import TestClock

HOLD = timedelta(minutes=15)
HELD = (ReservationStatus.HELD, ReservationStatus.COMMITTED)
SKUS = st.sampled_from(["MUG", "TENT"])
ORDERS = st.integers(0, 7).map(lambda number: f"ord_{number}")


class StockMachine(RuleBasedStateMachine):
    """Two environments, which remember different numbers of shards, work on two stocks."""

    def __init__(self, stores, scan):
        super().__init__()
        self.scan = scan
        self.clock = TestClock()
        self.store = stores[0]
        self.environments = [Inventory(store, self.clock, HOLD) for store in stores]
        self.received = {"MUG": 0, "TENT": 0}
        self.returned = {}

    @rule(sku=SKUS, delta=st.integers(-4, 8), which=st.integers(0, 1))
    def receive(self, sku, delta, which):
        with suppress(StockTooLow):
            self.environments[which].receive(sku, delta)
            self.received[sku] += delta

    @rule(sku=SKUS, units=st.integers(0, 16), which=st.integers(0, 1))
    def set_level(self, sku, units, which):
        change = units - sum(shard.on_hand for shard in self.store.shards(sku))
        with suppress(StockSetAside):
            self.environments[which].set_on_hand(sku, units)
            self.received[sku] += change

    @rule(sku=SKUS, shards=st.integers(1, 5), which=st.integers(0, 1))
    def split(self, sku, shards, which):
        before = self.environments[1 - which].available([sku]).get(sku, 0)
        assert self.environments[which].split(sku, shards).available == before

    @rule(order=ORDERS, quantities=st.dictionaries(SKUS, st.integers(1, 6), min_size=1), which=st.integers(0, 1))
    def reserve(self, order, quantities, which):
        available = self.environments[0].available(list(quantities))
        is_new = self.store.reservation(order) is None
        try:
            self.environments[which].reserve(order, quantities)
            assert not is_new or all(units <= available.get(sku, 0) for sku, units in quantities.items())
        except OutOfStock:
            assert any(units > available.get(sku, 0) for sku, units in quantities.items())
        except ReservationEnded:
            assert not is_new

    @rule(order=ORDERS, move=st.sampled_from(["commit", "sell", "release"]), which=st.integers(0, 1))
    def settle(self, order, move, which):
        with suppress(ReservationEnded):
            getattr(self.environments[which], move)(order)

    @rule(order=ORDERS, which=st.integers(0, 1))
    def restock(self, order, which):
        """Everything comes back, some of it twice."""
        reservation = self.store.reservation(order)
        if reservation and reservation.status == ReservationStatus.SOLD:
            self.environments[which].restock(f"ret_{order}", reservation.quantities)
            self.returned[order] = reservation.quantities

    @rule()
    def expire(self):
        self.clock.passes(minutes=20)
        for order in self.environments[0].expired():
            self.environments[1].release_expired(order)

    @invariant()
    def each_shard_and_the_sums_are_conserved(self):
        items = self.scan()
        reservations = [Reservation.model_validate(each) for each in items if each["pk"].startswith("RESERVATION#")]
        shards = [shard_from(each) for each in items if each["pk"].startswith("STOCK#")]
        held = Counter()
        sold = Counter()
        for each in reservations:
            for sku, allocation in each.by_shard.items() if each.status in HELD else ():
                held.update({(sku, number): units for number, units in allocation.items()})
            sold.update(each.quantities if each.status == ReservationStatus.SOLD else {})
        for quantities in self.returned.values():
            sold.subtract(quantities)
        for shard in shards:
            assert shard.reserved == held[shard.sku, shard.number]
            assert shard.available + shard.reserved + shard.sold == shard.received
            assert min(shard.available, shard.reserved, shard.sold) >= 0
        for sku, received in self.received.items():
            assert total(sku, self.store.shards(sku)).received == received
            assert sum(shard.received for shard in shards if shard.sku == sku) == received
            assert sum(shard.sold for shard in shards if shard.sku == sku) == sold[sku]


def test_any_order_of_operations_conserves_the_units_of_each_shard(dynamodb, new_table):
    def machine():
        table = new_table("InventoryTable")
        stores = [InventoryStore(dynamodb, table) for _ in range(2)]
        return StockMachine(stores, lambda: dynamodb.scan(TableName=table)["Items"])

    few = settings(
        max_examples=12,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=few)
