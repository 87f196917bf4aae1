"""Stopped workflows: after `StopExecution` no further task of the workflow starts, and it stays `ABORTED`."""

from typing import Any

from infra.local.strict.rule import Rule


class Stopped(Exception):
    """The execution has ended; no Retry and no Catch applies."""


def install() -> None:
    from ministack.services import stepfunctions

    record, fail = stepfunctions._add_event, stepfunctions._fail_execution

    def add_event(execution: dict[str, Any], kind: str, details: Any) -> Any:
        """Record an event. Each attempt of a task begins with its scheduling."""
        if kind == "TaskScheduled" and execution["status"] != "RUNNING":
            raise Stopped
        return record(execution, kind, details)

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._add_event = add_event
    stepfunctions._fail_execution = fail_execution


RULE = Rule("stopped_workflows", "AWS Step Functions API reference: 'StopExecution'", install)
