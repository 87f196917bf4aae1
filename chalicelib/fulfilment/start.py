"""Starting a workflow once, however often its event is delivered."""

import json
from typing import Any

from botocore.exceptions import ClientError


class Workflow:
    def __init__(self, stepfunctions: Any, state_machine_arn: str) -> None:
        self._stepfunctions = stepfunctions
        self._arn = state_machine_arn

    def start(self, name: str, given: dict[str, str]) -> None:
        """`name` names the execution: a second start with that name is a success already had."""
        try:
            self._stepfunctions.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(given))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def is_running(self, name: str) -> bool:
        """False also if no execution of this name was ever started."""
        execution = f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            answer = self._stepfunctions.describe_execution(executionArn=execution)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return False
            raise
        return answer["status"] == "RUNNING"
