"""Simulation of the shop: every promise holds under fifty seeds, the same case gives the same run, and what fails is
shrunk and explained."""

import os
import subprocess
import sys

import pytest

from infra.build.template import ROOT
from testbed.plan import FaultPlan, What
from testbed.shop.application import PLAN, Shop
from testbed.shrink import minimal, shrunk
from testbed.simulation import Case, simulate
from testbed.story import story

pytestmark = pytest.mark.takes_long

SEEDS, ORDERS, PARTS = 50, 20, 5
CALM = FaultPlan()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_holds_under_the_seeds(part):
    injected, statuses = set(), set()
    for seed in range(part, SEEDS, PARTS):
        result = simulate(Shop(), Case.of(seed, ORDERS))
        assert result.problems == [], f"make simulate SEED={seed}"
        assert len(result.record.outcomes) >= ORDERS // 2
        injected |= {(each.site.partition(".")[0], each.what) for each in result.record.injected}
        statuses |= {(each.status, each.reason) for each in result.record.outcomes}
    planned = {(fault.where.partition(".")[0], fault.what) for fault in PLAN.faults}
    assert planned - injected == set(), "no seed has met these faults"
    assert {"COMPLETED", "CANCELLED", "RETURNED"} == {status for status, _ in statuses}
    assert {"OUT_OF_STOCK", "PAYMENT_DECLINED", "SHIPPING_FAILED", "CUSTOMER_REQUEST"} <= {why for _, why in statuses}


def test_orders_end_as_their_buyers_wish_without_faults():
    result = simulate(Shop(), Case.of(1, ORDERS), CALM)
    assert (result.problems, result.struck, result.strains) == ([], (), ())
    assert not any(each.retries for each in result.record.outcomes)


DIGEST = """
from testbed.shop.application import Shop
from testbed.simulation import Case, simulate
result = simulate(Shop(), Case.of(5, 5))
print(result.digest, result.record.model_dump_json())
"""


def test_same_seed_gives_the_same_run_byte_for_byte_in_any_process():
    def digest(hash_seed):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", DIGEST]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    simulate(Shop(), Case.of(4, 5))
    after_another = simulate(Shop(), Case.of(5, 5))
    first, second = digest("1"), digest("2")
    assert first == second == f"{after_another.digest} {after_another.record.model_dump_json()}\n"


def test_another_seed_gives_another_run():
    assert simulate(Shop(), Case.of(5, 3)).digest != simulate(Shop(), Case.of(6, 3)).digest


@pytest.fixture
def broken(monkeypatch):
    """A shop that reports reserved stock as released and keeps it."""
    from chalicelib.inventory.store import InventoryStore

    monkeypatch.setattr(InventoryStore, "release", lambda *_: True)


def test_failing_seed_is_shrunk_to_one_order_and_explained_by_a_story(broken):
    failed = simulate(Shop(), Case.of(1, 8))
    assert failed.problems

    smallest = shrunk(lambda case: simulate(Shop(), case), failed)

    assert len(smallest.case.subjects) == 1 and smallest.case.faults == frozenset()
    assert smallest.kinds & failed.kinds
    kept = simulate(Shop(), smallest.case, keep=True)
    assert kept.problems == smallest.problems
    text = story(kept, "make simulate SEED=1")
    assert "stock is" in text and "ReleaseInventory" in text and text.endswith("make simulate SEED=1")


def test_minimal_part_has_nothing_that_can_be_left_out():
    assert minimal(range(20), lambda few: {3, 17} <= set(few)) == [3, 17]
    assert minimal(range(20), lambda few: True) == []


def test_faults_that_are_left_out_do_not_strike():
    whole = simulate(Shop(), Case.of(9, 4))
    kept = frozenset(whole.struck[:3])
    part = simulate(Shop(), Case(9, tuple(range(4)), kept))
    assert set(part.struck) <= kept and What.KILL in {fault.what for fault in PLAN.faults}
