"""Inventory: each operation moves all units or none, is counted once, and conserves the stock."""

from datetime import timedelta

import pytest

from chalicelib.inventory.model import (
    OutOfStock,
    ReservationEnded,
    ReservationStatus,
    Stock,
    StockLedger,
    StockSetAside,
    StockTooLow,
)
from chalicelib.inventory.service import ADJUSTMENTS_SHOWN, Inventory
from chalicelib.inventory.store import InventoryStore
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.request_keys import IdempotencyConflict, RequestKey
from tests.builders import TestClock
from tests.fake_inventory_store import FakeInventoryStore

HOLD = timedelta(minutes=15)


WITH_FAKE = pytest.mark.parametrize("store", ["dynamodb", "fake"], indirect=True)
"""What the real store does, the fake does too."""


@pytest.fixture
def store(request, dynamodb, new_table):
    is_fake = getattr(request, "param", "dynamodb") == "fake"
    return FakeInventoryStore() if is_fake else InventoryStore(dynamodb, new_table("InventoryTable"))


@pytest.fixture
def inventory(store, clock):
    """Ten mugs, one tent."""
    inventory = Inventory(store, clock, HOLD)
    inventory.receive("MUG", 10)
    inventory.receive("TENT", 1)
    return inventory


def sell(inventory, order_id, quantities):
    inventory.reserve(order_id, quantities)
    inventory.commit(order_id)
    inventory.sell(order_id)


@pytest.fixture
def counts(store):
    """(available, reserved, sold) of a sku."""

    def read(sku):
        stock = store.stocks([sku])[sku]
        return stock.available, stock.reserved, stock.sold

    return read


class TestReceive:
    def test_receipt_adds_to_what_is_there(self, inventory):
        assert inventory.receive("MUG", 5) == Stock(sku="MUG", available=15, received=15)

    def test_receipt_below_zero_takes_available_units_away(self, inventory):
        assert inventory.receive("MUG", -10) == Stock(sku="MUG", available=0, received=0)

    @pytest.mark.parametrize(("sku", "delta"), [("MUG", -11), ("UNKNOWN", -1)])
    def test_receipt_never_takes_more_than_is_available(self, inventory, store, sku, delta):
        before = store.stocks([sku])

        with pytest.raises(StockTooLow):
            inventory.receive(sku, delta)

        assert store.stocks([sku]) == before

    def test_receipt_with_a_key_adds_once(self, inventory, store):
        for _ in range(3):
            inventory.receive_once("file#2", "MUG", 5)
        inventory.receive_once("file#3", "POT", 1)
        assert store.stocks(["MUG", "POT"]) == {
            "MUG": Stock(sku="MUG", available=15, received=15),
            "POT": Stock(sku="POT", available=1, received=1),
        }
        assert inventory.received(["file#2", "file#3", "file#4"]) == {"file#2", "file#3"}

    def test_stock_adjustments_are_listed_newest_first(self, inventory, clock):
        clock.passes(minutes=1)
        inventory.receive("MUG", -2, "broken on the way", "keeper@example.com")
        clock.passes(minutes=1)
        for _ in range(2):
            inventory.receive_once("file#2", "MUG", 5, "from a file")
        with pytest.raises(StockTooLow):
            inventory.receive("MUG", -100, "does not happen")

        ledger = inventory.ledger("MUG")

        assert [(each.delta, each.note, each.by) for each in ledger.movements] == [
            (5, "from a file", None),
            (-2, "broken on the way", "keeper@example.com"),
            (10, "", None),
        ]
        assert ledger.received == 13 and inventory.ledger("UNKNOWN") == StockLedger(sku="UNKNOWN", movements=[])

    def test_reserved_units_are_not_available(self, inventory):
        inventory.reserve("ord_1", {"MUG": 8})

        with pytest.raises(StockTooLow):
            inventory.receive("MUG", -3)

    def test_available_knows_more_skus_than_one_call_can_ask_for(self, inventory):
        skus = [f"SKU-{n}" for n in range(120)] + ["MUG", "TENT", "MUG"]

        assert inventory.available(skus) == {"MUG": 10, "TENT": 1}

    def test_available_of_nothing(self, inventory):
        assert inventory.available([]) == {}


class TestKeyedAdjustment:
    """A key is booked in the transaction that changes the stock: there is no moment between the two."""

    KEY = RequestKey("k1", "asked-1")

    def test_repeated_key_changes_stock_once_and_answers_the_same(self, inventory, counts):
        first = inventory.receive("MUG", 5, key=self.KEY)
        inventory.receive("MUG", 1)
        assert inventory.receive("MUG", 5, key=self.KEY) == first == Stock(sku="MUG", available=15, received=15)
        assert counts("MUG") == (16, 0, 0)

    def test_repeated_key_after_a_lost_answer_changes_stock_once(self, inventory, store, counts, monkeypatch):
        monkeypatch.setattr(store, "answer", lambda *arguments: pytest.fail("the function died here"))
        with pytest.raises(pytest.fail.Exception):
            inventory.receive("MUG", 5, key=self.KEY)
        monkeypatch.undo()
        assert inventory.receive("MUG", 5, key=self.KEY).available == 15
        assert counts("MUG") == (15, 0, 0)

    def test_key_of_another_request_is_refused(self, inventory, counts):
        inventory.receive("MUG", 5, key=self.KEY)
        with pytest.raises(IdempotencyConflict):
            inventory.receive("MUG", 6, key=RequestKey("k1", "asked-2"))
        with pytest.raises(IdempotencyConflict):
            inventory.receive("TENT", 6, key=RequestKey("k1", "asked-2"))
        with pytest.raises(IdempotencyConflict):
            inventory.set_on_hand("MUG", 6, key=RequestKey("k1", "asked-2"))
        assert (counts("MUG"), counts("TENT")) == ((15, 0, 0), (1, 0, 0))

    def test_refused_change_leaves_its_key_free(self, inventory, counts):
        with pytest.raises(StockTooLow):
            inventory.receive("MUG", -11, key=self.KEY)
        inventory.receive("MUG", 1)
        assert inventory.receive("MUG", -11, key=self.KEY).available == 0

    def test_key_of_a_taken_away_stock_is_repeated_not_too_low(self, inventory):
        first = inventory.receive("MUG", -10, key=self.KEY)
        assert inventory.receive("MUG", -10, key=self.KEY) == first


class TestSetOnHand:
    def test_level_counts_what_is_set_aside_and_books_the_difference(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3})
        inventory.set_on_hand("MUG", 8, "counted", "keeper@example.com")
        assert counts("MUG") == (5, 3, 0)
        ledger = inventory.ledger("MUG")
        assert ledger.received == 8
        assert {(each.delta, each.note) for each in ledger.movements} == {(10, ""), (-2, "counted")}

    def test_level_of_an_unknown_stock_begins_it(self, inventory, counts):
        inventory.set_on_hand_once("imp_1#2", "POT", 4)
        inventory.set_on_hand_once("imp_1#3", "PAN", 0)
        assert (counts("POT"), counts("PAN")) == ((4, 0, 0), (0, 0, 0))

    def test_level_below_what_is_set_aside_is_refused(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3})
        with pytest.raises(StockSetAside):
            inventory.set_on_hand("MUG", 2)
        assert counts("MUG") == (7, 3, 0)

    def test_level_is_set_once_for_each_receipt(self, inventory, counts):
        """Also where the first time it changed nothing."""
        inventory.set_on_hand_once("imp_1#2", "MUG", 10)
        assert len(inventory.ledger("MUG").movements) == 1
        sell(inventory, "ord_1", {"MUG": 4})
        inventory.set_on_hand_once("imp_1#2", "MUG", 10)
        assert counts("MUG") == (6, 0, 4)
        inventory.set_on_hand_once("imp_2#2", "MUG", 10)
        assert counts("MUG") == (10, 0, 4)

    def test_level_is_set_once_for_each_key(self, inventory, counts):
        key = RequestKey("k1", "asked-1")
        first = inventory.set_on_hand("MUG", 12, key=key)
        sell(inventory, "ord_1", {"MUG": 4})
        inventory.reserve("ord_2", {"MUG": 8})
        assert inventory.set_on_hand("MUG", 12, key=key) == first
        assert counts("MUG") == (0, 8, 4)

    @pytest.mark.parametrize("overtaking", ["sale", "reservation", "delivery", "release"])
    def test_level_that_is_overtaken_is_reckoned_again(self, inventory, store, counts, monkeypatch, overtaking):
        inventory.reserve("ord_0", {"MUG": 2})
        adjust = store.adjust

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            if overtaking == "sale":
                sell(inventory, "ord_1", {"MUG": 4})
            if overtaking == "reservation":
                inventory.reserve("ord_1", {"MUG": 3})
            if overtaking == "delivery":
                inventory.receive("MUG", 7)
            if overtaking == "release":
                inventory.release("ord_0")
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        inventory.set_on_hand_once("imp_1#2", "MUG", 5)
        stock = store.stocks(["MUG"])["MUG"]
        assert stock.on_hand == 5
        assert stock.available + stock.reserved + stock.sold == stock.received

    def test_level_that_a_reservation_overtakes_never_goes_below_zero(self, inventory, store, monkeypatch):
        adjust = store.adjust

        def overtaken(*arguments, **options):
            monkeypatch.undo()
            inventory.reserve("ord_1", {"MUG": 9})
            return adjust(*arguments, **options)

        monkeypatch.setattr(store, "adjust", overtaken)
        with pytest.raises(StockSetAside):
            inventory.set_on_hand_once("imp_1#2", "MUG", 5)
        assert store.stocks(["MUG"])["MUG"] == Stock(sku="MUG", available=1, reserved=9, received=10)


def test_movements_page_until_all_are_listed(inventory, clock):
    for n in range(ADJUSTMENTS_SHOWN):
        clock.passes(seconds=1)
        inventory.receive("MUG", n + 1)
    first = inventory.ledger("MUG")
    rest = inventory.ledger("MUG", first.next_cursor)
    assert [each.delta for each in first.movements + rest.movements] == [*range(ADJUSTMENTS_SHOWN, 0, -1), 10]
    assert rest.next_cursor is None
    with pytest.raises(CursorInvalid):
        inventory.ledger("TENT", first.next_cursor)


@WITH_FAKE
class TestReserve:
    def test_reservation_moves_units_from_available_to_reserved(self, inventory, store, counts, clock):
        inventory.reserve("ord_1", {"MUG": 3, "TENT": 1})

        assert counts("MUG") == (7, 3, 0)
        assert counts("TENT") == (0, 1, 0)
        assert store.reservation("ord_1").status == ReservationStatus.HELD
        assert store.reservation("ord_1").expires_at == clock() + HOLD

    def test_reservation_is_written_once_and_says_so(self, inventory, store, clock):
        inventory.receive("MUG", 10)

        assert [store.reserve("ord_1", {"MUG": 2}, clock() + HOLD) for _ in range(2)] == [True, False]

    def test_reservation_twice_is_once(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3})
        inventory.reserve("ord_1", {"MUG": 3})

        assert counts("MUG") == (7, 3, 0)

    def test_reservation_twice_is_once_even_when_there_would_not_be_enough_again(self, inventory, counts):
        inventory.reserve("ord_1", {"TENT": 1})
        inventory.reserve("ord_1", {"TENT": 1})

        assert counts("TENT") == (0, 1, 0)

    def test_reservation_is_all_lines_or_none(self, inventory, store, counts):
        with pytest.raises(OutOfStock):
            inventory.reserve("ord_1", {"MUG": 3, "TENT": 2})

        assert counts("MUG") == (10, 0, 0)
        assert counts("TENT") == (1, 0, 0)
        assert store.reservation("ord_1") is None

    def test_out_of_stock_names_the_skus(self, inventory):
        with pytest.raises(OutOfStock) as refusal:
            inventory.reserve("ord_1", {"TENT": 2, "MUG": 1, "UNKNOWN": 1})

        assert str(refusal.value) == "TENT, UNKNOWN"

    def test_last_unit_is_reserved_for_one_order(self, inventory, counts):
        inventory.reserve("ord_1", {"TENT": 1})

        with pytest.raises(OutOfStock):
            inventory.reserve("ord_2", {"TENT": 1})

        assert counts("TENT") == (0, 1, 0)

    def test_reservation_may_succeed_after_new_units_arrive(self, inventory, counts):
        with pytest.raises(OutOfStock):
            inventory.reserve("ord_1", {"TENT": 2})
        inventory.receive("TENT", 1)

        inventory.reserve("ord_1", {"TENT": 2})

        assert counts("TENT") == (0, 2, 0)

    def test_reservation_finds_the_door_closed_after_a_release(self, inventory, counts):
        inventory.release("ord_1")

        with pytest.raises(ReservationEnded):
            inventory.reserve("ord_1", {"MUG": 3})

        assert counts("MUG") == (10, 0, 0)

    def test_reservation_takes_a_full_cart(self, inventory, store):
        full = {f"SKU-{n}": 1 for n in range(30)}
        for sku in full:
            inventory.receive(sku, 1)

        inventory.reserve("ord_1", full)

        assert all(stock.reserved == 1 for stock in store.stocks(list(full)).values())


@WITH_FAKE
class TestCommit:
    def test_commit_before_expiry_the_reservation_stays(self, inventory, store, clock):
        inventory.reserve("ord_1", {"MUG": 3})
        clock.passes(minutes=14)

        inventory.commit("ord_1")
        clock.passes(days=3)
        inventory.commit("ord_1")

        assert store.reservation("ord_1").status == ReservationStatus.COMMITTED

    @pytest.mark.parametrize("late", [HOLD, HOLD + timedelta(milliseconds=1), timedelta(days=1)])
    def test_commit_after_expiry_it_is_over(self, inventory, store, clock, late):
        inventory.reserve("ord_1", {"MUG": 3})
        clock.now += late

        with pytest.raises(ReservationEnded):
            inventory.commit("ord_1")

        assert store.reservation("ord_1").status == ReservationStatus.HELD

    def test_commit_after_a_release_it_is_over(self, inventory):
        inventory.reserve("ord_1", {"MUG": 3})
        inventory.release("ord_1")

        with pytest.raises(ReservationEnded):
            inventory.commit("ord_1")

    def test_commit_needs_a_reservation(self, inventory, store):
        with pytest.raises(ReservationEnded):
            inventory.commit("ord_1")

        assert store.reservation("ord_1") is None

    def test_commit_of_what_was_sold_is_nothing(self, inventory, store):
        inventory.reserve("ord_1", {"MUG": 3})
        inventory.commit("ord_1")
        inventory.sell("ord_1")

        inventory.commit("ord_1")

        assert store.reservation("ord_1").status == ReservationStatus.SOLD


@WITH_FAKE
class TestSell:
    def test_sale_counts_once(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3, "TENT": 1})
        inventory.commit("ord_1")

        inventory.sell("ord_1")
        inventory.sell("ord_1")

        assert counts("MUG") == (7, 0, 3)
        assert counts("TENT") == (0, 0, 1)

    def test_sale_needs_a_committed_reservation(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3})

        with pytest.raises(ReservationEnded):
            inventory.sell("ord_1")

        assert counts("MUG") == (7, 3, 0)

    def test_sale_of_a_released_reservation_is_refused(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3})
        inventory.release("ord_1")

        with pytest.raises(ReservationEnded):
            inventory.sell("ord_1")

        assert counts("MUG") == (10, 0, 0)

    def test_sale_without_a_reservation_is_refused(self, inventory):
        with pytest.raises(ReservationEnded):
            inventory.sell("ord_1")


@WITH_FAKE
class TestRelease:
    @pytest.mark.parametrize("committed", [False, True])
    def test_release_gives_back_once(self, inventory, counts, committed):
        inventory.reserve("ord_1", {"MUG": 3, "TENT": 1})
        if committed:
            inventory.commit("ord_1")

        inventory.release("ord_1")
        inventory.release("ord_1")

        assert counts("MUG") == (10, 0, 0)
        assert counts("TENT") == (1, 0, 0)

    def test_release_gives_back_what_expired(self, inventory, counts, clock):
        inventory.reserve("ord_1", {"MUG": 3})
        clock.passes(days=1)

        inventory.release("ord_1")

        assert counts("MUG") == (10, 0, 0)

    def test_release_leaves_a_sign_where_there_was_nothing(self, inventory, store):
        inventory.release("ord_1")
        inventory.release("ord_1")

        assert store.reservation("ord_1").status == ReservationStatus.RELEASED
        assert store.reservation("ord_1").quantities == {}

    def test_release_does_not_take_back_a_sale(self, inventory, counts):
        inventory.reserve("ord_1", {"MUG": 3})
        inventory.commit("ord_1")
        inventory.sell("ord_1")

        with pytest.raises(ReservationEnded):
            inventory.release("ord_1")

        assert counts("MUG") == (7, 0, 3)

    def test_release_of_a_reservation_that_changed_moves_no_units(self, inventory, store, counts):
        inventory.reserve("ord_1", {"MUG": 3})
        as_it_was_read = store.reservation("ord_1")
        inventory.commit("ord_1")

        assert not store.release(as_it_was_read)
        assert counts("MUG") == (7, 3, 0)


@WITH_FAKE
class TestExpired:
    @pytest.fixture
    def overdue(self, inventory, clock):
        """Three mugs and the tent, for longer than they may be."""
        inventory.reserve("ord_1", {"MUG": 3, "TENT": 1})
        clock.now += HOLD

    def test_expired_reservations_are_listed_the_longest_overdue_first(self, inventory, clock):
        for order_id in ("ord_2", "ord_1", "ord_3"):
            inventory.reserve(order_id, {"MUG": 1})
            clock.passes(minutes=5)

        assert inventory.expired() == ["ord_2"]
        clock.passes(minutes=5)
        assert inventory.expired() == ["ord_2", "ord_1"]

    def test_expired_reservations_are_listed_in_batches(self, inventory, store, overdue, clock):
        inventory.reserve("ord_2", {"MUG": 1})
        clock.now += HOLD

        assert [each.order_id for each in store.expired(clock(), limit=1)] == ["ord_1"]

    @pytest.mark.parametrize(
        "moves", [["commit"], ["commit", "sell"], ["release"], ["commit", "release"]], ids="-".join
    )
    def test_expired_reservations_are_only_those_that_never_went_on(self, inventory, clock, moves):
        inventory.reserve("ord_1", {"MUG": 3})
        for move in moves:
            getattr(inventory, move)("ord_1")
        clock.now += HOLD * 2

        assert inventory.expired() == []
        assert not inventory.release_expired("ord_1")

    def test_expired_reservations_of_a_release_that_came_first_there_are_none(self, inventory, clock):
        inventory.release("ord_1")
        clock.now += HOLD * 2

        assert inventory.expired() == []

    def test_expired_reservations_are_released_once(self, inventory, store, counts, overdue):
        assert inventory.release_expired("ord_1")
        assert not inventory.release_expired("ord_1")

        assert (counts("MUG"), counts("TENT")) == ((10, 0, 0), (1, 0, 0))
        assert store.reservation("ord_1").status == ReservationStatus.RELEASED
        assert inventory.expired() == []

    def test_expired_reservations_then_find_the_door_closed(self, inventory, overdue):
        inventory.release_expired("ord_1")

        for step in (inventory.commit, lambda order_id: inventory.reserve(order_id, {"MUG": 3})):
            with pytest.raises(ReservationEnded):
                step("ord_1")

    def test_expired_reservations_are_not_those_that_still_have_time(self, inventory, store, counts, clock):
        inventory.reserve("ord_1", {"MUG": 3})
        clock.now += HOLD - timedelta(milliseconds=1)

        assert inventory.expired() == []
        assert not inventory.release_expired("ord_1")
        assert counts("MUG") == (7, 3, 0)
        assert store.reservation("ord_1").status == ReservationStatus.HELD

    def test_expired_reservations_of_no_order_there_is_nothing_to_release(self, inventory, store):
        assert not inventory.release_expired("ord_9")
        assert store.reservation("ord_9") is None


@WITH_FAKE
class TestSweepAgainstCommit:
    """Their clocks differ: what is over for one still has time for the other."""

    @pytest.fixture
    def early(self, late, store, clock):
        """The same ledger, by a clock that is a minute behind."""
        return Inventory(store, TestClock(clock() - timedelta(minutes=1)), HOLD)

    @pytest.fixture
    def late(self, inventory, clock):
        inventory.reserve("ord_1", {"MUG": 3})
        clock.now += HOLD
        return inventory

    def test_sweep_against_commit_the_commit_is_first(self, late, early, store, counts):
        early.commit("ord_1")

        assert not late.release_expired("ord_1")
        assert store.reservation("ord_1").status == ReservationStatus.COMMITTED
        assert counts("MUG") == (7, 3, 0)

    def test_sweep_against_commit_the_commit_is_first_after_the_sweeper_has_looked(
        self, late, early, store, counts, clock
    ):
        as_it_was_read = store.reservation("ord_1")
        early.commit("ord_1")

        assert not store.release_expired(as_it_was_read, clock())
        assert store.reservation("ord_1").status == ReservationStatus.COMMITTED
        assert counts("MUG") == (7, 3, 0)

    def test_sweep_against_commit_the_sweep_is_first(self, late, early, store, counts):
        assert late.release_expired("ord_1")

        with pytest.raises(ReservationEnded):
            early.commit("ord_1")
        assert store.reservation("ord_1").status == ReservationStatus.RELEASED
        assert counts("MUG") == (10, 0, 0)

    def test_sweep_against_commit_by_the_same_clock_only_one_of_them_can(self, inventory, store, clock):
        """At every moment either the commit is too late, or the sweep too early."""
        for n, late_by in enumerate((-1, 0, 1)):
            order_id = f"ord_{n}"
            inventory.reserve(order_id, {"MUG": 1})
            end = store.reservation(order_id).expires_at
            moment = end + timedelta(milliseconds=late_by)
            can_sweep = store.release_expired(store.reservation(order_id), moment)

            assert can_sweep == (late_by >= 0)
            assert store.commit(order_id, moment) != can_sweep


@WITH_FAKE
class TestRestock:
    @pytest.fixture
    def sold(self, inventory):
        inventory.reserve("ord_1", {"MUG": 3, "TENT": 1})
        inventory.commit("ord_1")
        inventory.sell("ord_1")
        return inventory

    def test_restock_makes_units_available(self, sold, counts):
        sold.restock("ret_1", {"MUG": 2})

        assert (counts("MUG"), counts("TENT")) == ((9, 0, 1), (0, 0, 1))
        assert sold.available(["MUG"]) == {"MUG": 9}

    def test_restock_twice_is_once(self, sold, counts):
        for _ in range(2):
            sold.restock("ret_1", {"MUG": 1})

        assert counts("MUG") == (8, 0, 2)

    def test_restock_of_each_return_by_itself(self, sold, counts):
        sold.restock("ret_1", {"MUG": 2})
        sold.restock("ret_2", {"MUG": 1, "TENT": 1})

        assert (counts("MUG"), counts("TENT")) == ((10, 0, 0), (1, 0, 0))

    def test_restock_leaves_the_reservation_sold(self, sold, store):
        sold.restock("ret_1", {"MUG": 3, "TENT": 1})

        assert store.reservation("ord_1").status == ReservationStatus.SOLD
        with pytest.raises(ReservationEnded):
            sold.release("ord_1")
