import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

Answer = dict[str, Any]
TestState = Callable[..., Answer]


@pytest.fixture(scope="session")
def step_functions(request: pytest.FixtureRequest) -> Any:
    """Return a Step Functions client of the emulator, without TestState's host prefix `sync-`, which has no address."""
    session = request.getfixturevalue("engine").session
    return session.client("stepfunctions", config=Config(inject_host_prefix=False))


@pytest.fixture(scope="session")
def run_state(step_functions: Any) -> TestState:
    """Run one state whose work either succeeds or fails with the error of this name."""

    def run(state: dict[str, Any], error: str | None = None, retries: int = 0) -> Answer:
        arguments: dict[str, Any] = {
            "definition": json.dumps({"QueryLanguage": "JSONata", **state}),
            "input": json.dumps({"order_id": "order-1", "return_id": "return-1", "reason": "OUT_OF_STOCK"}),
            "inspectionLevel": "DEBUG",
        }
        if state["Type"] == "Task":
            failure = {"errorOutput": {"error": error, "cause": "a test"}}
            arguments["mock"] = failure if error else {"result": json.dumps({"refunded": 1250})}
        if retries:
            arguments["stateConfiguration"] = {"retrierRetryCount": retries}
        return step_functions.test_state(**arguments)

    return run
