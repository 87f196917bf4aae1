"""Arguments: each step receives the expected input, from variables that are set by then."""

import json
import re

import pytest

from .machine import MACHINES, PARKING, RETURN_STEPS, STATES, TASKS, WAITS, Machine, State

VARIABLE = re.compile(r"\$(?!states\b)(\w+)")
TOKEN = "{% $states.context.Task.Token %}"
ORDER_ID, RETURN_ID = "order-1", "return-1"
INPUT = {"order_id": ORDER_ID, "return_id": RETURN_ID, "reason": "OUT_OF_STOCK"}


def ways(machine: Machine, name: str, known: frozenset[str] = frozenset()) -> list[tuple[str, frozenset[str]]]:
    """Every (state, variables set by then) on every way from here on, but not round a wait for a person."""
    state = machine.states[name]
    found = [(name, known)]
    for edge in [state, *state.get("Catch", [])]:
        if "Next" in edge and WAITS.get(edge["Next"]) != name:
            found += ways(machine, edge["Next"], known | set(edge.get("Assign", {})))
    return found


WAYS = [way for machine in MACHINES for way in ways(machine, machine.definition["StartAt"])]


@pytest.mark.parametrize("name", STATES)
def test_variable_is_set_on_every_path_to_its_use(name):
    used = set(VARIABLE.findall(json.dumps(STATES[name].get("Arguments", {}))))
    arrivals = [known for state, known in WAYS if state == name]
    assert arrivals
    assert all(used <= known for known in arrivals)


@pytest.fixture(scope="module")
def arguments(run_machine) -> dict[str, State]:
    """Return the arguments of all tasks, evaluated by the emulator after a state that sets the workflows' variables."""
    asked = {name: {k: v for k, v in _payload(name).items() if v != TOKEN} for name in TASKS}
    known = {k: v for machine in MACHINES for k, v in STATES[machine.definition["StartAt"]]["Assign"].items()}
    known |= {"failure": {"Error": "Broken"}, "refunded": 1250, "shortfall": "CAPTURED_LESS"}
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "Remember",
        "States": {
            "Remember": {"Type": "Pass", "Assign": known, "Next": "Say"},
            "Say": {"Type": "Pass", "Output": asked, "End": True},
        },
    }
    return run_machine(machine, INPUT)


@pytest.mark.parametrize("name", [name for name in TASKS if name not in ("CancelOrder", *PARKING, *RETURN_STEPS)])
def test_step_gets_only_the_order_id(arguments, name):
    reason = {"reason": "OUT_OF_STOCK"} if name == "ResumeShipment" else {}
    assert arguments[name] == {"order_id": ORDER_ID, **reason}


def test_cancel_step_gets_the_reason(arguments):
    assert arguments["CancelOrder"] == {"order_id": ORDER_ID, "reason": "OUT_OF_STOCK"}


@pytest.mark.parametrize("name", RETURN_STEPS)
def test_return_step_gets_the_return_id_and_the_refund(arguments, name):
    refunded = {"refunded": 1250, "shortfall": "CAPTURED_LESS"} if name == "CompleteReturn" else {}
    assert arguments[name] == {"order_id": ORDER_ID, "return_id": RETURN_ID, **refunded}


def test_refunded_amount_is_the_result_of_the_refund():
    assigned = STATES["RefundReturn"]["Assign"]
    assert assigned["refunded"] == "{% $states.result.refunded %}"
    assert assigned["shortfall"] == "{% $states.result.shortfall %}"


@pytest.mark.parametrize("name", PARKING)
def test_parked_order_names_the_error_and_the_state(arguments, name):
    body = arguments[name]["MessageBody"]
    assert (body["order_id"], body["failure"]) == (ORDER_ID, {"Error": "Broken"})
    assert ":execution:" in body["execution"]


@pytest.mark.parametrize("name", ["ShipOrder", *WAITS.values()])
def test_waiting_step_passes_a_task_token(name):
    assert STATES[name]["Resource"].endswith("lambda:invoke.waitForTaskToken")
    assert _payload(name)["task_token"] == TOKEN


def _payload(name: str) -> State:
    arguments = STATES[name]["Arguments"]
    return arguments.get("Payload", arguments)
