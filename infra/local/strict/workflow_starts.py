"""Workflow starts: starting a running execution again, with the same name and input, answers with that execution."""

from typing import Any

from infra.local.strict.rule import Rule


def install() -> None:
    from ministack.services import stepfunctions

    start = stepfunctions._start_execution

    def start_execution(call: dict[str, Any]) -> Any:
        machine = stepfunctions._resolve_state_machine_arn(call.get("stateMachineArn", ""))
        if machine and (name := call.get("name")):
            arn = machine.replace(":stateMachine:", ":execution:") + f":{name}"
            running = stepfunctions._executions.get(arn, {})
            if running.get("status") == "RUNNING" and running["input"] == call.get("input", "{}"):
                first = {"executionArn": arn, "startDate": running["startDate"]}
                return stepfunctions.json_response(first)
        return start(call)

    stepfunctions._start_execution = start_execution


RULE = Rule("workflow_starts", "AWS Step Functions API reference: 'StartExecution' (idempotent)", install)
