"""Protections in definitions: of workflows in Amazon States Language, and of templates of CloudFormation."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from testbed.mutation.mutant import Kind, Mutant, Mutation

SCHEDULE, QUEUE, RULE = "AWS::Scheduler::Schedule", "AWS::SQS::Queue", "AWS::Events::Rule"
REMOVED = {
    "AWS::Lambda::EventSourceMapping": (
        "FunctionResponseTypes",
        "BisectBatchOnFunctionError",
        "MaximumRetryAttempts",
        "DestinationConfig",
    ),
    "AWS::Lambda::EventInvokeConfig": ("MaximumRetryAttempts", "DestinationConfig"),
    QUEUE: ("RedrivePolicy",),
    "AWS::SNS::Subscription": ("RedrivePolicy",),
}
"""Properties that are removed, by the type of their resource."""
Line = Callable[[str], tuple[str, int]]
"""Returns the file and line of a resource."""


def of_workflow(definition: dict[str, Any], own: set[str], file: str, lines: Mapping[str, int]) -> Iterator[Mutation]:
    """Yield the protections of a workflow and of its `own` states; `lines` has the line of each state."""

    def found(name: str, kind: Kind, text: str, edit: Callable[[], Any]) -> Mutation:
        return Mutation(Mutant(f"{file}:{name}:{kind}:{text}", kind, file, lines.get(name, 1), f"{name}: {text}"), edit)

    if "TimeoutSeconds" in definition:
        yield found("workflow", Kind.TIMEOUT, "TimeoutSeconds", partial(definition.pop, "TimeoutSeconds"))
    for name, state in _states(definition):
        if name not in own:
            continue
        for field, kind in (("Catch", Kind.CATCH), ("Retry", Kind.RETRY)):
            for each in state.get(field, []):
                text = f"{field} {', '.join(each['ErrorEquals'])}"
                text = text if len(text) < 80 else f"{text[:79]}…"
                text += " (never)" if each.get("MaxAttempts") == 0 else ""
                yield found(name, kind, text, partial(_remove, state, field, each))
        for field in ("TimeoutSeconds", "HeartbeatSeconds"):
            if field in state:
                yield found(name, Kind.TIMEOUT, field, partial(state.pop, field))


def _states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all states, those of branches and of maps included."""
    for name, state in definition.get("States", {}).items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor", {})]:
            yield from _states(inner)


def _remove(state: dict[str, Any], field: str, each: Any) -> None:
    state[field] = [other for other in state[field] if other is not each]


def of_template(template: dict[str, Any], line: Line) -> Iterator[Mutation]:
    """Yield what the template says about delivering again, parking and polling."""
    resources: dict[str, Any] = template["Resources"]
    for name, resource in resources.items():
        kind, properties = resource.get("Type", ""), resource.get("Properties", {})
        for text, edit in _of_resource(resources, name, kind, properties):
            file, number = line(name)
            mutant = Mutant(f"{file}:{name}:{Kind.DELIVERY}:{text}", Kind.DELIVERY, file, number, f"{name}: {text}")
            yield Mutation(mutant, edit)


def _of_resource(
    resources: dict[str, Any], name: str, kind: str, properties: dict[str, Any]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    for field in REMOVED.get(kind, ()):
        if field in properties:
            yield field, partial(properties.pop, field)
    if kind == QUEUE and "maxReceiveCount" in properties.get("RedrivePolicy", {}):
        policy = properties["RedrivePolicy"]
        yield f"maxReceiveCount {policy['maxReceiveCount']} → 1", partial(policy.update, maxReceiveCount=1)
        if "VisibilityTimeout" in properties:
            text = f"VisibilityTimeout {properties['VisibilityTimeout']} → 1"
            yield text, partial(properties.update, VisibilityTimeout=1)
    if kind == SCHEDULE:
        yield "the schedule", partial(resources.pop, name)
        yield from _of_target(properties["Target"])
    if kind == RULE:
        pattern = properties.get("EventPattern", {})
        if "version" in pattern.get("detail", {}):
            yield "version filter", partial(_without_version, pattern)
        if "replay-name" in pattern:
            yield "filter of replays", partial(pattern.pop, "replay-name")
        for target in properties.get("Targets", []):
            yield from _of_target(target)


def _of_target(target: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    for field in ("DeadLetterConfig", "RetryPolicy"):
        if field in target:
            yield field, partial(target.pop, field)


def _without_version(pattern: dict[str, Any]) -> None:
    del pattern["detail"]["version"]
    if not pattern["detail"]:
        del pattern["detail"]
