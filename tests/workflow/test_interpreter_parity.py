"""The test bed's interpreter against the emulator's and moto's, on each state and error name of the shipped workflows.

Each state runs by itself between a state that sets all variables and stubs that return them. What differs for a reason
stands in `test_interpreter_differences.py`.
"""

import copy
import json
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from random import Random

import networkx
import pytest

from testbed import coverage
from testbed.workflows import Event, ExecutionFailed, Failure, Success, Workflow
from testbed.workflows.virtual_time import VirtualTime

from .interpreters import run_emulator, run_moto, run_test_bed
from .machine import END, RETURN, SAGA, STATES, UNDOING, machine

pytestmark = pytest.mark.takes_long

IMPORT = machine("import_small")
SHIPPED = {**STATES, **IMPORT.states}
GIVEN = {"order_id": "o2", "return_id": "r2", "reason": "GIVEN", "key": "k2", "etag": "e2", "batches": [1]}
BEFORE = {
    **{name: "before" for name in ("order_id", "return_id", "reason", "refunded", "shortfall", "key", "etag")},
    "failure": {"Error": "before"},
}
RESULTS = {"RefundReturn": {"refunded": 12, "shortfall": None}, "ReadImport": {"batches": [1]}}
ATTEMPTS = 8
"""Retries under each policy. `test_states.py` counts those of the shipped definitions."""
LONGEST_OF_THE_EMULATOR = 60


def alone(name):
    """Return a workflow of this state. Its stubs return their name, their input and all variables."""
    state = copy.deepcopy(SHIPPED[name])
    if state.pop("End", None):
        state["Next"] = "TheEnd"
    found = {"input": "{% $states.input %}", **{variable: f"{{% ${variable} %}}" for variable in BEFORE}}
    following = {way["Next"] for way in [state, *state.get("Catch", [])] if "Next" in way}
    stubs = {each: {"Type": "Pass", "Output": {"at": each, **found}, "End": True} for each in following}
    begin = {"Type": "Pass", "Assign": BEFORE, "Next": name}
    workflow = {"QueryLanguage": "JSONata", "StartAt": "Begin", "States": {"Begin": begin, name: state, **stubs}}
    return with_retries(workflow, lambda rule: rule["MaxAttempts"], "MaxAttempts", ATTEMPTS)


def with_retries(value, field, name, limit):
    """Return the definition with a limit on one field of all its retry policies."""
    changed = copy.deepcopy(value)
    for state in changed["States"].values():
        for rule in state.get("Retry", []):
            rule[name] = min(field(rule), limit)
        if "ItemProcessor" in state:
            state["ItemProcessor"] = with_retries(state["ItemProcessor"], field, name, limit)
    return changed


def as_the_emulator_reads(workflow):
    """The emulator waits for 60 seconds at most, MaxDelaySeconds or not."""
    return with_retries(workflow, lambda rule: LONGEST_OF_THE_EMULATOR, "MaxDelaySeconds", LONGEST_OF_THE_EMULATOR)


def errors_of(name):
    state = SHIPPED[name]
    inside = state.get("ItemProcessor", {}).get("States", {}).values()
    rules = [rule for each in (state, *inside) for key in ("Retry", "Catch") for rule in each.get(key, [])]
    named = {error for rule in rules for error in rule["ErrorEquals"]} - {"States.ALL"}
    return [None, *sorted(named), "AnyOtherError"] if rules else [None]


def fails(error, times, name):
    """Return outcomes of a state: so many failures, then success."""
    result = Success(RESULTS.get(name, "done"))
    return lambda state, call: Failure(error, f'a "{error}"') if error and call < times else result


def assert_same(workflow, given, outcomes):
    """Run it by all three. The emulator's history lacks the states inside a Map."""
    expected = run_test_bed(workflow, given, outcomes)
    assert run_moto(workflow, given, outcomes) == expected
    emulated = run_emulator(workflow, given, outcomes)
    assert (emulated.calls, emulated.end) == (expected.calls, expected.end)
    assert emulated.states == [state for state in expected.states if state in workflow["States"]]
    assert emulated.pauses == run_test_bed(as_the_emulator_reads(workflow), given, outcomes).pauses
    return expected


@pytest.mark.parametrize("name", SHIPPED)
def test_state_ends_alike_in_all_three_interpreters(name):
    workflow = alone(name)
    for error in errors_of(name):
        for times in (1, 99) if error else (0,):
            assert assert_same(workflow, GIVEN, fails(error, times, name)).states[1] == name, error


@pytest.mark.parametrize("name", [name for name in STATES if "Retry" in STATES[name]])
def test_state_is_retried_and_caught_as_test_state_says(name):
    """The emulator's TestState catches first, unlike AWS, and ignores variables: Retry and Catch are compared apart."""
    from ministack.services import stepfunctions

    def ask(left_out, error, retries=0):
        state = {"QueryLanguage": "JSONata", **{key: value for key, value in STATES[name].items() if key != left_out}}
        _, _, body = stepfunctions._test_state(
            {
                "definition": json.dumps(state),
                "input": json.dumps(GIVEN),
                "inspectionLevel": "DEBUG",
                "mock": {"errorOutput": {"error": error, "cause": "a test"}},
                "stateConfiguration": {"retrierRetryCount": retries},
            }
        )
        return json.loads(body)

    for error in errors_of(name)[1:]:
        trace = run_test_bed(alone(name), GIVEN, fails(error, 99, name))
        caught, retried = ask("Retry", error), ask("Catch", error)
        assert (caught["status"], caught["nextState"]) == ("CAUGHT_ERROR", trace.states[-1])
        assert retried["status"] == ("RETRIABLE" if trace.pauses else "FAILED")
        if trace.pauses:
            details = [ask("Catch", error, number)["inspectionData"]["errorDetails"] for number in range(3)]
            assert [each["retryBackoffIntervalSeconds"] for each in details] == trace.pauses[:3]


def script(**outcomes):
    """Return outcomes by state, in the order of its calls: names of errors, or '' for success; the last one stays."""

    def outcome_of(state, call):
        errors = outcomes.get(state, ("",))
        error = errors[min(call, len(errors) - 1)]
        return Failure(error, "a test") if error else Success(RESULTS.get(state, "done"))

    return outcome_of


STORIES = {
    "all goes well": (SAGA, script(), ["CompleteOrder"]),
    "throttled, then out of stock": (
        SAGA,
        script(ReserveInventory=("Lambda.TooManyRequestsException", "Broken", "OutOfStock")),
        ["ReserveInventory", "ReleaseInventory", "CancelOrder"],
    ),
    "the buyer confirms in the second attempt": (
        SAGA,
        script(AuthorizePayment=("BuyerActionRequired", "PaymentProviderFailed", ""), AwaitBuyer=("States.Timeout",)),
        ["AwaitBuyer", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder"],
    ),
    "each entry of a state retries again": (
        SAGA,
        script(AuthorizePayment=(*["Broken"] * 6, "BuyerActionRequired", *["Broken"] * 6, "PaymentDeclined")),
        ["AwaitBuyer", "AuthorizePayment", "VoidPayment", "ReleaseInventory", "CancelOrder"],
    ),
    "refunded and recalled": (
        SAGA,
        script(ShipOrder=("States.Timeout", "Broken", ""), CapturePayment=("PaymentEnded",)),
        ["RefundPayment", "RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder"],
    ),
    "parked": (SAGA, script(CompleteOrder=("Broken",)), ["CompleteOrder", "ParkOrder", END]),
    "parking fails": (SAGA, script(CompleteOrder=("Broken",), ParkOrder=("SQS.SqsException",)), ["ParkOrder", END]),
    "returned": (RETURN, script(RefundReturn=("PaymentProviderFailed", "")), ["RestockReturn", "CompleteReturn"]),
    "disputed": (RETURN, script(RefundReturn=("PaymentDisputed",)), ["RefundReturn", "AwaitDispute"]),
    "recovered": (UNDOING, script(ResumeShipment=("ShipmentEnded",)), ["RefundPayment", "RecallShipment"]),
    "imported": (IMPORT, script(WriteBatch=("Broken", "")), ["ReadImport", "WriteBatches", "WriteBatch"]),
    "left to the queue": (IMPORT, script(WriteBatch=("FileRefused",)), ["WriteBatch", "UseQueue", "LeftToQueue"]),
}


@pytest.mark.parametrize("story", STORIES)
def test_shipped_workflow_runs_alike_in_all_three_interpreters(story):
    shipped, outcomes, path = STORIES[story]
    states = assert_same(shipped.definition, GIVEN, outcomes).states
    assert any(states[start : start + len(path)] == path for start in range(len(states))), states


def edges_taken(shipped, errors):
    """Return the edges that an execution takes when these states fail, each in its first visit."""
    taken, visits, time = set(), Counter(), VirtualTime(lambda call: outcome(call.state))

    def outcome(state):
        fails = state in errors and visits[state] == 1
        return Failure(errors[state], "a test") if fails else Success(RESULTS.get(state, "done"))

    def note(event, state, **details):
        visits.update([state] if event is Event.ENTERED else [])
        if event is Event.EDGE:
            taken.add(coverage.Edge(shipped.name, state, **details))

    with suppress(ExecutionFailed):
        time.run(Workflow(shipped.name, shipped.definition).run(GIVEN, "one", Random(1), time.clock, note))
    return taken


@pytest.mark.parametrize("shipped", [SAGA, RETURN, UNDOING, IMPORT], ids=lambda shipped: shipped.name)
def test_interpreter_takes_each_edge_as_the_coverage_names_it(shipped):
    edges = [edge for edge in coverage.edges(shipped.name, shipped.definition) if edge.source != coverage.START]
    graph = networkx.DiGraph((edge.source, edge.target, {"edge": edge}) for edge in reversed(edges))
    taken = set()
    for edge in edges:
        path = networkx.shortest_path(graph, shipped.definition["StartAt"], edge.source)
        way = [edge, *(graph.edges[step]["edge"] for step in pairwise(path))]
        inside = {name: each["StartAt"] for name in path for each in coverage.inside(shipped.states.get(name, {}))}
        causes = {inside.get(each.source, each.source): each.cause for each in way if each.cause}
        errors = {state: "AnyError" if cause == "States.ALL" else cause for state, cause in causes.items()}
        found = edges_taken(shipped, errors)
        assert edge in found
        taken |= found
    assert taken == set(coverage.edges(shipped.name, shipped.definition))
