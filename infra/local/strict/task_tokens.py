"""Task tokens: each attempt of a task has a token of its own, which ends with the attempt or with the execution.

While a task waits, `HeartbeatSeconds` without a heartbeat end it with `States.HeartbeatTimeout`. An answer to a token
that has ended is a `TaskTimedOut`.
"""

import threading
import time
from datetime import datetime
from typing import Any

from infra.local.strict.rule import Rule

ANSWERS = ("_send_task_success", "_send_task_failure", "_send_task_heartbeat")
TIMED_OUT = "Task Timed Out: 'Provided task does not exist anymore'"


def install() -> None:
    from ministack.services import stepfunctions

    executions: dict[str, str] = {}
    _issue_tokens(stepfunctions, executions)
    _require_heartbeats(stepfunctions)
    for name in ANSWERS:
        setattr(stepfunctions, name, _answered(stepfunctions, executions, getattr(stepfunctions, name)))


def _issue_tokens(stepfunctions: Any, executions: dict[str, str]) -> None:
    """Give each attempt a new token; the emulator gives all attempts of a task the same one."""
    from ministack.core.responses import new_uuid

    def issuing(resolve: Any, position: int) -> Any:
        def resolved(state: dict[str, Any], *others: Any) -> Any:
            context = others[position] if len(others) > position else None
            is_task = context and "Execution" in context and "Token" in context.get("Task", {})  # not in TestState
            if context and is_task and ".waitForTaskToken" in state.get("Resource", ""):
                if context["Task"]["Token"] in executions:
                    context["Task"] = {"Token": new_uuid()}
                executions[context["Task"]["Token"]] = context["Execution"]["Id"]
            return resolve(state, *others)

        return resolved

    stepfunctions._apply_parameters = issuing(stepfunctions._apply_parameters, 1)
    stepfunctions._apply_jsonata_arguments = issuing(stepfunctions._apply_jsonata_arguments, 1)


def _require_heartbeats(stepfunctions: Any) -> None:
    """End a wait when no heartbeat comes."""
    wait = stepfunctions._invoke_with_callback

    def watch(token: str, seconds: float) -> None:
        last = time.time()
        while task := stepfunctions._task_tokens.get(token):
            if beat := task["heartbeat"]:
                last = datetime.fromisoformat(beat).timestamp()
            if time.time() >= last + seconds:
                task["error"] = {"Error": "States.HeartbeatTimeout", "Cause": "Task timed out without a heartbeat"}
                task["event"].set()
                return
            task["event"].wait(max(0.01, last + seconds - time.time()))

    def wait_for_token(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        if seconds := state.get("HeartbeatSeconds"):
            threading.Timer(0.05, watch, [token, float(seconds)]).start()
        return wait(resource, given, token, state)

    stepfunctions._invoke_with_callback = wait_for_token


def _answered(stepfunctions: Any, executions: dict[str, str], answer: Any) -> Any:
    def answer_token(call: dict[str, Any]) -> Any:
        token = call.get("taskToken", "")
        execution = stepfunctions._executions.get(executions.get(token, ""), {})
        ended = token not in stepfunctions._task_tokens or execution.get("status") != "RUNNING"
        if token in executions and ended:
            return stepfunctions.error_response_json("TaskTimedOut", TIMED_OUT, 400)
        return answer(call)

    return answer_token


RULE = Rule(
    "task_tokens",
    "AWS Step Functions developer guide: 'Wait for a Callback with Task Token'; API reference: 'SendTaskSuccess'",
    install,
)
