"""Definition of a workflow: what is refused, and which retry policy or catch applies to an error."""

import math
import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from jsonata.jexception import JException

from testbed.workflows.effects import ALL, DATA_LIMIT, HEARTBEAT_TIMEOUT, RUNTIME, TASK_FAILED, TIMEOUT
from testbed.workflows.expressions import all_expressions, compiled

State = dict[str, Any]
Rule = dict[str, Any]

TYPES = {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}
FOREIGN = {"InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "ItemsPath", "Iterator"}
"""Fields of JSONPath."""
LONGEST_PAUSE = 31622400
DISTRIBUTED = {"ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailurePercentage"}
INTEGRATION = re.compile(r"arn:[\w-]+:states:::(?P<action>[\w:-]+)(?P<pattern>\.\w+)?(?::\d+)?")
FOR_TOKEN = ".waitForTaskToken"


class DefinitionInvalid(Exception):
    """Step Functions would refuse the definition, or the interpreter cannot run it; the message says why."""


def check(definition: State, inherited: str = "JSONPath") -> None:
    """Raise DefinitionInvalid if the interpreter cannot run the definition."""
    language = definition.get("QueryLanguage", inherited)
    for name, state in definition["States"].items():
        for problem in _problems(definition, state, state.get("QueryLanguage", language)):
            raise DefinitionInvalid(f"{name}: {problem}")
        for inside in inner(state):
            check(inside, state.get("QueryLanguage", language))
    if definition["StartAt"] not in definition["States"]:
        raise DefinitionInvalid(f"StartAt names no state: {definition['StartAt']}")


def inner(state: State) -> list[State]:
    """Return what runs inside a Parallel or a Map."""
    return [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]


def _problems(definition: State, state: State, language: str) -> Iterator[str]:
    if language != "JSONata" or FOREIGN & set(state):
        yield "JSONPath is not interpreted, only JSONata"
    if state["Type"] not in TYPES:
        yield f"unknown type {state['Type']}"
    mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode", "INLINE")
    if mode != "INLINE" or DISTRIBUTED & set(state):
        yield "a Distributed Map is not interpreted"
    integration = INTEGRATION.fullmatch(state.get("Resource", ""))
    if ":activity:" in state.get("Resource", "") or (integration and integration["pattern"] not in (None, FOR_TOKEN)):
        yield f"{state['Resource']} is not interpreted"
    ways = [state, *state.get("Choices", []), *state.get("Catch", []), {"Next": state.get("Default")}]
    for name in {way.get("Next") for way in ways} - {None} - set(definition["States"]):
        yield f"leads to {name}, which is no state"
    for key in ("Retry", "Catch"):
        named = [rule["ErrorEquals"] for rule in state.get(key, [])]
        if any(ALL in errors and (errors != [ALL] or errors is not named[-1]) for errors in named):
            yield f"States.ALL must stand alone, and in the last entry of {key}"
    for expression in all_expressions({field: each for field, each in state.items() if field != "ItemProcessor"}):
        try:
            compiled(expression)
        except JException as error:
            yield f"{expression}: {error}"


def named(rule: Rule, error: str) -> str | None:
    """Return the entry of `ErrorEquals` that matches the error, if any.

    AWS Step Functions developer guide, "Handling errors in Step Functions workflows", error names: `States.ALL` and
    `States.TaskFailed` do not match what always ends an execution, `States.TaskFailed` no timeout, and
    `States.Timeout` matches a missing heartbeat too.
    """
    for name in rule["ErrorEquals"]:
        if name == error != RUNTIME or (name == TIMEOUT and error == HEARTBEAT_TIMEOUT):
            return str(name)
        is_wildcard = name == ALL or (name == TASK_FAILED and error != TIMEOUT)
        if is_wildcard and error not in (RUNTIME, DATA_LIMIT):
            return str(name)
    return None


def first_match(rules: Sequence[Rule], error: str) -> int | None:
    """Return the number of the first rule that matches. It alone decides, also when its attempts are used up."""
    return next((number for number, rule in enumerate(rules) if named(rule, error)), None)


def pause(rule: Rule, number: int, random: Random) -> float:
    """Return the seconds before a retry under this policy; the first has number 1.

    AWS Step Functions developer guide, "Handling errors in Step Functions workflows", retrier fields.
    """
    try:
        grown = float(rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2.0) ** (number - 1))
    except OverflowError:
        grown = math.inf
    seconds = min(grown, float(rule.get("MaxDelaySeconds", LONGEST_PAUSE)))
    return random.uniform(0, seconds) if rule.get("JitterStrategy") == "FULL" else seconds
