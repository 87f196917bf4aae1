"""The workflows' behaviour, state by state, run by the emulator's TestState: where success and each failure lead.

The tables say what they must do; the last test compares them with the definition, so that neither a state nor an
edge is without a row.
"""

import copy

import pytest

from .machine import (
    COMPENSATIONS,
    END,
    LAMBDA_ERRORS,
    PARKING,
    PROVIDER_ERRORS,
    RECOVERY_ONLY,
    RETURN,
    RETURN_STEPS,
    SAGA,
    STATES,
    TASKS,
    UNANSWERED,
    UNDOING,
    State,
)

pytestmark = pytest.mark.takes_long

FORWARD = ["ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder"]
HAPPY_PATHS = {
    "order_fulfilment": FORWARD,
    "order_return": RETURN_STEPS,
    "order_undo": ["TakeOver", "ResumeShipment", "CapturePayment", "CompleteOrder"],
}
UNDO_PATH = ["RefundPayment", "RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder"]

ANY = "States.ALL"
OUTAGE = "Lambda.ServiceException"
REFUSALS = ["CancellationRequested", "IllegalTransition"]
WAREHOUSE_FAILS = ["ShipmentRefused", "WarehouseSilent", "States.Timeout"]


def undo_from(step: str) -> list[str]:
    return UNDO_PATH[UNDO_PATH.index(step) :]


ON_FAILURE = [
    ("ReserveInventory", ["OutOfStock"], undo_from("ReleaseInventory"), "OUT_OF_STOCK"),
    ("ReserveInventory", [ANY, OUTAGE, *REFUSALS], undo_from("ReleaseInventory"), "FULFILMENT_FAILED"),
    ("AuthorizePayment", ["BuyerActionRequired"], ["AwaitBuyer", *FORWARD[1:]], None),
    ("AuthorizePayment", ["PaymentDeclined"], undo_from("VoidPayment"), "PAYMENT_DECLINED"),
    ("AuthorizePayment", [ANY, OUTAGE, "PaymentEnded", *REFUSALS], undo_from("VoidPayment"), "FULFILMENT_FAILED"),
    ("AwaitBuyer", ["States.Timeout"], FORWARD[1:], None),
    ("AwaitBuyer", [ANY, OUTAGE, "PaymentEnded", *REFUSALS], undo_from("VoidPayment"), "FULFILMENT_FAILED"),
    ("ShipOrder", WAREHOUSE_FAILS, undo_from("RecallShipment"), "SHIPPING_FAILED"),
    ("ShipOrder", [ANY, OUTAGE, *REFUSALS], undo_from("RecallShipment"), "FULFILMENT_FAILED"),
    ("CapturePayment", [ANY, OUTAGE, "PaymentEnded"], UNDO_PATH, "FULFILMENT_FAILED"),
    ("ResumeShipment", ["OrderEnded"], ["NothingLeft"], None),
    ("ResumeShipment", WAREHOUSE_FAILS, UNDO_PATH, "SHIPPING_FAILED"),
    ("ResumeShipment", ["ShipmentEnded", "ReservationEnded", *REFUSALS], UNDO_PATH, None),
    ("ResumeShipment", [ANY, OUTAGE, "OrderNotFound"], ["ParkOrder", END], None),
    *((name, [ANY, OUTAGE, "PaymentEnded"], ["ParkOrder", END], None) for name in ("CompleteOrder", *COMPENSATIONS)),
    ("RefundReturn", ["PaymentDisputed"], ["AwaitDispute"], None),
    *((name, [ANY, OUTAGE, "PaymentEnded"], ["ParkReturn", END], None) for name in RETURN_STEPS),
    *((name, [ANY, "SQS.QueueDoesNotExistException"], [END], None) for name in PARKING),
]

NEVER_AGAIN = {
    "ReserveInventory": {"OutOfStock", "ReservationEnded", "OrderNotFound", *REFUSALS},
    "AuthorizePayment": {"BuyerActionRequired", "PaymentDeclined", "PaymentEnded", *REFUSALS},
    "AwaitBuyer": {"CancellationRequested", "PaymentEnded", "States.Timeout"},
    "ShipOrder": {"ShipmentRefused", "ShipmentEnded", "WarehouseSilent", "ReservationEnded", *REFUSALS},
    "ResumeShipment": {
        *("OrderEnded", "ShipmentRefused", "ShipmentEnded", "WarehouseSilent", "ReservationEnded"),
        *REFUSALS,
    },
    "CapturePayment": {"PaymentEnded"},
    "RefundReturn": {"PaymentDisputed"},
}
"""Business errors: what refuses for a reason, which a retry does not change."""

UNDONE_IF_THEY_FAIL = ["ReserveInventory", "AuthorizePayment", "AwaitBuyer", "ShipOrder"]
MUST_SUCCEED = ["ResumeShipment", "CapturePayment", "CompleteOrder", *COMPENSATIONS, *RETURN_STEPS]
MOVE_MONEY_BACK_OR_ON = ["CapturePayment", "RefundPayment", "VoidPayment", "RefundReturn"]
WAITING = ["ShipOrder", "ResumeShipment"]
"""A step that waits for the warehouse looks again and again whether to wait on."""


PATIENCE = [
    (UNDONE_IF_THEY_FAIL, LAMBDA_ERRORS, 40),
    (["AuthorizePayment"], PROVIDER_ERRORS, 10),
    (["ReserveInventory", "AuthorizePayment"], UNANSWERED, 4),
    (UNDONE_IF_THEY_FAIL, ["AnyOtherError"], 6),
    (MUST_SUCCEED, LAMBDA_ERRORS, 60),
    (MOVE_MONEY_BACK_OR_ON, PROVIDER_ERRORS, 12),
    ([*MUST_SUCCEED, *PARKING], ["AnyOtherError"], 8),
    (WAITING, ["States.Timeout"], 1000),
]
"""Steps, errors and the number of retries."""


def with_reasons(state: State) -> State:
    """Append each catcher's reason to its next state: TestState returns only that, and it must identify the catcher."""
    marked = copy.deepcopy(state)
    for catcher in marked.get("Catch", []):
        catcher["Next"] = f"{catcher['Next']} {catcher.get('Assign', {}).get('reason')}"
    return marked


def without_catch(state: State) -> State:
    """Return the state without catchers, to test its retries: the emulator's TestState catches first, unlike AWS."""
    return {key: value for key, value in state.items() if key != "Catch"}


def walked(run_state, name: str | None) -> list[str]:
    """Return the states from here to the end of the happy path."""
    path = []
    while name:
        path.append(name)
        name = run_state(STATES[name]).get("nextState")
    return path


@pytest.mark.parametrize("machine", [SAGA, RETURN, UNDOING], ids=lambda machine: machine.name)
def test_workflow_runs_its_steps_in_order_when_all_goes_well(run_state, machine):
    assert walked(run_state, machine.definition["StartAt"]) == HAPPY_PATHS[machine.name]


@pytest.mark.parametrize(
    ("name", "errors", "path", "reason"), ON_FAILURE, ids=[f"{name}-{errors[0]}" for name, errors, *_ in ON_FAILURE]
)
def test_failure_leads_to_its_compensation_with_its_reason(run_state, name, errors, path, reason):
    for error in errors:
        answer = run_state(with_reasons(STATES[name]), error)
        assert (answer["status"], answer["error"]) == ("CAUGHT_ERROR", error)
        assert answer["nextState"] == f"{path[0]} {reason}", error
    assert walked(run_state, path[0]) == path


@pytest.mark.parametrize("name", NEVER_AGAIN)
def test_business_error_is_not_retried(run_state, name):
    for error in NEVER_AGAIN[name]:
        assert run_state(without_catch(STATES[name]), error)["status"] == "FAILED", error


@pytest.mark.parametrize(("names", "errors", "attempts"), PATIENCE, ids=[f"{n[0]}-{e[0]}" for n, e, _ in PATIENCE])
def test_outage_is_retried_until_the_attempts_are_used_up(run_state, names, errors, attempts):
    for name in names:
        state = without_catch(STATES[name])
        for error in errors:
            answers = [run_state(state, error, retries=number)["status"] for number in (0, attempts - 1, attempts)]
            assert answers == ["RETRIABLE", "RETRIABLE", "FAILED"], (name, error)


@pytest.mark.parametrize(
    ("machine", "error"),
    [(SAGA, "CompensationExhausted"), (UNDOING, "CompensationExhausted"), (RETURN, "ReturnUnsettled")],
    ids=lambda each: getattr(each, "name", each),
)
def test_unsettled_order_fails_its_execution(run_state, machine, error):
    answer = run_state(machine.states[END])
    assert (answer["status"], answer["error"]) == ("FAILED", error)


def test_tables_have_a_row_for_every_state_and_edge():
    """Other errors than those that a state names meet its `States.ALL`, in `Retry` as in `Catch`."""
    shared = {END}
    assert len(STATES) == len(SAGA.states) + len(RETURN.states) + len(RECOVERY_ONLY) - len(shared)
    assert {name for names, *_ in PATIENCE for name in names} == set(TASKS)
    caught = {(name, error) for name, errors, *_ in ON_FAILURE for error in errors}
    assert {(name, error) for name, state in STATES.items() for error in _names(state, "Catch")} <= caught
    for name, state in STATES.items():
        patient = {error for names, errors, _ in PATIENCE if name in names for error in errors} - {"AnyOtherError"}
        assert set(_names(state, "Retry")) - {ANY} == {*NEVER_AGAIN.get(name, ()), *patient}, name


def _names(state: State, rules: str) -> list[str]:
    return [error for rule in state.get(rules, []) for error in rule["ErrorEquals"]]
