"""The door from the queue into the saga: one execution per order, however often the event comes."""

import json
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.platform.events import Envelope


class Saga:
    def __init__(self, stepfunctions: Any, state_machine_arn: str) -> None:
        self._stepfunctions = stepfunctions
        self._arn = state_machine_arn

    def start(self, order_placed: Envelope) -> None:
        """The order's id names the execution: a second start with that name is a success already had."""
        order_id = order_placed.data["order_id"]
        try:
            self._stepfunctions.start_execution(
                stateMachineArn=self._arn, name=order_id, input=json.dumps({"order_id": order_id})
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
