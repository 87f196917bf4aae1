"""System map: the deployed resources and the flows between them, derived from the stack's own template.

A queue, rule or function that is added to the template appears without a change here. What a function reads and
writes comes from its policy, so the map also shows permissions.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from chalicelib.dead_letters.model import queue_name
from chalicelib.platform.base_model import BaseModel

Template = dict[str, Any]

ResourceType = Literal[
    "site", "api", "websocket", "schedule", "function", "table", "bucket", "bus", "rule", "topic", "queue",
    "dead_letters", "workflow",
]  # fmt: skip

RESOURCE_TYPES: dict[str, ResourceType] = {
    "AWS::CloudFront::Distribution": "site",
    "AWS::Serverless::Api": "api",
    "AWS::ApiGatewayV2::Api": "websocket",
    "AWS::Scheduler::Schedule": "schedule",
    "AWS::Serverless::Function": "function",
    "AWS::DynamoDB::Table": "table",
    "AWS::S3::Bucket": "bucket",
    "AWS::Events::EventBus": "bus",
    "AWS::Events::Rule": "rule",
    "AWS::SNS::Topic": "topic",
    "AWS::SQS::Queue": "queue",
    "AWS::StepFunctions::StateMachine": "workflow",
}

Verb = Literal[
    "serves", "calls", "runs", "feeds", "delivers", "gives up",
    "reads", "writes", "sends", "publishes", "starts", "invokes",
]  # fmt: skip
"""The first six are configured in AWS; the others are what a function may do by its policy."""

VERBS: dict[str, Verb] = {
    "dynamodb:GetItem": "reads",
    "dynamodb:BatchGetItem": "reads",
    "dynamodb:Query": "reads",
    "dynamodb:Scan": "reads",
    "dynamodb:PutItem": "writes",
    "dynamodb:UpdateItem": "writes",
    "dynamodb:DeleteItem": "writes",
    "s3:GetObject": "reads",
    "s3:PutObject": "writes",
    "sqs:SendMessage": "sends",
    "events:PutEvents": "publishes",
    "states:StartExecution": "starts",
    "lambda:InvokeFunction": "invokes",
}


class Component(BaseModel):
    """`id` is the template's logical id, `name` the physical one. `queue` is the name under which a queue is
    operated; `says` is the template's description."""

    id: str
    kind: ResourceType
    name: str
    queue: str | None = None
    says: str | None = None


class Link(BaseModel):
    source: str
    target: str
    verb: Verb


class Map(BaseModel):
    parts: list[Component]
    links: list[Link]


def drawn(template: Template, names: dict[str, str]) -> Map:
    """Return the map of a template. `names` are the physical ids by logical id, without what a condition leaves out."""
    resources = {
        logical: each
        for logical, each in template["Resources"].items()
        if "Condition" not in each or logical in names or not names
    }
    parts = {
        logical: _part(logical, resource, names)
        for logical, resource in resources.items()
        if resource.get("Type") in RESOURCE_TYPES
    }
    for dead_letters in _redriven(resources).values():
        parts[dead_letters].kind, parts[dead_letters].queue = "dead_letters", None
    links = {
        (link.source, link.target, link.verb): link
        for find in (_mappings, _rules, _subscriptions, _schedules, _failures, _redrives, _steps, _doors, _policies)
        for link in find(resources)
        if link.source in parts and link.target in parts and link.source != link.target
    }
    sent_as_dead_letters = {(source, target, "sends") for source, target, verb in links if verb == "gives up"}
    return Map(
        parts=list(parts.values()), links=[link for key, link in links.items() if key not in sent_as_dead_letters]
    )


def _part(logical: str, resource: Template, names: dict[str, str]) -> Component:
    kind = RESOURCE_TYPES[resource["Type"]]
    name = re.split(r"[:/]", names.get(logical, logical))[-1]
    queue = queue_name(logical) if kind == "queue" else None
    return Component(id=logical, kind=kind, name=name, queue=queue, says=_text_of(resource))


def _text_of(resource: Template) -> str | None:
    properties = resource.get("Properties", {})
    pattern = properties.get("EventPattern")
    if isinstance(pattern, dict) and "detail-type" in pattern:
        return ", ".join(pattern["detail-type"])
    texts = [
        properties.get("Description"),
        properties.get("ScheduleExpression"),
        resource.get("Metadata", {}).get("Alarm"),
    ]
    return " · ".join(each for each in texts if isinstance(each, str)) or None


def _mappings(resources: Template) -> Iterator[Link]:
    for mapping in _of(resources, "AWS::Lambda::EventSourceMapping"):
        function = _first(mapping["FunctionName"])
        yield from _links(mapping["EventSourceArn"], function, "feeds")
        yield from _links(function, mapping.get("DestinationConfig"), "gives up")


def _rules(resources: Template) -> Iterator[Link]:
    """A rule on AWS' default bus names the source of its events in its pattern."""
    for logical, rule in resources.items():
        if rule.get("Type") != "AWS::Events::Rule":
            continue
        properties = rule["Properties"]
        yield from _links(properties.get("EventBusName") or properties["EventPattern"], logical, "feeds")
        for target in properties["Targets"]:
            yield from _links(logical, target["Arn"], "delivers")
            yield from _links(logical, target.get("DeadLetterConfig"), "gives up")


def _subscriptions(resources: Template) -> Iterator[Link]:
    for subscription in _of(resources, "AWS::SNS::Subscription"):
        topic = _first(subscription["TopicArn"])
        yield from _links(topic, subscription["Endpoint"], "delivers")
        yield from _links(topic, subscription.get("RedrivePolicy"), "gives up")


def _schedules(resources: Template) -> Iterator[Link]:
    for logical, schedule in resources.items():
        if schedule.get("Type") == "AWS::Scheduler::Schedule":
            target = schedule["Properties"]["Target"]
            yield from _links(logical, target["Arn"], "runs")
            yield from _links(logical, target.get("DeadLetterConfig"), "gives up")


def _failures(resources: Template) -> Iterator[Link]:
    for config in _of(resources, "AWS::Lambda::EventInvokeConfig"):
        yield from _links(config["FunctionName"], config.get("DestinationConfig"), "gives up")


def _redrives(resources: Template) -> Iterator[Link]:
    for queue, dead_letters in _redriven(resources).items():
        yield Link(source=queue, target=dead_letters, verb="gives up")


def _redriven(resources: Template) -> dict[str, str]:
    """Return each queue with a dead-letter queue, and that queue."""
    queues = {logical: each for logical, each in resources.items() if each.get("Type") == "AWS::SQS::Queue"}
    policies = {logical: queue.get("Properties", {}).get("RedrivePolicy") for logical, queue in queues.items()}
    return {logical: _first(policy["deadLetterTargetArn"]) for logical, policy in policies.items() if policy}


def _steps(resources: Template) -> Iterator[Link]:
    for logical, machine in resources.items():
        if machine.get("Type") == "AWS::StepFunctions::StateMachine":
            yield from _links(logical, machine["Properties"].get("DefinitionSubstitutions"), "calls")


def _doors(resources: Template) -> Iterator[Link]:
    """An API invokes its function; a distribution serves its origins."""
    for permission in _of(resources, "AWS::Lambda::Permission"):
        yield from _links(permission["SourceArn"], _first(permission["FunctionName"]), "calls")
    for logical, site in resources.items():
        if site.get("Type") == "AWS::CloudFront::Distribution":
            yield from _links(logical, site["Properties"]["DistributionConfig"]["Origins"], "serves")


def _policies(resources: Template) -> Iterator[Link]:
    named = _named_machines(resources)
    for logical, function in resources.items():
        if function.get("Type") == "AWS::Serverless::Function":
            role = resources[_first(function["Properties"]["Role"])]
            for policy in role["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield from _permitted(logical, statement, named)


def _permitted(function: str, statement: Template, named: dict[str, str]) -> Iterator[Link]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    targets = _references(statement["Resource"], named)
    for verb in dict.fromkeys(VERBS[action] for action in actions if action in VERBS):
        for target in targets:
            yield Link(source=function, target=target, verb=verb)


def _named_machines(resources: Template) -> dict[str, str]:
    """Return state machines by the end of their ARN: policies spell it out where a reference would be circular."""
    machines = {k: each for k, each in resources.items() if each.get("Type") == "AWS::StepFunctions::StateMachine"}
    names = {logical: machine["Properties"].get("StateMachineName") for logical, machine in machines.items()}
    return {f":stateMachine:{name['Fn::Sub']}": logical for logical, name in names.items() if name}


def _links(source: Any, target: Any, verb: Verb) -> Iterator[Link]:
    """Link everything that `source` refers to with everything that `target` refers to; a string is a logical id."""
    for one in [source] if isinstance(source, str) else _references(source):
        for other in [target] if isinstance(target, str) else _references(target):
            yield Link(source=one, target=other, verb=verb)


def _first(reference: Any) -> str:
    return _references(reference)[0]


def _references(value: Any, named: dict[str, str] | None = None) -> list[str]:
    """Return the logical ids that a part of a template refers to, without pseudo parameters."""
    return list(dict.fromkeys(_found(value, named or {})))


def _found(value: Any, named: dict[str, str]) -> Iterator[str]:
    match value:
        case {"Ref": str(logical)}:
            yield logical.removesuffix("Aliaslive")
        case {"Fn::GetAtt": [logical, *_]}:
            yield logical
        case {"Fn::Sub": str(text)}:
            yield from (found for found in re.findall(r"\$\{(\w+)(?:\.\w+)?\}", text))
            yield from (logical for end, logical in named.items() if text.endswith(end))
        case {"Fn::Sub": [str(text), variables]}:
            yield from _found({"Fn::Sub": text}, named)
            yield from _found(variables, named)
        case dict():
            for inner in value.values():
                yield from _found(inner, named)
        case list():
            for inner in value:
                yield from _found(inner, named)


def _of(resources: Template, kind: str) -> Iterator[Template]:
    return (resource["Properties"] for resource in resources.values() if resource.get("Type") == kind)
