"""The saga's definition as a test sees it: with its `${…}` filled in, and all states in one place."""

import json
import re
from typing import Any

from infra.template_pieces import ROOT, SECONDS, pieces, workflow

State = dict[str, Any]

PATH = ROOT / "statemachine" / "order_fulfilment.asl.yaml"
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
PARALLEL = "FulfillOrder"

UNDO = {
    "ReserveInventory": "ReleaseInventory",
    "AuthorizePayment": "VoidPayment",
    "FulfillOrder": "RecallShipment",
    "CapturePayment": "RefundPayment",
}
"""Forward steps that can be undone, in their order, and what undoes each."""

COMPENSATIONS = [*UNDO.values(), "CancelOrder"]


def fake(name: str) -> str:
    """What stands for a placeholder: a number as in production, a queue's address, or a function's ARN."""
    if name.endswith("Seconds"):
        return str(pieces("prod")["Parameters"][name]["Default"])
    if name.endswith("Queue"):
        return f"https://sqs.eu-west-1.amazonaws.com/000000000000/{name}"
    return f"arn:aws:lambda:eu-west-1:000000000000:function:{name}"


def filled() -> State:
    """The definition as Step Functions gets it after CloudFormation."""
    text = SECONDS.sub(r"\1\2", json.dumps(workflow(PATH)))
    return json.loads(PLACEHOLDER.sub(lambda match: fake(match[1]), text))


def all_states(machine: State) -> dict[str, State]:
    """By name, those of parallel branches included."""
    found: dict[str, State] = {}
    for name, state in machine["States"].items():
        found[name] = state
        for branch in state.get("Branches", []):
            found |= all_states(branch)
    return found


def function_of(state: State) -> str | None:
    """The name of the function that a state of an unfilled definition runs."""
    target = state.get("Arguments", {}).get("FunctionName", state.get("Resource", ""))
    match = PLACEHOLDER.fullmatch(target)
    return match[1] if match else None


MACHINE = filled()
STATES = all_states(MACHINE)
UNFILLED = all_states(workflow(PATH))
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]
