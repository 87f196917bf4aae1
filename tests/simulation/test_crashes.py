"""Crash points: a function that dies before or after any of its calls leaves an order that still ends well."""

import pytest

from chalicelib.inventory.store import InventoryStore
from testbed.crashes import PLANS, Point, crashed, pairs, points
from testbed.shop.application import Shop
from testbed.shop.scenarios import SCENARIOS, case_of

EVERY = 60
"""Of the points, one in so many is tried here; `make crashes` tries all."""
FIRST_EVERY, PAIRS_EVERY = 7, 25


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_order_ends_well_wherever_a_function_dies(scenario):
    case = case_of(scenario)
    found = points(Shop(), case)
    tried = found[list(SCENARIOS).index(scenario) :: EVERY]
    broken = {str(point): problems for point in tried if (problems := crashed(Shop(), case, point).problems)}
    print(f"{scenario}: {len(tried)} of {len(found)} crash points")
    assert not broken
    assert len(found) > 200 and {point.when for point in found} == set(PLANS)


def test_order_ends_well_if_steps_of_its_saga_die_twice():
    case, steps = case_of("returned"), ("CapturePayment", "CompleteOrder", "RefundReturn")
    found = list(pairs(Shop(), case, steps, FIRST_EVERY))
    tried = found[::PAIRS_EVERY]
    broken = {
        f"{one} and {other}": problems
        for one, other in tried
        if (problems := crashed(Shop(), case, one, other).problems)
    }
    print(f"{len(tried)} of {len(found)} pairs of crashes")
    assert not broken and len(found) > 70


def test_crash_strikes_the_call_that_it_names_and_the_work_is_delivered_again():
    case = case_of("bought")
    point = next(point for point in points(Shop(), case) if point.task.startswith("CapturePayment"))
    result = crashed(Shop(), case, point)
    assert result.struck == (point.fault,)
    assert any(call.startswith(f"{point.task}~2#") for call in result.calls)
    assert [each.status for each in result.record.outcomes] == ["COMPLETED"]


def test_dead_process_makes_no_further_call():
    case = case_of("bought")
    point = Point(next(p.task for p in points(Shop(), case) if p.task.startswith("ReserveInventory")), 1, "after")
    calls = crashed(Shop(), case, point).calls
    assert [call for call in calls if call.startswith(f"{point.task}#")] == [f"{point.task}#1"]


def test_lost_protection_is_found_by_a_crash(monkeypatch):
    """Without the condition on its own item, a return is restocked again, and finds no units that were sold."""
    monkeypatch.setattr(InventoryStore, "_new", lambda store, item: {"TableName": store._table, "Item": item})
    case = case_of("returned")
    found = [point for point in points(Shop(), case) if point.task.startswith("RestockReturn")]
    broken = [problem for point in found for problem in crashed(Shop(), case, point).problems]
    assert any(problem.startswith("Every order ends") for problem in broken)
