"""Interpreter of Amazon States Language (JSONata): evaluates the states of one execution.

AWS Step Functions developer guide: "Using Amazon States Language to define Step Functions workflows".
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from testbed.coverage import END, START
from testbed.workflows.definition import FOR_TOKEN, INTEGRATION, State, check, first_match, inner, named, pause
from testbed.workflows.effects import (
    NO_CHOICE,
    QUERY_ERROR,
    RUNTIME,
    AwaitToken,
    Branches,
    CallService,
    Effect,
    Event,
    Execution,
    ExecutionFailed,
    Failure,
    Invoke,
    OnEvent,
    Outcome,
    Sleep,
    Success,
)
from testbed.workflows.expressions import evaluated, functions, payload, timestamp


class Exit(NamedTuple):
    """How a state ends: its output, the state that follows, and what a catch on the way names."""

    output: Any
    next: str | None
    cause: str = ""


Work = Generator[Effect, Outcome | None, Any]


@dataclass(frozen=True)
class Workflow:
    """A definition of which executions can be run. Raises DefinitionInvalid.

    `name` is that of the state machine. Its placeholders are filled in, so that the driver knows each resource.
    """

    name: str
    definition: State

    def __post_init__(self) -> None:
        check(self.definition)

    @property
    def timeout_seconds(self) -> float | None:
        """The time limit of an execution. The driver ends an execution after it, with `States.Timeout`."""
        return self.definition.get("TimeoutSeconds")

    def run(
        self,
        given: Any,
        name: str,
        random: Random,
        clock: Callable[[], datetime],
        on_event: OnEvent = lambda event, state, **details: None,
        arn: str = "",
    ) -> Execution:
        """Return an execution of this name with this input. It returns its output, or raises ExecutionFailed.

        `clock` is the driver's time, `random` decides jitter, `arn` is `$states.context.Execution.Id`.
        """
        return _Run(self, name, random, clock, on_event, arn or f"{self.name}:{name}").whole(given)


@dataclass
class _Scope:
    """What the states of one branch share: its variables, its part of the context, and its place in the execution.

    `state` is the state that it is in."""

    variables: dict[str, Any]
    context: Mapping[str, Any]
    place: str = ""
    state: str = ""


@dataclass
class _Visit:
    """One visit of a state: `context` is its context object."""

    name: str
    state: State
    given: Any
    scope: _Scope
    context: dict[str, Any]
    functions: Mapping[str, Any]

    def evaluated(self, template: Any, place: str, **known: Any) -> Any:
        """Return the template, evaluated with the variables as they were when the state was entered."""
        states = {"input": self.given, "context": self.context, **known}
        return evaluated(template, {**self.functions, **self.scope.variables, "states": states}, place)

    def typed(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """Return the value of a field of this type, or None if the state lacks it."""
        value = self.evaluated(self.state.get(name), name)
        if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise ExecutionFailed(
                Failure(QUERY_ERROR, f"The value of the field '{name}' has the wrong type: {value!r}")
            )
        return value

    def exit(self, way: State, output: Any, cause: str = "", **known: Any) -> Exit:
        """Leave by the state itself, a catch or a choice: evaluate `Output` and `Assign`, then set the variables."""
        if "Output" in way:
            output = self.evaluated(way["Output"], "Output", **known)
        assigned = payload(self.evaluated(way.get("Assign", {}), "Assign", **known))
        output = payload(output)
        self.scope.variables.update(assigned)
        return Exit(output, way.get("Next"), cause)


class _Run:
    """One execution. Attempts of a task are counted over all visits of its state, so that each token is unique."""

    def __init__(
        self,
        workflow: Workflow,
        name: str,
        random: Random,
        clock: Callable[[], datetime],
        on_event: OnEvent,
        arn: str,
    ) -> None:
        self._workflow, self._name, self._arn = workflow, name, arn
        self._random, self._clock, self._on_event = random, clock, on_event
        self._functions = functions(random, clock)
        self._attempts: Counter[str] = Counter()

    def whole(self, given: Any) -> Execution:
        context = {
            "Execution": {
                "Id": self._arn,
                "Input": given,
                "Name": self._name,
                "StartTime": timestamp(self._clock()),
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": self._workflow.name, "Name": self._workflow.name},
        }
        scope = _Scope({}, context)
        self._edge(START, self._workflow.definition["StartAt"])
        try:
            output = yield from self._level(self._workflow.definition, payload(given), scope)
        except ExecutionFailed as failed:
            self._on_event(Event.ENDED, scope.state, error=failed.error, cause=failed.cause)
            raise
        self._on_event(Event.ENDED, scope.state, output=output)
        return output

    def _level(self, definition: State, given: Any, scope: _Scope) -> Execution:
        """Run the states of the definition or of a branch."""
        following: str | None = definition["StartAt"]
        value = given
        while following is not None:
            scope.state = following
            value, following, _ = yield from self._state(scope.state, definition["States"][scope.state], value, scope)
        return value

    def _state(self, name: str, state: State, given: Any, scope: _Scope) -> Generator[Effect, Outcome | None, Exit]:
        self._on_event(Event.ENTERED, name, input=given)
        entered = {"Name": name, "EnteredTime": timestamp(self._clock()), "RetryCount": 0}
        visit = _Visit(name, state, given, scope, {**scope.context, "State": entered}, self._functions)
        if state["Type"] == "Fail":
            self._edge(name, END)
        if at_once := AT_ONCE.get(state["Type"]):
            left = at_once(visit)
        else:
            left = yield from (self._wait(visit) if state["Type"] == "Wait" else self._attempted(visit))
        self._on_event(Event.EXITED, name, output=left.output, next=left.next)
        self._edge(name, left.next or END, left.cause)
        return left

    def _wait(self, visit: _Visit) -> Work:
        seconds, until = visit.typed("Seconds", (int, float)), visit.typed("Timestamp", str)
        if until is not None:
            seconds = (datetime.fromisoformat(until) - self._clock()).total_seconds()
        yield Sleep(visit.name, max(0.0, float(seconds)))
        return visit.exit(visit.state, visit.given)

    def _attempted(self, visit: _Visit) -> Work:
        """Attempt the work under the state's retry policies, each with a counter, then under its catches."""
        attempt = self._call if visit.state["Type"] == "Task" else self._branches
        retries: Counter[int] = Counter()
        policies = visit.state.get("Retry", [])
        while True:
            try:
                result = payload((yield from attempt(visit)))
                return visit.exit(visit.state, result, result=result)
            except ExecutionFailed as failed:
                failure = failed.failure
            number = first_match(policies, failure.error)
            if number is None or retries[number] >= policies[number].get("MaxAttempts", 3):
                return self._caught(visit, failure)
            retries[number] += 1
            seconds = pause(policies[number], retries[number], self._random)
            details = {"error": failure.error, "cause": failure.cause, "number": retries[number], "seconds": seconds}
            self._on_event(Event.RETRIED, visit.name, **details)
            yield Sleep(visit.name, seconds)
            visit.context["State"]["RetryCount"] += 1

    def _caught(self, visit: _Visit, failure: Failure) -> Exit:
        catches = visit.state.get("Catch", [])
        number = first_match(catches, failure.error)
        if number is None:
            raise ExecutionFailed(failure)
        catch = catches[number]
        cause = named(catch, failure.error) or ""
        output = {"Error": failure.error, "Cause": failure.cause}
        left = visit.exit(catch, output, cause, errorOutput=output)
        details = {"error": failure.error, "cause": failure.cause, "named": cause, "next": left.next}
        self._on_event(Event.CAUGHT, visit.name, **details)
        return left

    def _call(self, visit: _Visit) -> Work:
        """Make the call of a task once and return its result."""
        resource = visit.state["Resource"]
        integration = INTEGRATION.fullmatch(resource)
        timeout = visit.typed("TimeoutSeconds", (int, float))
        if integration and integration["pattern"] == FOR_TOKEN:
            return (yield from self._wait_for_token(visit, integration["action"], timeout))
        arguments = payload(visit.evaluated(visit.state.get("Arguments", visit.given), "Arguments"))
        if not integration:
            return (yield from _outcome(Invoke(visit.name, resource, arguments, timeout)))
        if integration["action"] != "lambda:invoke":
            return (yield from _outcome(CallService(visit.name, integration["action"], arguments, timeout)))
        invoke = Invoke(visit.name, arguments["FunctionName"], arguments.get("Payload", {}), timeout)
        result = yield from _outcome(invoke)
        return {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}

    def _wait_for_token(self, visit: _Visit, action: str, timeout: float | None) -> Work:
        """Give the attempt a token of its own: it is valid for this attempt only."""
        place = f"{visit.scope.place}/{visit.name}"
        self._attempts[place] += 1
        token = f"{self._workflow.name}:{self._name}{place}/{self._attempts[place]}"
        visit.context["Task"] = {"Token": token}
        arguments = payload(visit.evaluated(visit.state.get("Arguments", visit.given), "Arguments"))
        heartbeat = visit.typed("HeartbeatSeconds", (int, float))
        function, given = "", arguments
        if action == "lambda:invoke":
            function, given = arguments["FunctionName"], arguments.get("Payload", {})
        return (yield from _outcome(AwaitToken(visit.name, function, given, token, timeout, heartbeat, action)))

    def _branches(self, visit: _Visit) -> Work:
        """Run the branches of a Parallel or the items of a Map once and return the list of their outputs."""
        branches = tuple(self._branch(visit, *each) for each in self._inside(visit))
        for start in {each["StartAt"]: None for each in inner(visit.state)} if branches else {}:
            self._edge(visit.name, start)
        limit = int(visit.typed("MaxConcurrency", (int, float)) or 0)
        return (yield from _outcome(Branches(visit.name, branches, limit or None)))

    def _inside(self, visit: _Visit) -> Iterator[tuple[State, Any, Mapping[str, Any], int]]:
        """Return definition, input, context and number of each branch."""
        if visit.state["Type"] == "Parallel":
            arguments = payload(visit.evaluated(visit.state.get("Arguments", visit.given), "Arguments"))
            for number, branch in enumerate(visit.state["Branches"]):
                yield branch, arguments, visit.scope.context, number
            return
        items = visit.typed("Items", list) if "Items" in visit.state else visit.given
        if not isinstance(items, list):
            raise ExecutionFailed(Failure(RUNTIME, f"The items of {visit.name} are no array."))
        for number, item in enumerate(items):
            mapped = {"Map": {"Item": {"Index": number, "Value": item}}}
            selected = visit.state.get("ItemSelector")
            given = visit.evaluated(selected, "ItemSelector", context={**visit.context, **mapped}) if selected else item
            yield visit.state["ItemProcessor"], payload(given), {**visit.scope.context, **mapped}, number

    def _branch(
        self, visit: _Visit, definition: State, given: Any, context: Mapping[str, Any], number: int
    ) -> Execution:
        scope = _Scope(dict(visit.scope.variables), context, f"{visit.scope.place}/{visit.name}/{number}")
        return (yield from self._level(definition, given, scope))

    def _edge(self, source: str, target: str, cause: str = "") -> None:
        self._on_event(Event.EDGE, source, target=target, cause=cause)


def _pass(visit: _Visit) -> Exit:
    return visit.exit(visit.state, visit.given)


def _fail(visit: _Visit) -> Exit:
    error, cause = visit.typed("Error", str), visit.typed("Cause", str)
    raise ExecutionFailed(Failure(error or "", cause or ""))


def _choice(visit: _Visit) -> Exit:
    for number, rule in enumerate(visit.state["Choices"]):
        applies = visit.evaluated(rule["Condition"], f"Choices[{number}]/Condition")
        if not isinstance(applies, bool):
            raise ExecutionFailed(Failure(QUERY_ERROR, f"Choices[{number}]/Condition is no boolean: {applies!r}"))
        if applies:
            return visit.exit(rule, visit.given)
    if "Default" not in visit.state:
        raise ExecutionFailed(Failure(NO_CHOICE, f"No rule of {visit.name} applies, and it has no Default."))
    return visit.exit({**visit.state, "Next": visit.state["Default"]}, visit.given)


AT_ONCE: Mapping[str, Callable[[_Visit], Exit]] = {"Pass": _pass, "Succeed": _pass, "Fail": _fail, "Choice": _choice}
"""Types of states that ask the driver for nothing."""


def _outcome(effect: Effect) -> Work:
    outcome = yield effect
    if isinstance(outcome, Success):
        return outcome.output
    if isinstance(outcome, Failure):
        raise ExecutionFailed(outcome)
    raise TypeError(f"{effect.state}: the driver owes an outcome, but sent {outcome!r}")
