"""Scheduled jobs: runs one now, on any stage, and prints its answer."""

import json
import re
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.build.template import merged_template
from infra.build.variants import variants
from infra.commands import deployment

PATIENT = Config(read_timeout=330, retries={"total_max_attempts": 1})
"""Longer than any job may run. A job that takes long is not started a second time."""


class JobUnknown(Exception):
    """No schedule runs a job of this name."""


class JobFailed(Exception):
    """The job ended with the error in the message."""


def show(stage: str) -> None:
    """Print the names of the jobs."""
    click.echo("\n".join(jobs(stage)))


def run(stage: str, name: str, job_input: dict[str, Any]) -> None:
    """Run a job and print its answer. Raises JobUnknown or JobFailed."""
    known = jobs(stage)
    if name not in known:
        raise JobUnknown(f"There is no job {name!a}. Jobs: {', '.join(known)}")
    shop = deployment.find(stage)
    click.echo(json.dumps(invoke(shop.session, shop.stack_name, known[name], job_input), indent=2))


def jobs(stage: str = deployment.LOCAL) -> dict[str, str]:
    """Return the logical ids of the functions that have a schedule, by the functions' names."""
    resources = merged_template(stage)["Resources"].values()
    schedules = [each["Properties"] for each in resources if each.get("Type") == "AWS::Scheduler::Schedule"]
    targets = [schedule["Target"]["Arn"]["Fn::GetAtt"][0] for schedule in schedules]
    return {snake(target): target for target in sorted(targets)}


def invoke(session: boto3.Session, stack: str, logical_id: str, job_input: dict[str, Any]) -> Any:
    """Return the job's answer. Raises JobFailed."""
    function = _physical(session, stack, logical_id)
    payload = json.dumps(job_input).encode()
    response = session.client("lambda", config=PATIENT).invoke(FunctionName=function, Payload=payload)
    answer = json.load(response["Payload"])
    if response.get("FunctionError"):
        raise JobFailed(f"{answer.get('errorType')}: {answer.get('errorMessage')}")
    return answer


def _physical(session: boto3.Session, stack: str, logical_id: str) -> str:
    """Return the name of a function, or of its variant if the stack has that instead."""
    cloudformation = session.client("cloudformation")
    variant = variants(merged_template(deployment.LOCAL)).get(logical_id)
    try:
        found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    except ClientError:
        if not variant:
            raise
        found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=variant)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def snake(name: str) -> str:
    """Return the name of a function in `app.py` by its name in the template."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
