"""Billing meter of workflows: transitions of Standard ones, executions and durations of Express ones."""

import math
import time
from typing import Any

from infra.local.meter import note

EXPRESS_GB = 64 / 1024


def install() -> None:
    """Meter each attempt of a task, in branches too, and each other state; of an Express workflow, the execution and
    its duration, in tenths of a second of 64 MB (https://aws.amazon.com/step-functions/pricing/)."""
    from ministack.services import stepfunctions as service

    add, run, run_child = service._add_event, service._run_execution, service._run_sub_machine

    def is_express(execution: dict[str, Any]) -> bool:
        machine = service._state_machines.get(execution["stateMachineArn"], {})
        return machine.get("type") == "EXPRESS" or "mapRunArn" in execution

    def added(execution: dict[str, Any], kind: str, *details: Any, **named: Any) -> Any:
        is_transition = kind == "TaskScheduled" or (kind.endswith("StateEntered") and kind != "TaskStateEntered")
        if is_transition and not is_express(execution):
            note("state_transition", execution["stateMachineArn"].rpartition(":")[2])
        return add(execution, kind, *details, **named)

    def ran(arn: str, *rest: Any, **named: Any) -> Any:
        began = time.monotonic()
        result = run(arn, *rest, **named)
        execution = service._executions[arn]
        if is_express(execution):
            _note_express(execution, time.monotonic() - began)
        return result

    def ran_child(states: Any, start: str, given: Any, execution: dict[str, Any], context: Any) -> Any:
        """A child execution of a Distributed Map; its start is a transition of the workflow with the map."""
        began = time.monotonic()
        try:
            return run_child(states, start, given, execution, context)
        finally:
            if "mapRunArn" in execution:
                note("state_transition", _machine(execution))
                _note_express(execution, time.monotonic() - began)

    service._add_event, service._run_execution, service._run_sub_machine = added, ran, ran_child


def _note_express(execution: dict[str, Any], seconds: float) -> None:
    note("express_request", _machine(execution))
    note("express_gb_second", _machine(execution), math.ceil(10 * seconds) / 10 * EXPRESS_GB)


def _machine(execution: dict[str, Any]) -> str:
    """Return the name of an execution's workflow, without the label of a map."""
    return str(execution["stateMachineArn"].rpartition(":")[2].partition("/")[0])
