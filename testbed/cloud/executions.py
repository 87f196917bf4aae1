"""Executions of workflows: the interpreter's effects carried out in virtual time, and Step Functions' API to them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from testbed.cloud.calls import client_error
from testbed.cloud.functions import Functions, Result
from testbed.loop import Loop
from testbed.plan import Injector, Site
from testbed.workflows import (
    AwaitToken,
    Branches,
    CallService,
    Effect,
    Event,
    ExecutionFailed,
    Failure,
    Invoke,
    Outcome,
    Sleep,
    Success,
    Workflow,
)
from testbed.workflows import Execution as Run

TRANSITION_SECONDS = 0.02
RUNNING = "RUNNING"
Service = Callable[[str, Any], Any]
"""Calls an action, such as `sqs:sendMessage`, with its arguments."""
Ended = Callable[["Execution"], None]
Noted = Callable[["Execution", Event, str, dict[str, Any]], None]


@dataclass
class Execution:
    """One execution: what Step Functions says about it, and its history. `subject` is its name without repetition."""

    machine: str
    name: str
    arn: str
    given: str
    started: datetime
    status: str = RUNNING
    stopped: datetime | None = None
    error: str | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    retries: int = 0

    @property
    def subject(self) -> str:
        return str(json.loads(self.given).get("order_id", self.name))


class Driver:
    """Carries out the effects of one execution, one after the other."""

    def __init__(
        self, loop: Loop, functions: Functions, service: Service, tokens: "Tokens", execution: Execution
    ) -> None:
        self._loop, self._functions, self._service, self._tokens = loop, functions, service, tokens
        self._execution = execution
        self._effect = 0

    def drive(self, run: Run, then: Callable[[Outcome], None]) -> None:
        """Start a run; `then` gets its output or failure."""
        self._advance(run, None, then)

    def _advance(self, run: Run, outcome: Outcome | None, then: Callable[[Outcome], None]) -> None:
        if self._execution.status != RUNNING:
            run.close()
            return
        try:
            effect = next(run) if outcome is None else run.send(outcome)
        except StopIteration as end:
            then(Success(end.value))
        except ExecutionFailed as failed:
            then(failed.failure)
        else:
            self._effect += 1
            wait = TRANSITION_SECONDS * self._loop.draw(f"{self._execution.arn}:{self._effect}")
            self._loop.after(wait, self._begin, effect, self._once(run, then))

    def _once(self, run: Run, then: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        """Return what takes the effect's first outcome and ignores later ones."""
        taken: list[Outcome] = []

        def take(outcome: Outcome) -> None:
            if not taken:
                taken.append(outcome)
                self._loop.after(0, self._advance, run, outcome, then)

        return take

    def _begin(self, effect: Effect, take: Callable[[Outcome], None]) -> None:
        if isinstance(effect, Sleep):
            self._loop.after(effect.seconds, take, Success())
        elif isinstance(effect, Branches):
            self._branch(effect, take)
        else:
            if effect.timeout_seconds is not None:
                self._loop.after(effect.timeout_seconds, take, Failure("States.Timeout"))
            if isinstance(effect, CallService):
                self._loop.after(0.01, lambda: take(self._called(effect)))
            elif isinstance(effect, Invoke):
                self._invoke(effect.function, effect.payload, lambda result: take(_outcome(result)))
            else:
                self._await(effect, take)

    def _called(self, effect: CallService) -> Outcome:
        try:
            return Success(self._service(effect.action, effect.arguments))
        except Exception as error:
            return Failure(f"{effect.action.partition(':')[0].capitalize()}.{type(error).__name__}", str(error))

    def _invoke(self, function: str, payload: Any, then: Callable[[Result], None]) -> None:
        given = json.loads(json.dumps(payload))
        self._functions.invoke(function.rsplit(":", 1)[-1], given, self._execution.subject, then)

    def _await(self, effect: AwaitToken, take: Callable[[Outcome], None]) -> None:
        """Invoke, and wait for the token; a failed invocation is the outcome."""

        def close(outcome: Outcome) -> None:
            self._tokens.pop(effect.token, None)
            take(outcome)

        self._tokens[effect.token] = close
        if effect.timeout_seconds is not None:
            self._loop.after(effect.timeout_seconds, self._tokens.pop, effect.token, None)
        self._invoke(effect.function, effect.payload, lambda result: close(_outcome(result)) if result.error else None)

    def _branch(self, effect: Branches, take: Callable[[Outcome], None]) -> None:
        outputs: dict[int, Any] = {}

        def ended(number: int, outcome: Outcome) -> None:
            if isinstance(outcome, Failure):
                take(outcome)
                return
            outputs[number] = outcome.output
            if len(outputs) == len(effect.branches):
                take(Success([outputs[number] for number in sorted(outputs)]))

        for number, branch in enumerate(effect.branches):
            self.drive(branch, lambda outcome, number=number: ended(number, outcome))  # type: ignore[misc]
        if not effect.branches:
            take(Success([]))


def _outcome(result: Result) -> Outcome:
    return Failure(result.error, result.cause) if result.error else Success(result.value)


Tokens = dict[str, Callable[[Outcome], None]]


class Executions:
    """All workflows and their executions; `ended` is called when one ends, `noted` with what happens in it."""

    def __init__(
        self, loop: Loop, injector: Injector, functions: Functions, service: Service, ended: Ended, noted: Noted
    ) -> None:
        self._loop, self._injector, self._functions, self._service = loop, injector, functions, service
        self._ended, self._noted = ended, noted
        self._workflows: dict[str, Workflow] = {}
        self._tokens: Tokens = {}
        self.all: dict[str, Execution] = {}

    def add(self, arn: str, workflow: Workflow) -> None:
        self._workflows[arn] = workflow

    def start(self, machine: str, name: str, given: str) -> Execution:
        workflow = self._workflows[machine]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        execution = self.all[arn] = Execution(machine, name, arn, given, self._loop.time)

        def note(event: Event, state: str, **details: Any) -> None:
            if event == Event.ENTERED:
                self._perhaps_abort(execution, state)
                entered = {"id": len(execution.history) + 1, "timestamp": self._loop.time, "type": "TaskStateEntered"}
                execution.history.append(entered | {"stateEnteredEventDetails": {"name": state}})
            execution.retries += event == Event.RETRIED
            self._noted(execution, event, state, details)

        random = Random(f"{self._loop.seed}:{arn}")
        run = workflow.run(json.loads(given), name, random, lambda: self._loop.time, note, arn)
        driver = Driver(self._loop, self._functions, self._service, self._tokens, execution)
        driver.drive(run, lambda outcome: self._end(execution, outcome))
        if workflow.timeout_seconds is not None:
            self._loop.after(workflow.timeout_seconds, self._stop, execution, "TIMED_OUT", "States.Timeout")
        return execution

    @property
    def running(self) -> list[Execution]:
        return [each for each in self.all.values() if each.status == RUNNING]

    def answer(self, token: str, outcome: Outcome) -> bool:
        """Answer a task token; False if nothing waits for it."""
        take = self._tokens.get(token)
        if take is None:
            return False
        take(outcome)
        return True

    def abort(self, execution: Execution) -> None:
        """Stop an execution as `StopExecution` does."""
        self._stop(execution, "ABORTED", None)

    def _perhaps_abort(self, execution: Execution, state: str) -> None:
        """Abort it in this state if a fault strikes, as a person may in the console of Step Functions."""
        site = Site("workflow", execution.machine.rsplit(":", 1)[-1], state)
        if self._injector.strike(site, self._loop.now, f"{execution.name}:{state}"):
            self._loop.after(0.5 * self._loop.draw(f"{execution.name}:{state}:abort"), self.abort, execution)

    def _stop(self, execution: Execution, status: str, error: str | None) -> None:
        if execution.status == RUNNING:
            execution.status, execution.error, execution.stopped = status, error, self._loop.time
            self._ended(execution)

    def _end(self, execution: Execution, outcome: Outcome) -> None:
        if execution.status != RUNNING:
            return
        failed = isinstance(outcome, Failure)
        execution.status = "FAILED" if failed else "SUCCEEDED"
        execution.error = outcome.error if isinstance(outcome, Failure) else None
        execution.stopped = self._loop.time
        self._ended(execution)


class StepFunctionsApi:
    """Step Functions' operations on these executions, named and shaped as in boto3."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def start_execution(self, stateMachineArn: str, name: str, input: str, **_: Any) -> dict[str, Any]:
        """Start it; the same start again is a success while it runs: API reference, `StartExecution`."""
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        known = self._executions.all.get(arn)
        if known is None:
            known = self._executions.start(stateMachineArn, name, input)
        elif known.status != RUNNING or known.given != input:
            raise client_error("StartExecution", "ExecutionAlreadyExists")
        return {"executionArn": arn, "startDate": known.started}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        found = self._found(executionArn, "DescribeExecution")
        described = {
            "executionArn": found.arn,
            "stateMachineArn": found.machine,
            "name": found.name,
            "status": found.status,
            "startDate": found.started,
            "input": found.given,
        }
        ended = {"stopDate": found.stopped, "error": found.error}
        return described | {name: value for name, value in ended.items() if value is not None}

    def get_execution_history(self, executionArn: str, **_: Any) -> dict[str, Any]:
        return {"events": list(self._found(executionArn, "GetExecutionHistory").history)}

    def list_executions(
        self, stateMachineArn: str, statusFilter: str | None = None, maxResults: int = 1000, **_: Any
    ) -> dict[str, Any]:
        found = [
            {"executionArn": each.arn, "name": each.name, "status": each.status, "startDate": each.started}
            for each in self._executions.all.values()
            if each.machine == stateMachineArn and statusFilter in (None, each.status)
        ]
        return {"executions": found[::-1][:maxResults]}

    def stop_execution(self, executionArn: str, **_: Any) -> dict[str, Any]:
        self._executions.abort(self._found(executionArn, "StopExecution"))
        return {}

    def send_task_success(self, taskToken: str, output: str) -> dict[str, Any]:
        return self._answered("SendTaskSuccess", taskToken, Success(json.loads(output)))

    def send_task_failure(self, taskToken: str, error: str = "", cause: str = "") -> dict[str, Any]:
        return self._answered("SendTaskFailure", taskToken, Failure(error, cause))

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator(getattr(self, operation))

    def _answered(self, operation: str, token: str, outcome: Outcome) -> dict[str, Any]:
        if not self._executions.answer(token, outcome):
            raise client_error(operation, "TaskTimedOut")
        return {}

    def _found(self, arn: str, operation: str) -> Execution:
        found = self._executions.all.get(arn)
        if found is None:
            raise client_error(operation, "ExecutionDoesNotExist")
        return found


class Paginator:
    """One page with everything."""

    def __init__(self, call: Callable[..., Mapping[str, Any]]) -> None:
        self._call = call

    def paginate(self, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        yield self._call(**arguments)
