"""Reading a template: what is in it, and who refers to whom."""

from collections.abc import Iterator
from typing import Any

from infra.build.releases import published

Template = dict[str, Any]
Properties = dict[str, Any]
FUNCTION = "AWS::Serverless::Function"
IMAGES = {"WriteSalesReportImage": "WriteSalesReport"}
"""Functions that are container images, and the zips whose variants they are."""
QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"
TOPIC = "AWS::SNS::Topic"
SUBSCRIPTION = "AWS::SNS::Subscription"
ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
"""Policies that name their roles."""

# Actions that Lambda takes with a function's role when it polls for the function and when it writes the logs.
READ_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
READ_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
FIND_STREAMS = "dynamodb:ListStreams"
WRITE_TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
SAMPLE_TRACES = {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
"""Taken by Step Functions with a workflow's role."""
WRITE_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
MAKE_LOG_GROUP = "logs:CreateLogGroup"


def of_type(template: Template, kind: str) -> dict[str, Properties]:
    """The properties of all resources of this type, by logical name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def queue_subscriptions(template: Template) -> dict[str, Properties]:
    """The subscriptions through which a topic sends to a queue; others send email to people."""
    return {name: each for name, each in of_type(template, SUBSCRIPTION).items() if each["Protocol"] == "sqs"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def referred(value: Any) -> str:
    """The logical name in `!Ref X` or `!GetAtt X.Arn`, of two variants the zip's. Raises ValueError otherwise."""
    match value:
        case {"Fn::If": ["ReportIsImage", _, other]}:
            return referred(other)
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn" | "StreamArn"]}:
            return name
    raise ValueError(f"not a reference: {value}")


def called(value: Any) -> str:
    """The logical name of the function whose `live` alias a value refers to, or of what it refers to itself."""
    return referred(value).removesuffix(published(""))


def policy_documents(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of roles, queues and buckets: everything that allows something."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield name, policy["PolicyDocument"]
    for kind in (*ATTACHED, "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"):
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


def is_traced(template: Template, function: str) -> bool:
    own = template["Resources"][function]["Properties"]
    return own.get("Tracing", template["Globals"]["Function"].get("Tracing")) == "Active"


def managed_policies(role: Properties) -> list[str]:
    """The logical names of our managed policies that a role attaches itself."""
    return [arn["Ref"] for arn in role.get("ManagedPolicyArns", []) if "Ref" in arn]


def log_group_of(function: str) -> Properties:
    """The log group of this function and no other."""
    function = IMAGES.get(function, function)
    place = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"{place}:log-group:/aws/lambda/${{AWS::StackName}}-{function}-*"}


def used_by_lambda(template: Template) -> Iterator[tuple[str, str, Any]]:
    """Function, action and resource of each right that Lambda itself uses by the function's role."""
    for function in of_type(template, FUNCTION).keys() - IMAGES:
        yield from ((function, action, log_group_of(function)) for action in WRITE_LOGS)
        if is_traced(template, function):
            yield from ((function, action, "*") for action in WRITE_TRACES)
    for mapping in of_type(template, MAPPING).values():
        function, source = referred(mapping["FunctionName"]), mapping["EventSourceArn"]
        of_queue = referred(source) in of_type(template, QUEUE)
        yield from ((function, action, source) for action in (READ_QUEUE if of_queue else READ_STREAM))
        if not of_queue:
            yield function, FIND_STREAMS, {"Fn::Sub": f"${{{referred(source)}.Arn}}/stream/*"}
        yield from _reports(function, mapping)
    for attempts in of_type(template, "AWS::Lambda::EventInvokeConfig").values():
        yield from _reports(referred(attempts["FunctionName"]), attempts)


def _reports(function: str, given: Properties) -> Iterator[tuple[str, str, Any]]:
    """Of what was tried as often as it may be."""
    if "DestinationConfig" in given:
        yield function, "sqs:SendMessage", given["DestinationConfig"]["OnFailure"]["Destination"]
