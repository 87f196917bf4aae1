"""What a deleted stage leaves behind: its size, what it costs a month, and the command that deletes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.deploy.stages import Costs

GIGABYTE = 1024**3
DOLLARS_PER_GIGABYTE = {"AWS::DynamoDB::Table": 0.30 + 0.22, "AWS::S3::Bucket": 0.025, "AWS::Logs::LogGroup": 0.033}
"""A month, in eu-west-1: a table with point-in-time recovery, a bucket in standard storage, a log group."""
COMMANDS = {
    "AWS::DynamoDB::Table": (
        "aws dynamodb update-table --table-name {name} --no-deletion-protection-enabled --region {region} && "
        "aws dynamodb delete-table --table-name {name} --region {region}"
    ),
    "AWS::S3::Bucket": "aws s3 rb s3://{name} --force --region {region}",
    "AWS::Logs::LogGroup": "aws logs delete-log-group --log-group-name {name} --region {region}",
    "AWS::Cognito::UserPool": (
        "aws cognito-idp update-user-pool --user-pool-id {name} --deletion-protection INACTIVE --region {region} && "
        "aws cognito-idp delete-user-pool --user-pool-id {name} --region {region}"
    ),
}
FREE = {"AWS::Cognito::UserPool": "nothing while unused", "AWS::IAM::Role": "nothing"}
LOG_GROUPS = ("/aws/lambda/{stack}-", "/aws/vendedlogs/states/{stack}", "/aws/apigateway/{stack}/")
"""Beginnings of the names of a stack's log groups. A function that runs after its deletion makes it again."""


@dataclass(frozen=True)
class Kept:
    """A resource that outlives its stack. `gigabytes` is None where only the service knows."""

    type: str
    name: str
    gigabytes: float | None
    command: str

    def cost(self, costs: Costs) -> str:
        """Return the cost of a month in the stage's currency."""
        if self.type not in DOLLARS_PER_GIGABYTE:
            return FREE.get(self.type, "unknown")
        rate = DOLLARS_PER_GIGABYTE[self.type] * costs.per_dollar
        if self.gigabytes is None:
            return f"{rate:.3f} {costs.currency} for each GB"
        amount = self.gigabytes * rate
        return f"{amount:.2f} {costs.currency}" if amount >= 0.01 else f"under 0.01 {costs.currency}"


def described(kept: list[Kept], costs: Costs) -> list[str]:
    """Return lines that list what is kept, its cost a month, and the commands that delete it."""
    if not kept:
        return ["Nothing is kept."]
    lines = ["Kept, with its approximate cost a month:"]
    lines += [f"  {each.type.split('::', 1)[1]} {each.name}: {each.cost(costs)}" for each in kept]
    return [*lines, "To delete it, with all that it holds:", *(f"  {each.command}" for each in kept if each.command)]


def of_stage(session: boto3.Session, stack: str, retained: dict[str, dict[str, Any]]) -> list[Kept]:
    """Return what is left of a stack: the retained resources, and the log groups that its functions have made."""
    found = [_kept(session, event["ResourceType"], name) for name, event in retained.items()]
    groups = [each for each in _log_groups(session, stack) if each.name not in retained]
    return sorted([*found, *groups], key=lambda kept: (kept.type, kept.name))


def _kept(session: boto3.Session, kind: str, name: str) -> Kept:
    command = COMMANDS.get(kind, "")
    size = _table_size(session, name) if kind == "AWS::DynamoDB::Table" else None
    return Kept(kind, name, size, command.format(name=name, region=session.region_name))


def _table_size(session: boto3.Session, name: str) -> float | None:
    """Return the size as of the last count, which DynamoDB makes every six hours."""
    try:
        return session.client("dynamodb").describe_table(TableName=name)["Table"]["TableSizeBytes"] / GIGABYTE
    except ClientError:
        return None


def log_groups(session: boto3.Session, stack: str) -> dict[str, int]:
    """Return the stored bytes of each log group of a stack, by name."""
    paginator = session.client("logs").get_paginator("describe_log_groups")
    pages = [
        page for prefix in LOG_GROUPS for page in paginator.paginate(logGroupNamePrefix=prefix.format(stack=stack))
    ]
    return {each["logGroupName"]: each.get("storedBytes", 0) for page in pages for each in page["logGroups"]}


def _log_groups(session: boto3.Session, stack: str) -> Iterator[Kept]:
    kind = "AWS::Logs::LogGroup"
    for name, size in log_groups(session, stack).items():
        yield Kept(kind, name, size / GIGABYTE, COMMANDS[kind].format(name=name, region=session.region_name))
