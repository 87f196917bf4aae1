"""Checks of what is deployed: the stacks' states, and resources that would block a creation."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.deploy import edge as edge_stack
from infra.deploy.doctor.findings import Finding, blocker, fine, warning
from infra.deploy.doctor.subject import Subject
from infra.deploy.leftovers import log_groups
from infra.deploy.outputs import description
from infra.deploy.stack import NEVER_CREATED, STUCK

LOG_GROUP = "AWS::Logs::LogGroup"
MISSING = {"404", "NoSuchBucket", "ResourceNotFoundException", "ParameterNotFound", "NotFoundException"}


def stack_states(subject: Subject) -> Iterator[Finding]:
    name = subject.stage.stack_name
    for session, stack in ((subject.session, name), (subject.edge_session, edge_stack.name(name))):
        found = description(session.client("cloudformation"), stack)
        yield state_finding(stack, found["StackStatus"] if found else None, session.region_name)


def state_finding(stack: str, status: str | None, region: str) -> Finding:
    """Judge the state of a stack."""
    subject = f"stack {stack}"
    if status in STUCK:
        return blocker(subject, f"is {status}", STUCK[status].format(stack=stack, region=region))
    if status in NEVER_CREATED:
        return warning(subject, f"{NEVER_CREATED[status]} ({status})", "The deployment deletes and creates it.")
    if status and status.endswith("_IN_PROGRESS"):
        return warning(subject, f"is {status}", "The deployment waits for the end of this.")
    return fine(subject, status or "does not exist yet")


def leftovers(subject: Subject) -> Iterator[Finding]:
    """Find resources with fixed names that exist although their stack does not: creating the stack would fail."""
    name = subject.stage.stack_name
    found = description(subject.session.client("cloudformation"), name)
    if found and found["StackStatus"] not in NEVER_CREATED:
        return
    groups = log_groups(subject.session, name)
    blocking = [
        f"{kind.split('::', 1)[1]} {physical}"
        for kind, physical in fixed_names(subject.template, {"AWS::StackName": name, **subject.values})
        if (physical in groups if kind == LOG_GROUP else EXISTS[kind](subject.session, physical))
    ]
    for each in blocking:
        yield blocker(f"left over: {each}", "exists already, so the stack cannot create it", "Delete or import it.")
    if not blocking:
        yield fine("left over", "nothing that blocks the creation")


def fixed_names(template: dict[str, Any], values: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Return type and name of the resources whose name is known before they are created."""
    for resource in template["Resources"].values():
        kind = resource.get("Type", "")
        if kind in NAMES and (written := resource.get("Properties", {}).get(NAMES[kind])):
            name = _text(written, values)
            if name:
                yield kind, name


def _text(written: Any, values: dict[str, str]) -> str | None:
    """Return a name with its parameters filled in, or None if it refers to something that does not exist yet."""
    if isinstance(written, dict):
        reference = written.get("Ref")
        written = f"${{{reference}}}" if reference else written.get("Fn::Sub")
    if not isinstance(written, str):
        return None
    for key, value in values.items():
        written = written.replace(f"${{{key}}}", value)
    return None if "${" in written else written


def _answers(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            return False
        raise
    return True


NAMES = {
    LOG_GROUP: "LogGroupName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SSM::Parameter": "Name",
}
"""By type: the property with the name. These are the types that may outlive a stack."""
EXISTS: dict[str, Callable[[boto3.Session, str], bool]] = {
    "AWS::DynamoDB::Table": lambda session, name: _answers(
        lambda: session.client("dynamodb").describe_table(TableName=name)
    ),
    "AWS::S3::Bucket": lambda session, name: _answers(lambda: session.client("s3").head_bucket(Bucket=name)),
    "AWS::SSM::Parameter": lambda session, name: _answers(lambda: session.client("ssm").get_parameter(Name=name)),
}
