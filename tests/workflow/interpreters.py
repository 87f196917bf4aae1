"""Three interpreters of Amazon States Language, run in the same way: the test bed's, the emulator's and moto's.

The other two run in this process. They call nothing and never wait: outcomes come from a function, and pauses are
noted. Jitter is taken at its longest.
"""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from testbed.workflows import Event, ExecutionFailed, Failure, Outcome, Workflow
from testbed.workflows.virtual_time import VirtualTime

State = dict[str, Any]
OutcomeOf = Callable[[str, int], Outcome]
"""Outcome of a call of this state, by its number; the first is 0."""
EXECUTION = "arn:aws:states:eu-west-1:000000000000:execution:example:one"
MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:example"
TOKEN = "<token>"


@dataclass
class Trace:
    """What an execution did: states in their order, arguments of each call, pauses before retries, and its end."""

    states: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    end: Any = None
    """Output, or error and cause."""


class LongestJitter(Random):
    def uniform(self, a: float, b: float) -> float:
        return b


class Answers:
    """Outcomes of the calls of one execution, and the trace of it."""

    def __init__(self, outcome_of: OutcomeOf) -> None:
        self.trace = Trace()
        self._outcome_of, self._calls = outcome_of, Counter[str]()

    def to(self, state: str, arguments: Any) -> Outcome:
        self.trace.calls.append((state, json.loads(json.dumps(arguments))))
        self._calls[state] += 1
        return self._outcome_of(state, self._calls[state] - 1)

    def pause(self, seconds: float) -> None:
        self.trace.pauses.append(float(seconds))


def run_test_bed(definition: State, given: Any, outcome_of: OutcomeOf) -> Trace:
    answers = Answers(outcome_of)

    def perform(call: Any) -> Outcome:
        arguments = call.arguments if hasattr(call, "arguments") else call.payload
        if hasattr(call, "token"):
            arguments = json.loads(json.dumps(arguments).replace(call.token, TOKEN))
        return answers.to(call.state, arguments)

    def note(event: Event, state: str, **details: Any) -> None:
        if event is Event.ENTERED:
            answers.trace.states.append(state)
        if event is Event.RETRIED:
            answers.pause(details["seconds"])

    time = VirtualTime(perform)
    execution = Workflow("example", definition).run(given, "one", LongestJitter(), time.clock, note, EXECUTION)
    try:
        answers.trace.end = time.run(execution)
    except ExecutionFailed as failed:
        answers.trace.end = (failed.error, failed.cause)
    return answers.trace


def run_moto(definition: State, given: Any, outcome_of: OutcomeOf) -> Trace:
    """moto's interpreter, which is imported when a test runs it: that takes each worker of a run a second."""
    from .moto_interpreter import run

    return run(definition, given, outcome_of)


def run_emulator(definition: State, given: Any, outcome_of: OutcomeOf) -> Trace:
    """Run it by the executor of the emulator (MiniStack) in this thread."""
    from ministack.services import stepfunctions as service

    answers, entered = Answers(outcome_of), ""

    def note(execution: Any, kind: str, details: Any = None) -> None:
        nonlocal entered
        if kind.endswith("StateEntered"):
            entered = details["stateEnteredEventDetails"]["name"]
            answers.trace.states.append(entered)

    def answer(outcome: Outcome) -> Any:
        if isinstance(outcome, Failure):
            raise service._ExecutionError(outcome.error, outcome.cause)
        return outcome.output

    def call(resource: str, arguments: Any, *others: Any) -> Any:
        state = _inner(definition, entered)
        wrapped = "Payload" in arguments if isinstance(arguments, dict) else False
        return answer(answers.to(state, arguments["Payload"] if wrapped else arguments))

    def call_back(resource: str, arguments: Any, token: str, state: Any) -> Any:
        return call(resource, json.loads(json.dumps(arguments).replace(token, TOKEN)))

    execution = {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "name": "one",
        "status": "RUNNING",
        "startDate": "2026-01-01T00:00:00.000Z",
        "input": json.dumps(given),
    }
    service._state_machines[MACHINE] = {"name": "example", "definition": json.dumps(definition)}
    service._executions[EXECUTION] = execution
    replaced: dict[str, Any] = {
        "time": SimpleNamespace(sleep=lambda seconds: None),
        "_add_event": note,
        "_emit_execution_status_event": lambda execution: None,
        "_invoke_resource_with_timeout": call,
        "_invoke_resource": call,
        "_invoke_with_callback": call_back,
        "_scaled_sleep": answers.pause,
    }
    with ExitStack() as stack:
        for name, value in replaced.items():
            stack.enter_context(patch.object(service, name, value))
        service._run_execution(EXECUTION)
    failed = (execution.get("error"), execution.get("cause"))
    answers.trace.end = json.loads(execution["output"]) if execution["status"] == "SUCCEEDED" else failed
    return answers.trace


def _inner(definition: State, entered: str) -> str:
    """Return the state that calls; the emulator notes none of those inside a Map."""
    inside = definition["States"][entered].get("ItemProcessor")
    return inside["StartAt"] if inside else entered
