"""Workflow coverage of the AWS emulator (MiniStack): notes each edge that an execution takes, while tests run."""

import os
import threading
from collections.abc import Callable
from typing import Any

from testbed import coverage
from testbed.record import How

HANDLERS = ("pass", "task", "choice", "wait", "parallel", "map")
ENDS = ("SucceedStateEntered", "FailStateEntered")


def install() -> None:
    """Note edges if WORKFLOW_EDGES is set."""
    if not os.environ.get(coverage.FOLDER):
        return
    from ministack.services import stepfunctions as service

    caught = threading.local()
    apply, add, run_inside = service._apply_catcher, service._add_event, service._run_sub_machine

    def applied(catcher: Any, given: Any, context: Any, language: Any, error: dict[str, Any]) -> Any:
        caught.error = error["Error"]
        return apply(catcher, given, context, language, error)

    def noting(execute: Callable[..., Any]) -> Callable[..., Any]:
        def executed(state: Any, given: Any, *rest: Any) -> Any:
            context, caught.error = rest[-1], ""
            machine, name = context["StateMachine"]["Name"], context["State"]["Name"]
            output, following = execute(state, given, *rest)
            _note(machine, name, following or coverage.END, caught.error)
            return output, following

        return executed

    def added(execution: dict[str, Any], kind: str, *details: Any) -> Any:
        """Note the start, and the ends at a Succeed or Fail, for which the emulator has no handlers."""
        is_first = len(execution["events"]) == 1
        event = add(execution, kind, *details)
        if kind.endswith("StateEntered"):
            machine, name = execution["executionArn"].split(":")[6], event["stateEnteredEventDetails"]["name"]
            if is_first:
                _note(machine, coverage.START, name)
            if kind in ENDS:
                _note(machine, name, coverage.END)
        return event

    def ran_inside(states: Any, start: str, given: Any, execution: Any, context: dict[str, Any]) -> Any:
        _note(context["StateMachine"]["Name"], context["State"]["Name"], start)
        return run_inside(states, start, given, execution, context)

    service._apply_catcher, service._add_event, service._run_sub_machine = applied, added, ran_inside
    for handler in (f"_execute_{each}" for each in HANDLERS):
        setattr(service, handler, noting(getattr(service, handler)))


def _note(machine: str, source: str, target: str, cause: str = "") -> None:
    coverage.note(machine, source, target, cause, How.EXECUTED)
