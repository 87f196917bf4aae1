"""Patience: how long each state retries at most, compared with the limits of the reservation, the card and the order.

A sum takes every policy of a state at its longest, one after the other, without jitter
(`infra/build/workflow_graph.py`).
"""

import pytest

from infra.build.template import merged_template
from infra.build.workflow_graph import all_workflows, function_of, lambda_timeout, waits

from .machine import (
    COMPENSATIONS,
    LAMBDA_ERRORS,
    PARKING,
    PROVIDER_ERRORS,
    RESUME,
    RETURN_STEPS,
    STATES,
    TASKS,
    UNDO,
    UNFILLED,
    WAITS,
    State,
)

WORKFLOWS = all_workflows()
MINUTE, DAY = 60, 24 * 3600
PARAMETERS = {name: each.get("Default") for name, each in merged_template("prod")["Parameters"].items()}
CARD_HOLD_SECONDS = 7 * DAY
"""How long a card's authorization can be captured: docs.stripe.com/payments/place-a-hold-on-a-payment-method."""
LONGEST_HISTORY = 25_000
"""Events of one execution: AWS Step Functions developer guide, "Service quotas", execution history."""
EVENTS_PER_ATTEMPT = 5
"""Scheduled, started, submitted, ended; and the events of the state itself."""

AFTER_DISPATCH = ["CapturePayment", "CompleteOrder"]
BEFORE_DISPATCH = ["ReserveInventory", "AuthorizePayment", "AwaitBuyer", "ShipOrder"]
WAITING = ["AwaitBuyer", "ShipOrder", RESUME]
"""Their time limit is that of a person or of the warehouse."""
MOVES_MONEY = ["AuthorizePayment", "CapturePayment", "RefundPayment", "VoidPayment", "RefundReturn"]
MUST_SUCCEED = [*COMPENSATIONS, *RETURN_STEPS, *AFTER_DISPATCH, RESUME]


def policies(name: str) -> list[State]:
    """Return the policies that retry, without the one by which a state looks again whether to wait on."""
    repeated = [rule for rule in STATES[name]["Retry"] if rule["MaxAttempts"]]
    return [rule for rule in repeated if name not in WAITING or rule["ErrorEquals"] != ["States.Timeout"]]


def policy(name: str, error: str) -> State:
    """Return the first policy that names the error, which decides alone."""
    return next(rule for rule in STATES[name]["Retry"] if {error, "States.ALL"} & set(rule["ErrorEquals"]))


def retries(name: str) -> float:
    """Return the seconds that pass at most until the last attempt begins, without the time of the warehouse."""
    workflow = next(each for each in WORKFLOWS if name in each.states)
    return workflow.budget(name).retries - workflow.wait_limits.get(name, 0)


def longest(name: str) -> float:
    """Return the seconds that a state takes at most."""
    return retries(name) + STATES[name]["TimeoutSeconds"]


def until_dispatch_is_settled() -> float:
    """Return the seconds from the reservation to its commitment, which is the first thing that ShipOrder does."""
    return 2 * longest("AuthorizePayment") + longest("AwaitBuyer") + retries("ShipOrder") + lambda_timeout("ShipOrder")


@pytest.mark.parametrize("name", [name for name in TASKS if function_of(UNFILLED[name])])
def test_throttled_or_failing_lambda_has_a_policy_of_minutes(name):
    for error in LAMBDA_ERRORS:
        rule = policy(name, error)
        assert rule["ErrorEquals"] == LAMBDA_ERRORS
        assert waits(rule) / 2 > 5 * MINUTE, "full jitter waits half of it on average"


@pytest.mark.parametrize("name", MOVES_MONEY)
def test_outage_of_the_payment_provider_has_a_policy_of_minutes(name):
    for error in PROVIDER_ERRORS:
        rule = policy(name, error)
        assert rule["ErrorEquals"] == PROVIDER_ERRORS
        assert waits(rule) / 2 > (20 if name in MUST_SUCCEED or name == "VoidPayment" else 3) * MINUTE


@pytest.mark.parametrize("name", ["ReserveInventory", "AuthorizePayment"])
def test_step_without_an_answer_counts_its_attempts_apart(name):
    """Each of its attempts takes as long as the time limit."""
    rule = policy(name, "States.Timeout")
    assert {"Lambda.Unknown", "Sandbox.Timedout"} < set(rule["ErrorEquals"])
    assert rule != policy(name, "AnyError")


@pytest.mark.parametrize("name", TASKS)
def test_retries_grow_and_are_spread(name):
    for rule in policies(name):
        assert rule["JitterStrategy"] == "FULL"
        assert rule["BackoffRate"] > 1


@pytest.mark.parametrize("name", MUST_SUCCEED)
def test_compensation_is_retried_longer_than_steps_before_it(name):
    for error in (LAMBDA_ERRORS[0], "AnyError"):
        assert waits(policy(name, error)) > 4 * max(waits(policy(forward, error)) for forward in BEFORE_DISPATCH)


def test_reservation_outlasts_all_retries_until_the_order_ships():
    assert until_dispatch_is_settled() < PARAMETERS["ReservationSeconds"]


def test_card_authorization_outlasts_the_wait_for_the_warehouse_and_the_capture():
    warehouse = PARAMETERS["WarehouseTimeoutSeconds"] + PARAMETERS["WarehouseHeartbeatSeconds"]
    assert retries("ShipOrder") + warehouse + longest("CapturePayment") < CARD_HOLD_SECONDS


def test_order_deadline_outlasts_every_way_through_the_saga():
    queue = merged_template("prod")["Resources"]["FulfilmentQueue"]["Properties"]
    start = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]
    warehouse = PARAMETERS["WarehouseTimeoutSeconds"] + PARAMETERS["WarehouseHeartbeatSeconds"]
    shipped = start + longest("ReserveInventory") + until_dispatch_is_settled() + warehouse + longest("CapturePayment")
    undone = sum(longest(name) for name in COMPENSATIONS)
    assert shipped + max(longest("CompleteOrder"), undone) < PARAMETERS["OrderDeadlineSeconds"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_execution_ends_before_the_cards_authorization_does(workflow):
    assert workflow.definition["TimeoutSeconds"] <= CARD_HOLD_SECONDS


def test_buyers_time_to_confirm_is_their_own():
    assert lambda_timeout("AwaitBuyer") < STATES["AwaitBuyer"]["TimeoutSeconds"]


def test_wait_for_the_warehouse_looks_again_until_its_time_limit():
    assert UNFILLED["ShipOrder"]["TimeoutSeconds"] == "${WarehouseHeartbeatSeconds}"
    heartbeat, limit = PARAMETERS["WarehouseHeartbeatSeconds"], PARAMETERS["WarehouseTimeoutSeconds"]
    assert lambda_timeout("ShipOrder") < heartbeat < limit
    assert policy("ShipOrder", "States.Timeout")["MaxAttempts"] * heartbeat > limit


def test_attempts_of_a_state_fit_into_one_execution():
    attempts = sum(
        rule["MaxAttempts"] * (2 if name in WAITS else 1)
        for name in {*BEFORE_DISPATCH, *UNDO.values(), "CancelOrder", *AFTER_DISPATCH, *PARKING}
        for rule in STATES[name]["Retry"]
    )
    assert attempts * EVENTS_PER_ATTEMPT < LONGEST_HISTORY
