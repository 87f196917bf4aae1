"""Workflows: starting one once, however often its event is delivered, and what became of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.platform import tracing
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient
    from types_boto3_stepfunctions.type_defs import (
        DescribeExecutionOutputTypeDef,
        GetExecutionHistoryInputTypeDef,
        HistoryEventTypeDef,
        StartSyncExecutionInputTypeDef,
    )

REPETITIONS = 50
"""How often a workflow may be started again. What fails that often needs another cure than one more start."""


class TooManyRepetitions(Exception):
    """This workflow was started again REPETITIONS times already."""


class WorkflowUnavailable(Unavailable):
    """The workflow could not be started. The same call may succeed later."""


@dataclass(frozen=True)
class Execution:
    """An execution with its history, in Step Functions' own words. `ended` and `error` are None while it runs."""

    name: str
    status: str
    started: datetime
    ended: datetime | None
    error: str | None
    history: "list[HistoryEventTypeDef]"


@dataclass(frozen=True)
class LastExecution:
    """The last execution of a name: how many there were with it, and how it ended; None while it runs."""

    number: int
    status: str
    ended: datetime | None
    error: str | None


PARTS_OF_MACHINE_ARN = 7
"""Of an ARN without version or alias."""


def machine_name(arn: str) -> str:
    """Return the state machine's name from its ARN, which may end with a version or an alias."""
    return arn.split(":")[PARTS_OF_MACHINE_ARN - 1]


class Workflow:
    """`arn` names the state machine or, to start executions of its released version, its alias.

    An alias only matters to a start: the names and ARNs of executions are the state machine's, and IAM compares the
    state machine's ARN in each case. https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
    """

    def __init__(self, stepfunctions: "SFNClient", arn: str) -> None:
        self._stepfunctions = stepfunctions
        self._arn = arn
        self._machine_arn = ":".join(arn.split(":")[:PARTS_OF_MACHINE_ARN])

    @property
    def machine(self) -> str:
        """The state machine's name."""
        return machine_name(self._arn)

    @property
    def definition(self) -> dict[str, Any]:
        """As it is deployed, in Step Functions' language."""
        found = self._stepfunctions.describe_state_machine(stateMachineArn=self._machine_arn)
        definition: dict[str, Any] = json.loads(found["definition"])
        return definition

    def start(self, name: str, given: Mapping[str, str | None]) -> None:
        """`name` names the execution: a second start with that name is a success already had."""
        header = tracing.current()
        trace = {"traceHeader": header} if header else {}
        try:
            self._stepfunctions.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(given), **trace)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def run(self, given: Mapping[str, str | None]) -> None:
        """Start a synchronous Express execution and wait for its end, as long as the client waits for an answer.

        The execution goes on after that. What came of it, its effects show: it runs at most once, and if it fails, this
        call succeeds all the same. Raises WorkflowUnavailable.
        """
        call: StartSyncExecutionInputTypeDef = {"stateMachineArn": self._arn, "input": json.dumps(given)}
        if header := tracing.current():
            call["traceHeader"] = header
        try:
            ended = self._stepfunctions.start_sync_execution(**call)
        except ReadTimeoutError:
            log.info("workflow goes on", extra={"machine": self.machine})
        except ClientError as error:
            log.warning("workflow not started", extra={"code": error.response["Error"]["Code"]})
            raise WorkflowUnavailable from error
        else:
            log.info("workflow ended", extra={"machine": self.machine, "status": ended["status"]})

    def restart(self, name: str, given: dict[str, str], beside: bool = False) -> None:
        """Start under the first unused of the names `name`, `name-1`, `name-2`, …; a no-op while the last one runs.

        With `beside`, start also while the last one runs: where it may have decided already to do nothing. Raises
        TooManyRepetitions.
        """
        used = self._last_used(name)
        if used >= 0 and not beside and self.is_running(_name(name, used)):
            return
        if used == REPETITIONS:
            raise TooManyRepetitions(name)
        self.start(_name(name, used + 1), given)

    def _last_used(self, name: str) -> int:
        """Return the last number under which it was started, -1 if it never was.

        Doubles, then bisects: Step Functions allows few descriptions a second.
        """
        used, unused = -1, 0
        while unused <= REPETITIONS and self._described(_name(name, unused)):
            used, unused = unused, 2 * unused + 1
        unused = min(unused, REPETITIONS + 1)
        while unused - used > 1:
            middle = (used + unused) // 2
            used, unused = (middle, unused) if self._described(_name(name, middle)) else (used, middle)
        return used

    def is_running(self, name: str) -> bool:
        """False also if no execution of this name was ever started."""
        found = self._described(name)
        return found is not None and found["status"] == "RUNNING"

    def input_of(self, name: str) -> dict[str, str]:
        """What the execution was given. Raises LookupError if there is none of this name."""
        found = self._described(name)
        if found is None:
            raise LookupError(name)
        given: dict[str, str] = json.loads(found["input"])
        return given

    def running(self, at_most: int) -> int:
        """How many executions run now, and `at_most` if there are more."""
        answer = self._stepfunctions.list_executions(
            stateMachineArn=self._machine_arn, statusFilter="RUNNING", maxResults=at_most
        )
        return len(answer["executions"])

    def last(self, name: str) -> LastExecution | None:
        """The last execution of this name and its repetitions, None if it was never started."""
        used = self._last_used(name)
        found = self._described(_name(name, used)) if used >= 0 else None
        return LastExecution(used + 1, found["status"], found.get("stopDate"), found.get("error")) if found else None

    def runs(self, name: str) -> Iterator[Execution]:
        """All executions of this name and of its repetitions, with their histories."""
        for number in range(REPETITIONS + 1):
            again = _name(name, number)
            found = self._described(again)
            if found is None:
                return
            yield Execution(
                again,
                found["status"],
                found["startDate"],
                found.get("stopDate"),
                found.get("error"),
                self.history(again),
            )

    def history(self, name: str) -> "list[HistoryEventTypeDef]":
        """The execution's events so far, in order, without what its states were given and gave."""
        request: GetExecutionHistoryInputTypeDef = {
            "executionArn": self._execution(name),
            "includeExecutionData": False,
            "maxResults": 1000,
        }
        answer = self._stepfunctions.get_execution_history(**request)
        events = answer["events"]
        while token := answer.get("nextToken"):
            request["nextToken"] = token
            answer = self._stepfunctions.get_execution_history(**request)
            events += answer["events"]
        return events

    def _described(self, name: str) -> "DescribeExecutionOutputTypeDef | None":
        try:
            return self._stepfunctions.describe_execution(executionArn=self._execution(name))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise

    def _execution(self, name: str) -> str:
        return f"{self._machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def _name(name: str, repetition: int) -> str:
    return f"{name}-{repetition}" if repetition else name
