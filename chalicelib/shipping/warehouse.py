"""Adapters of shipping: the warehouse's queues, and the task token of the waiting saga step."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

from botocore.exceptions import ClientError

from chalicelib.platform.log import log
from chalicelib.shipping.model import WarehouseRequest

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType
    from types_boto3_stepfunctions.client import SFNClient

Call = ParamSpec("Call")

GONE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


DEPTHS: "list[QueueAttributeNameType]" = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


class Warehouse:
    """The queues to and from the warehouse."""

    def __init__(self, sqs: "SQSClient", queue_url: str, replies_queue_url: str = "") -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._replies_queue_url = replies_queue_url

    def has_backlog(self) -> bool:
        """Return whether a request waits to be read, or an answer to be processed.

        The requests are counted first: one that is gone by then has its answer in the other queue, or none.
        """
        return any(self._depth(url) for url in (self._queue_url, self._replies_queue_url))

    def _depth(self, url: str) -> int:
        counted = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=DEPTHS)["Attributes"]
        return sum(int(counted.get(name, "0")) for name in DEPTHS)

    def send(self, request: WarehouseRequest) -> None:
        sent = self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=request.model_dump_json(exclude_none=True))
        queue = self._queue_url.rsplit("/", 1)[-1]
        about = request.model_dump(include={"order_id", "action", "version"})
        log.info("message sent", extra={"queue": queue, "message_id": sent["MessageId"]} | about)


class WaitingTask:
    """Answers to a saga step that waits for its task token. A step that waits no more is left alone."""

    def __init__(self, stepfunctions: "SFNClient") -> None:
        self._stepfunctions = stepfunctions

    def succeeded(self, task_token: str, output: dict[str, Any]) -> None:
        self._answer(self._stepfunctions.send_task_success, taskToken=task_token, output=json.dumps(output))

    def failed(self, task_token: str, error: Exception) -> None:
        """The saga sees the class name of `error`, as from a step that raised it."""
        self._answer(
            self._stepfunctions.send_task_failure,
            taskToken=task_token,
            error=type(error).__name__,
            cause=str(error)[:256],
        )

    def _answer(self, call: Callable[Call, object], *args: Call.args, **arguments: Call.kwargs) -> None:
        try:
            call(*args, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            log.info("the task token has expired", extra={"code": error.response["Error"]["Code"]})
