"""Effects: what an execution asks its driver for, and the outcomes and events that pass between them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
DATA_LIMIT = "States.DataLimitExceeded"
RUNTIME = "States.Runtime"
QUERY_ERROR = "States.QueryEvaluationError"
NO_CHOICE = "States.NoChoiceMatched"
ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"


@dataclass(frozen=True)
class Invoke:
    """Invoke a function and return its result. The driver fails it with `States.Timeout` after `timeout_seconds`."""

    state: str
    function: str
    payload: Any
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class CallService:
    """Call an action of a service, such as `sqs:sendMessage`, and return its response."""

    state: str
    action: str
    arguments: Any
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class AwaitToken:
    """Make the call, and wait until `token` is answered; the outcome is that answer.

    The call is of `function` with `payload`, or of another `action` with `payload` as its arguments. If it fails, its
    failure is the outcome. After `timeout_seconds` the outcome is `States.Timeout`, after `heartbeat_seconds` without a
    heartbeat `States.HeartbeatTimeout`; the token is then no longer valid.
    """

    state: str
    function: str
    payload: Any
    token: str
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    action: str = "lambda:invoke"


@dataclass(frozen=True)
class Sleep:
    """Wait: a Wait state, or the pause before a retry. Its outcome does not matter."""

    state: str
    seconds: float


@dataclass(frozen=True)
class Branches:
    """Run executions side by side, at most `limit` at a time, in their order; the outcome is the list of outputs.

    As soon as one fails, its `ExecutionFailed.failure` is the outcome, and the driver closes the others.
    """

    state: str
    branches: "tuple[Execution, ...]"
    limit: int | None = None


Effect = Invoke | CallService | AwaitToken | Sleep | Branches


@dataclass(frozen=True)
class Success:
    output: Any = None


@dataclass(frozen=True)
class Failure:
    """`error` is the error's name."""

    error: str
    cause: str = ""


Outcome = Success | Failure
Execution = Generator[Effect, Outcome | None, Any]


class ExecutionFailed(Exception):
    """The execution, or a branch of it, ended with an error that no state catches."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.error}: {failure.cause}")
        self.failure = failure

    @property
    def error(self) -> str:
        return self.failure.error

    @property
    def cause(self) -> str:
        return self.failure.cause


class Event(StrEnum):
    """What happened in a state, with its details."""

    ENTERED = "entered"
    """`input`."""
    EXITED = "exited"
    """`output`, and `next`, the state that follows or None."""
    RETRIED = "retried"
    """`error`, `cause`, `number` of retries under this policy, and `seconds` of the pause before it."""
    CAUGHT = "caught"
    """`error`, `cause`, `named`, the entry of `ErrorEquals` that matched, and `next`."""
    EDGE = "edge"
    """The execution took the edge to `target`; `cause` is what a catch names, or ''. `testbed/coverage.py` lists the
    edges, which include one from `start` and those to `end`."""
    ENDED = "ended"
    """The execution ended in this state, with `output`, or with `error` and `cause`."""


OnEvent = Callable[..., None]
"""Called with the event, the state's name and the event's details."""
