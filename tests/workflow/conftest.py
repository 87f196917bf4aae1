import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from testbed import coverage
from testbed.record import How

from .machine import MACHINES

Answer = dict[str, Any]
TestState = Callable[..., Answer]
GIVEN = {"order_id": "order-1", "return_id": "return-1", "reason": "OUT_OF_STOCK"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="session")
def step_functions(request: pytest.FixtureRequest) -> Any:
    """Return a Step Functions client of the emulator, without TestState's host prefix `sync-`, which has no address."""
    session = request.getfixturevalue("engine").session
    return session.client("stepfunctions", config=Config(inject_host_prefix=False))


@pytest.fixture(scope="session")
def run_state(step_functions: Any) -> TestState:
    """Run one state whose work either succeeds or fails with the error of this name."""

    def run(state: dict[str, Any], error: str | None = None, retries: int = 0, **given: Any) -> Answer:
        arguments: dict[str, Any] = {
            "definition": json.dumps({"QueryLanguage": "JSONata", **state}),
            "input": json.dumps(GIVEN | given),
            "inspectionLevel": "DEBUG",
        }
        if state["Type"] == "Task":
            failure = {"errorOutput": {"error": error, "cause": "a test"}}
            arguments["mock"] = failure if error else {"result": json.dumps({"refunded": 1250})}
        if retries:
            arguments["stateConfiguration"] = {"retrierRetryCount": retries}
        answer = step_functions.test_state(**arguments)
        _note(state, answer)
        return answer

    return run


def _note(state: dict[str, Any], answer: Answer) -> None:
    """Count the edge that a single state took, in each workflow with that state, which its comment identifies."""
    if answer["status"] not in ("SUCCEEDED", "CAUGHT_ERROR") and state["Type"] != "Fail":
        return
    target = answer.get("nextState", coverage.END).split()[0]
    cause = answer["error"] if answer["status"] == "CAUGHT_ERROR" else ""
    for machine in MACHINES:
        for name in (name for name, each in machine.states.items() if each["Comment"] == state["Comment"]):
            coverage.note(machine.name, name, target, cause, How.SINGLE)


@pytest.fixture(scope="session")
def run_machine(ended_execution: Callable[..., Answer]) -> Callable[..., Any]:
    """Run a definition to its end and return its output."""

    def run(definition: dict[str, Any], given: dict[str, Any]) -> Any:
        ended = ended_execution(definition, given)
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    return run


@pytest.fixture(scope="session")
def ended_execution(engine: Any, step_functions: Any) -> Iterator[Callable[..., Answer]]:
    """Run a definition to its end and describe the execution. Its role, which the emulator requires, has no rights.

    `of` is the workflow of which the definition is a part.
    """
    iam, made = engine.session.client("iam"), []
    name = f"machines-{time.time_ns()}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]

    def run(definition: dict[str, Any], given: dict[str, Any], of: str = "") -> Answer:
        created = step_functions.create_state_machine(
            name=f"{name}-{len(made)}-{of}", definition=json.dumps(definition), roleArn=role
        )
        made.append(created["stateMachineArn"])
        return _ended(step_functions, made[-1], given)

    yield run
    for machine in made:
        step_functions.delete_state_machine(stateMachineArn=machine)
    iam.delete_role(RoleName=name)


def _ended(step_functions: Any, machine: str, given: dict[str, Any]) -> Answer:
    execution = step_functions.start_execution(stateMachineArn=machine, input=json.dumps(given))
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = step_functions.describe_execution(executionArn=execution["executionArn"])
        if answer["status"] != "RUNNING":
            return answer
        time.sleep(0.05)
    raise AssertionError("the execution did not end")
