"""Reporting stack: deployed beside the shop's stack if its parameter Reporting is true, deleted when it no longer is.

Everything in it can be rebuilt from the shop's tables.
"""

import json
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.deploy import stack
from infra.deploy.outputs import description, outputs
from infra.deploy.stack import Operation, Options, Progress

SHOP_OUTPUTS = (
    "EventBusName",
    "OrdersTableName",
    "PaymentsTableName",
    "ProductsTableName",
    "InventoryTableName",
    "InventoryStreamArn",
    "AlarmTopicArn",
)
"""Outputs of the shop's stack that are parameters of this one."""
PATIENT = Config(read_timeout=310, retries={"total_max_attempts": 1})


class ReportingFailed(Exception):
    """A function of the reporting stack failed with the error in the message."""


class ReportingOff(Exception):
    """The stage has no reporting stack."""


def name(main: str) -> str:
    """Return the name of the reporting stack of a main stack."""
    return f"{main}-reporting"


def own_parameters(template: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that a stage may set, apart from those that the main stack has too."""
    return {key: rule for key, rule in template["Parameters"].items() if key.startswith("Reporting")}


def deploy(
    session: boto3.Session,
    template: dict[str, Any],
    out: Path,
    main: str,
    shop: dict[str, str],
    values: dict[str, str],
    progress: Progress = lambda line: None,
    options: Options = Options(),  # noqa: B008, it is frozen
) -> None:
    """Deploy the stack and migrate the database. `shop` are the outputs of the main stack, `values` its parameters.

    Raises as `stack.deploy` does, and ReportingFailed.
    """
    given = {"ShopStack": main} | {output: shop[output] for output in SHOP_OUTPUTS}
    given |= {key: value for key, value in values.items() if key in template["Parameters"]}
    stack.deploy(session, template, out, name(main), given, progress, options)
    progress(f"the reporting database is at revision {migrate(session, main)}")


def migrate(session: boto3.Session, main: str) -> str:
    """Bring the tables to the newest revision and return it. Raises ReportingOff, ReportingFailed."""
    return str(invoke(session, _function(session, main, "MigrateFunctionName"), {})["revision"])


def rebuild(session: boto3.Session, main: str, progress: Progress) -> int:
    """Write every order and stock adjustment again. Return how many. Raises ReportingOff, ReportingFailed."""
    function = _function(session, main, "RebuildFunctionName")
    step: dict[str, Any] = {"table": "orders", "start": None, "projected": 0}
    while step["table"]:
        step = invoke(session, function, step)
        progress(f"{step['projected']} orders and stock adjustments")
    return int(step["projected"])


def _function(session: boto3.Session, main: str, output: str) -> str:
    """Return the name of a function of the stack. Raises ReportingOff."""
    if description(session.client("cloudformation"), name(main)) is None:
        raise ReportingOff("There is no reporting database. Turn it on: docs/patterns/relational-read-model.md")
    return outputs(session, name(main))[output]


def remove(operation: Operation) -> None:
    """Delete the stack if there is one. Raises DeploymentFailed."""
    if found := operation.settled():
        operation.progress(f"deleting stack {operation.stack}")
        client = operation.session.client("cloudformation")
        client.update_termination_protection(StackName=operation.stack, EnableTerminationProtection=False)
        operation.delete(found["StackId"])


def invoke(session: boto3.Session, function: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the function's answer. Raises ReportingFailed."""
    response = session.client("lambda", config=PATIENT).invoke(
        FunctionName=function, Payload=json.dumps(payload).encode()
    )
    answer: dict[str, Any] = json.load(response["Payload"])
    if response.get("FunctionError"):
        raise ReportingFailed(f"{answer.get('errorType')}: {answer.get('errorMessage')}")
    return answer
