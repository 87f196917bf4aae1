"""Reading a template: what is in it, and who refers to whom."""

from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]
Properties = dict[str, Any]
FUNCTION = "AWS::Serverless::Function"
QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"
TOPIC = "AWS::SNS::Topic"
SUBSCRIPTION = "AWS::SNS::Subscription"


def of_type(template: Template, kind: str) -> dict[str, Properties]:
    """The properties of all resources of this type, by logical name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def referred(value: Any) -> str:
    """The logical name in `!Ref X` or `!GetAtt X.Arn`. Raises ValueError for anything else."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn" | "StreamArn"]}:
            return name
    raise ValueError(f"not a reference: {value}")


def policy_documents(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of roles, queues and buckets: everything that allows something."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role["Policies"]:
            yield name, policy["PolicyDocument"]
    for kind in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::IAM::Policy"):
        for name, policy in of_type(template, kind).items():
            yield name, policy["PolicyDocument"]


def statements(template: Template) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement)
        for name, document in policy_documents(template)
        for statement in listed(document["Statement"])
    ]


def allowed(template: Template, role: str) -> dict[str, list[Any]]:
    """For each action that a role may take, on what."""
    found: dict[str, list[Any]] = {}
    for name, statement in statements(template):
        if name == role and statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                found.setdefault(action, []).extend(listed(statement["Resource"]))
    return found


def role_of(template: Template, function: str) -> str:
    return referred(template["Resources"][function]["Properties"]["Role"])


def environment_of(template: Template, function: str) -> dict[str, Any]:
    common = template["Globals"]["Function"]["Environment"]["Variables"]
    own = template["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
    return common | own
