"""The workflows' definitions as a test sees them: with their `${…}` filled in, and all states in one place."""

import json
from dataclasses import dataclass
from typing import Any

from infra.build.template import ROOT, SECONDS, merged_template, workflow
from infra.build.workflow_graph import PLACEHOLDER

State = dict[str, Any]


UNDO = {
    "ReserveInventory": "ReleaseInventory",
    "AuthorizePayment": "VoidPayment",
    "ShipOrder": "RecallShipment",
    "CapturePayment": "RefundPayment",
}
"""The saga's forward steps that can be undone, in their order, and what undoes each."""

WAITS = {"AuthorizePayment": "AwaitBuyer"}
"""A forward step that may have to wait for a person, and the state that waits and leads back to it."""

COMPENSATIONS = [*UNDO.values(), "CancelOrder"]
RETURN_STEPS = ["RefundReturn", "RestockReturn", "CompleteReturn"]
"""In their order. They are undone by nothing."""

PARKING = ["ParkOrder", "ParkReturn"]
TAKE_OVER, RESUME, NOTHING_LEFT = "TakeOver", "ResumeShipment", "NothingLeft"
RECOVERY_ONLY = {TAKE_OVER, RESUME, NOTHING_LEFT}
"""The recovery's own states; all its others are the saga's."""
LAMBDA_ERRORS = [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
]
"""AWS Step Functions developer guide, "Handle transient Lambda service exceptions"."""
PROVIDER_ERRORS = ["PaymentProviderUnavailable", "PaymentProviderFailed"]
UNANSWERED = ["States.Timeout", "Lambda.Unknown", "Sandbox.Timedout"]
END = "NeedsAttention"
"""Each machine has one of that name; all others of the saga and of the return are named differently."""


@dataclass(frozen=True)
class Machine:
    """`definition` is what Step Functions gets after CloudFormation; `unfilled` are its states before."""

    name: str
    definition: State
    states: dict[str, State]
    unfilled: dict[str, State]


def machine(name: str) -> Machine:
    unfilled = workflow(ROOT / "statemachine" / f"{name}.asl.yaml")
    text = SECONDS.sub(r"\1\2", json.dumps(unfilled))
    definition = json.loads(PLACEHOLDER.sub(lambda match: fake(match[1]), text))
    return Machine(name, definition, definition["States"], unfilled["States"])


def fake(name: str) -> str:
    """What stands for a placeholder: a number as in production, a queue's address, or a function's ARN."""
    if name.endswith("Seconds"):
        return str(merged_template("prod")["Parameters"][name]["Default"])
    if name.endswith("Queue"):
        return f"https://sqs.eu-west-1.amazonaws.com/000000000000/{name}"
    return f"arn:aws:lambda:eu-west-1:000000000000:function:{name}"


SAGA = machine("order_fulfilment")
RETURN = machine("order_return")
UNDOING = machine("order_undo")
MACHINES = [SAGA, RETURN, UNDOING]
STATES = RETURN.states | UNDOING.states | SAGA.states
UNFILLED = RETURN.unfilled | UNDOING.unfilled | SAGA.unfilled
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]
