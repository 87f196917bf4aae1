"""Each state of the workflows, alone, run by the engine's TestState: where success and each failure lead.

The tables say what they must do; tests at the end compare them with the definition, so that
neither a state nor an edge is without a row.
"""

import copy

import pytest

from .machine import (
    COMPENSATIONS,
    END,
    PARALLEL,
    PARKING,
    RECOVERY_ONLY,
    RETURN,
    RETURN_STEPS,
    SAGA,
    STATES,
    UNDOING,
    State,
)

ON_SUCCESS = {
    "ReserveInventory": "AuthorizePayment",
    "AuthorizePayment": "FulfillOrder",
    "AwaitBuyer": "AuthorizePayment",
    "FulfillOrder": "CapturePayment",
    "ShipOrder": None,
    "SendConfirmation": None,
    "ConfirmationNotSent": None,
    "CapturePayment": "CompleteOrder",
    "CompleteOrder": None,
    "RefundPayment": "RecallShipment",
    "RecallShipment": "VoidPayment",
    "VoidPayment": "ReleaseInventory",
    "ReleaseInventory": "CancelOrder",
    "CancelOrder": None,
    "ParkOrder": END,
    "RefundReturn": "RestockReturn",
    "AwaitDispute": None,
    "RestockReturn": "CompleteReturn",
    "CompleteReturn": None,
    "ParkReturn": END,
    "TakeOver": "ResumeShipment",
    "ResumeShipment": "CapturePayment",
    "NothingLeft": None,
}

ANY = "States.ALL"
OUTAGES = [
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Runtime.ExitError",
    "ClientError",
]

ON_FAILURE = [
    ("ReserveInventory", ["OutOfStock"], "ReleaseInventory", "OUT_OF_STOCK"),
    (
        "ReserveInventory",
        [ANY, "ReservationEnded", "OrderNotFound", "CancellationRequested", "IllegalTransition", *OUTAGES],
        "ReleaseInventory",
        "FULFILMENT_FAILED",
    ),
    ("AuthorizePayment", ["BuyerActionRequired"], "AwaitBuyer", None),
    ("AuthorizePayment", ["PaymentDeclined"], "VoidPayment", "PAYMENT_DECLINED"),
    (
        "AuthorizePayment",
        [ANY, "PaymentEnded", "CancellationRequested", "IllegalTransition", *OUTAGES],
        "VoidPayment",
        "FULFILMENT_FAILED",
    ),
    ("AwaitBuyer", ["States.Timeout"], "AuthorizePayment", None),
    (
        "AwaitBuyer",
        [ANY, "CancellationRequested", "PaymentEnded", *(outage for outage in OUTAGES if outage != "States.Timeout")],
        "VoidPayment",
        "FULFILMENT_FAILED",
    ),
    (
        "FulfillOrder",
        ["ShipmentRefused", "WarehouseSilent", "States.Timeout"],
        "RecallShipment",
        "SHIPPING_FAILED",
    ),
    (
        "FulfillOrder",
        [
            ANY,
            "ShipmentEnded",
            "ReservationEnded",
            "CancellationRequested",
            "IllegalTransition",
            "States.BranchFailed",
            "ClientError",
        ],
        "RecallShipment",
        "FULFILMENT_FAILED",
    ),
    ("ResumeShipment", ["OrderEnded"], "NothingLeft", None),
    ("ResumeShipment", ["ShipmentRefused", "WarehouseSilent", "States.Timeout"], "RefundPayment", "SHIPPING_FAILED"),
    (
        "ResumeShipment",
        ["ShipmentEnded", "ReservationEnded", "CancellationRequested", "IllegalTransition"],
        "RefundPayment",
        None,
    ),
    ("ResumeShipment", [ANY, "ClientError", "OrderNotFound"], "ParkOrder", None),
    ("SendConfirmation", [ANY, "OrderNotFound", *OUTAGES], "ConfirmationNotSent", None),
    ("CapturePayment", [ANY, "PaymentEnded", *OUTAGES], "RefundPayment", "FULFILMENT_FAILED"),
    ("CompleteOrder", [ANY, "ReservationEnded", "IllegalTransition", *OUTAGES], "ParkOrder", None),
    *((name, [ANY, "PaymentEnded", "IllegalTransition", *OUTAGES], "ParkOrder", None) for name in COMPENSATIONS),
    ("RefundReturn", ["PaymentDisputed"], "AwaitDispute", None),
    *((name, [ANY, "PaymentEnded", "IllegalTransition", *OUTAGES], "ParkReturn", None) for name in RETURN_STEPS),
    *((name, [ANY, "SQS.QueueDoesNotExistException", "States.Timeout"], END, None) for name in PARKING),
]
CAUGHT = [(state, error, *rest) for state, errors, *rest in ON_FAILURE for error in errors]

NEVER_AGAIN = {
    "ReserveInventory": [
        "OutOfStock",
        "ReservationEnded",
        "OrderNotFound",
        "CancellationRequested",
        "IllegalTransition",
    ],
    "AuthorizePayment": [
        "BuyerActionRequired",
        "PaymentDeclined",
        "PaymentEnded",
        "CancellationRequested",
        "IllegalTransition",
    ],
    "AwaitBuyer": ["CancellationRequested", "PaymentEnded", "States.Timeout"],
    "ShipOrder": [
        "ShipmentRefused",
        "ShipmentEnded",
        "WarehouseSilent",
        "ReservationEnded",
        "CancellationRequested",
        "IllegalTransition",
    ],
    "ResumeShipment": [
        "OrderEnded",
        "ShipmentRefused",
        "ShipmentEnded",
        "WarehouseSilent",
        "ReservationEnded",
        "CancellationRequested",
        "IllegalTransition",
    ],
    "CapturePayment": ["PaymentEnded"],
    "RefundReturn": ["PaymentDisputed"],
}
"""What refuses for a reason."""

ATTEMPTS = {
    **dict.fromkeys(
        ["ReserveInventory", "AuthorizePayment", "AwaitBuyer", "ShipOrder", "SendConfirmation", "CapturePayment"], 4
    ),
    **dict.fromkeys(["ResumeShipment", "CompleteOrder", *COMPENSATIONS, *RETURN_STEPS, *PARKING], 8),
}
"""How often a step is tried again after an outage. What must succeed in the end is tried longer."""

LOOKS = 1000
"""How often a step that waits for the warehouse looks again whether to wait on."""
WAITING = ["ShipOrder", "ResumeShipment"]

RETRIED = [
    (state, error, LOOKS if state in WAITING and error == "States.Timeout" else attempts)
    for state, attempts in ATTEMPTS.items()
    for error in OUTAGES
    if error not in NEVER_AGAIN.get(state, [])
]


def as_task(state: State) -> State:
    """TestState runs no Parallel here, so a Task stands for its branches; the edges are the Parallel's own."""
    if state["Type"] != "Parallel":
        return state
    edges = {key: value for key, value in state.items() if key not in ("Branches", "Type")}
    return {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:000000000000:function:branches", **edges}


def with_reasons(state: State) -> State:
    """TestState tells the next state only: hang each catcher's reason on that, so that we see which one caught."""
    marked = copy.deepcopy(as_task(state))
    for catcher in marked.get("Catch", []):
        catcher["Next"] = f"{catcher['Next']} {catcher.get('Assign', {}).get('reason')}"
    return marked


def without_catch(state: State) -> State:
    """AWS retries before it catches, the engine's TestState the other way round: so ask for the retries alone."""
    return {key: value for key, value in state.items() if key != "Catch"}


@pytest.mark.parametrize(("name", "following"), ON_SUCCESS.items())
def test_success_leads_on(run_state, name, following):
    answer = run_state(as_task(STATES[name]))
    assert answer["status"] == "SUCCEEDED"
    assert answer.get("nextState") == following


@pytest.mark.parametrize(("name", "error", "following", "reason"), CAUGHT)
def test_failure_leads_to_its_undo_with_its_reason(run_state, name, error, following, reason):
    answer = run_state(with_reasons(STATES[name]), error)
    assert answer["status"] == "CAUGHT_ERROR"
    assert answer["nextState"] == f"{following} {reason}"
    assert answer["error"] == error


@pytest.mark.parametrize(("name", "error"), [(name, error) for name, errors in NEVER_AGAIN.items() for error in errors])
def test_a_refusal_is_not_retried(run_state, name, error):
    assert run_state(without_catch(STATES[name]), error)["status"] == "FAILED"


@pytest.mark.parametrize(("name", "error", "attempts"), RETRIED)
def test_an_outage_is_retried_until_the_attempts_are_used_up(run_state, name, error, attempts):
    state = without_catch(STATES[name])
    assert run_state(state, error)["status"] == "RETRIABLE"
    assert run_state(state, error, retries=attempts - 1)["status"] == "RETRIABLE"
    assert run_state(state, error, retries=attempts)["status"] == "FAILED"


@pytest.mark.parametrize("error", ["WarehouseSilent", "ShipmentRefused"])
def test_a_warehouse_that_fails_is_recalled(run_state, error):
    """The wait itself catches nothing: its error leaves the branch and meets the Parallel's catchers."""
    assert "Catch" not in STATES["ShipOrder"]
    assert run_state(STATES["ShipOrder"], error)["status"] == "FAILED"
    assert run_state(with_reasons(STATES[PARALLEL]), error)["nextState"] == "RecallShipment SHIPPING_FAILED"


@pytest.mark.parametrize(
    ("machine", "error"),
    [(SAGA, "CompensationExhausted"), (UNDOING, "CompensationExhausted"), (RETURN, "ReturnUnsettled")],
)
def test_what_stays_unsettled_fails_its_execution(run_state, machine, error):
    answer = run_state(machine.states[END])
    assert (answer["status"], answer["error"]) == ("FAILED", error)


def test_the_tables_have_a_row_for_every_state_and_edge():
    shared = {END}
    assert len(STATES) == len(SAGA.states) + len(RETURN.states) + len(RECOVERY_ONLY) - len(shared)
    assert set(ON_SUCCESS) == set(STATES) - {END}
    assert set(WAITING) < set(ATTEMPTS)
    assert set(ATTEMPTS) == {name for name, state in STATES.items() if state["Type"] == "Task"}
    assert {(name, error) for name, state in STATES.items() for error in _names(state, "Catch")} <= {
        (name, error) for name, error, *_ in CAUGHT
    }
    for name, state in STATES.items():
        looks = {"States.Timeout"} if name in WAITING else set()
        assert set(_names(state, "Retry")) - {ANY} == {*NEVER_AGAIN.get(name, []), *looks}, name


def _names(state: State, rules: str) -> list[str]:
    return [error for rule in state.get(rules, []) for error in rule["ErrorEquals"]]
