"""Callbacks: a function that fails while its step waits for a task token fails the step, under its error's name.

The emulator ignores the failure and waits for the token until the step's time limit.
"""

from contextvars import ContextVar
from typing import Any

from infra.local.strict.rule import Rule

handed_out: ContextVar[str] = ContextVar("handed_out", default="")
"""The task token of the step that this thread runs."""


def install() -> None:
    from ministack.services import stepfunctions as service

    wait, call = service._invoke_with_callback, service._call_lambda

    def waiting(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
        reset = handed_out.set(token)
        try:
            return wait(resource, arguments, token, state)
        finally:
            handed_out.reset(reset)

    def called(function: str, event: Any) -> Any:
        try:
            return call(function, event)
        except service._ExecutionError as failure:
            task = service._task_tokens.get(handed_out.get())
            if task is not None and not task["event"].is_set():
                task["error"] = {"Error": failure.error, "Cause": failure.cause}
                task["event"].set()
            raise

    service._invoke_with_callback = waiting
    service._call_lambda = called


RULE = Rule(
    "callbacks",
    "AWS Step Functions developer guide: 'Wait for a Callback with Task Token', 'Handling errors in Step Functions "
    "workflows'",
    install,
)
