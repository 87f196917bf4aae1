"""What must hold for the workflows as a whole, read from their definitions."""

import importlib
import pkgutil

import pytest

import chalicelib
from chalicelib.orders.model import Reason
from infra.build.workflow_graph import function_of, lambda_timeout

from .machine import (
    COMPENSATIONS,
    END,
    LAMBDA_ERRORS,
    MACHINES,
    NOTHING_LEFT,
    PARKING,
    RECOVERY_ONLY,
    RESUME,
    RETURN,
    RETURN_STEPS,
    SAGA,
    STATES,
    TAKE_OVER,
    TASKS,
    UNANSWERED,
    UNDO,
    UNDOING,
    UNFILLED,
    WAITS,
    Machine,
    State,
)

BUILT_IN = {"States.ALL", *UNANSWERED, *LAMBDA_ERRORS}
HAPPY_PATH_TRANSITIONS = {"order_fulfilment": 5, "order_return": 4, "order_undo": 4}


def rules(state: State) -> list[State]:
    return state.get("Retry", []) + state.get("Catch", [])


def successors(state: State) -> list[str]:
    following = [state.get("Next"), *(catcher["Next"] for catcher in state.get("Catch", []))]
    return [name for name in following if name]


def chain(name: str) -> list[str]:
    """The states from here on as long as all goes well."""
    following = STATES[name].get("Next")
    return [name, *(chain(following) if following else [])]


def into_compensation(step: str) -> list[State]:
    """The catchers of a forward step, and of the state that waits in its place, that lead to an undo."""
    waits = WAITS.get(step)
    catchers = [*STATES[step]["Catch"], *(STATES[waits]["Catch"] if waits else [])]
    return [catcher for catcher in catchers if catcher["Next"] not in (step, waits)]


def exceptions_of_the_shop() -> set[str]:
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    found, waiting = set(), [Exception]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("chalicelib."):
            found.add(kind.__name__)
    return found


@pytest.mark.parametrize("name", STATES)
def test_error_name_is_an_exception_of_the_shop_or_built_in(name):
    named = {error for rule in rules(STATES[name]) for error in rule["ErrorEquals"]}
    assert named <= exceptions_of_the_shop() | BUILT_IN


@pytest.mark.parametrize("name", STATES)
def test_states_all_stands_alone_and_last_in_its_list(name):
    for key in ("Retry", "Catch"):
        found = [rule["ErrorEquals"] for rule in STATES[name].get(key, [])]
        assert all("States.ALL" not in errors for errors in found[:-1])
        assert not found or "States.ALL" not in found[-1] or found[-1] == ["States.ALL"]


@pytest.mark.parametrize("name", STATES)
def test_state_has_a_comment(name):
    assert STATES[name]["Comment"].strip()


@pytest.mark.parametrize("name", TASKS)
def test_failing_state_has_a_catcher(name):
    assert STATES[name]["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("name", TASKS)
def test_task_timeout_exceeds_that_of_its_function(name):
    limit = STATES[name]["TimeoutSeconds"]
    assert isinstance(limit, int)
    function = function_of(UNFILLED[name])
    if function:
        assert limit > lambda_timeout(function)


@pytest.mark.parametrize(("step", "waits"), WAITS.items())
def test_wait_for_a_person_leads_back_to_its_step(step, waits):
    """The step asks how things stand; neither an answer nor the time limit decides anything by itself."""
    ends = [STATES[waits], *(each for each in STATES[waits]["Catch"] if "States.Timeout" in each["ErrorEquals"])]
    assert [end["Next"] for end in ends] == [step, step]


def test_steps_call_functions_except_parking():
    assert {name for name in TASKS if not function_of(UNFILLED[name])} == set(PARKING)


@pytest.mark.parametrize("name", [name for name in TASKS if name not in PARKING])
def test_task_runs_the_function_of_its_own_name(name):
    assert function_of(UNFILLED[name]) == name


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_happy_path_has_few_transitions(machine):
    assert len(chain(machine.definition["StartAt"])) <= HAPPY_PATH_TRANSITIONS[machine.name]


def test_happy_path_takes_the_steps_in_order():
    assert chain(SAGA.definition["StartAt"]) == [*UNDO, "CompleteOrder"]
    assert chain(RETURN.definition["StartAt"]) == RETURN_STEPS
    assert chain(UNDOING.definition["StartAt"]) == [TAKE_OVER, RESUME, "CapturePayment", "CompleteOrder"]


@pytest.mark.parametrize("step", UNDO)
def test_failed_step_is_compensated_with_all_before_it_in_reverse(step):
    """The failed step too: it may have succeeded without our knowing."""
    done = list(UNDO)[: list(UNDO).index(step) + 1]
    expected = [UNDO[name] for name in reversed(done)] + ["CancelOrder"]
    for catcher in into_compensation(step):
        assert chain(catcher["Next"]) == expected


@pytest.mark.parametrize("step", UNDO)
def test_compensation_always_has_the_order_id_and_a_reason(step):
    for catcher in into_compensation(step):
        assert catcher["Assign"]["reason"] in set(Reason)
        assert step != SAGA.definition["StartAt"] or catcher["Assign"]["order_id"] == "{% $states.input.order_id %}"


@pytest.mark.parametrize(
    ("name", "parking"),
    [
        *((name, "ParkOrder") for name in [*COMPENSATIONS, "CompleteOrder"]),
        *((name, "ParkReturn") for name in RETURN_STEPS),
    ],
)
def test_unsettled_order_is_parked_for_a_person(name, parking):
    *_, catcher = STATES[name]["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert catcher["Assign"]["failure"] == "{% $states.errorOutput %}"
    assert chain(catcher["Next"]) == [parking, END]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_parked_order_fails_its_execution(machine):
    assert machine.states[END]["Type"] == "Fail"
    assert machine.states[END]["Comment"].strip()


@pytest.mark.parametrize("name", COMPENSATIONS)
def test_compensation_retries_every_error(name):
    assert all(rule["MaxAttempts"] for rule in STATES[name]["Retry"])
    assert STATES[name]["Retry"][-1]["ErrorEquals"] == ["States.ALL"]


def test_return_that_meets_a_dispute_ends_without_an_alarm():
    """The end of the dispute begins it again."""
    waiting, _ = STATES["RefundReturn"]["Catch"]
    assert (waiting["ErrorEquals"], waiting["Next"]) == (["PaymentDisputed"], "AwaitDispute")
    assert STATES["AwaitDispute"]["Type"] == "Succeed"


def test_return_retries_every_error_except_a_dispute():
    never = {name: [rule for rule in STATES[name]["Retry"] if not rule["MaxAttempts"]] for name in RETURN_STEPS}
    assert [rule["ErrorEquals"] for rule in never.pop("RefundReturn")] == [["PaymentDisputed"]]
    assert not any(never.values())


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_transitions_stay_inside_the_state_machine(machine):
    leads_to = {name for state in machine.states.values() for name in successors(state)}
    assert {machine.definition["StartAt"]} | leads_to == set(machine.states)


def test_recovery_takes_the_sagas_states_and_has_few_of_its_own():
    assert set(UNDOING.states) == RECOVERY_ONLY | reached(SAGA, "CapturePayment")
    for name in reached(SAGA, "CapturePayment"):
        assert UNDOING.states[name] == SAGA.states[name]
        assert UNDOING.unfilled[name] == SAGA.unfilled[name]


def test_recovery_compensates_from_the_last_steps_undo_on():
    """This covers every state in which the saga may have ended."""
    back = [catcher["Next"] for catcher in STATES[RESUME]["Catch"] if catcher["Next"] != "ParkOrder"]
    assert set(back) == {NOTHING_LEFT, "RefundPayment"}
    assert chain("RefundPayment") == [*reversed(UNDO.values()), "CancelOrder"]


def test_recovery_parks_what_it_cannot_decide():
    """An outage is no reason to bring a parcel back that has left."""
    last = STATES[RESUME]["Catch"][-1]
    assert (last["ErrorEquals"], last["Next"]) == (["States.ALL"], "ParkOrder")


def test_recovery_ends_its_wait_for_what_the_saga_ends_it_for():
    def final(name):
        return {error for rule in STATES[name]["Retry"] if not rule["MaxAttempts"] for error in rule["ErrorEquals"]}

    assert final(RESUME) == final("ShipOrder") | {"OrderEnded"}


def test_undo_workflow_has_the_variables_of_the_saga():
    start = UNDOING.states[UNDOING.definition["StartAt"]]
    assert start["Assign"] == {"order_id": "{% $states.input.order_id %}", "reason": "{% $states.input.reason %}"}


@pytest.mark.parametrize(
    ("machine", "known"),
    [
        (SAGA, {"CompleteOrder", "CancelOrder", END}),
        (RETURN, {"CompleteReturn", "AwaitDispute", END}),
        (UNDOING, {"CompleteOrder", "CancelOrder", NOTHING_LEFT, END}),
    ],
)
def test_state_machine_has_only_known_ends(machine, known):
    ends = {name for name, state in machine.states.items() if state.get("End") or state["Type"] in ("Fail", "Succeed")}
    assert ends == known


def reached(machine: Machine, start: str = "") -> set[str]:
    found: set[str] = set()
    waiting = [start or machine.definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += successors(machine.states[name])
    return found
