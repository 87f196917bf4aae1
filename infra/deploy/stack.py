"""Stack deployment: creates or updates a CloudFormation stack, on AWS and on the emulator alike."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

POLL_SECONDS = 0.5
NO_CHANGES = "No updates are to be performed"


class DeploymentFailed(Exception):
    """The stack was not created or updated; the message contains CloudFormation's reasons."""


def deploy(
    session: boto3.Session,
    template: dict[str, Any],
    code: Path,
    stack: str,
    parameters: dict[str, str],
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Create or update the stack, wait for the end and return its outputs. Raises DeploymentFailed.

    `code` is the folder that the template's relative CodeUris point into.
    """
    bucket = _artifacts_bucket(session)
    located = _with_uploaded_code(session, bucket, template, code, progress)
    url = _upload_template(session, bucket, stack, located)
    cloudformation = session.client("cloudformation")
    request: Any = {
        "StackName": stack,
        "TemplateURL": url,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    if _status(cloudformation, stack) is None:
        progress(f"creating stack {stack}")
        cloudformation.create_stack(**request)
    else:
        progress(f"updating stack {stack}")
        _update(cloudformation, request)
    _wait(cloudformation, stack)
    return outputs(session, stack)


def outputs(session: boto3.Session, stack: str) -> dict[str, str]:
    """Return the outputs of a stack. Raises ClientError if there is no such stack."""
    description = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def _artifacts_bucket(session: boto3.Session) -> str:
    account = session.client("sts").get_caller_identity()["Account"]
    name = f"storefront-artifacts-{account}-{session.region_name}"
    s3 = session.client("s3")
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=_location(session))
    return name


def _location(session: boto3.Session) -> Any:
    return {} if session.region_name == "us-east-1" else {"LocationConstraint": session.region_name}


def _with_uploaded_code(
    session: boto3.Session, bucket: str, template: dict[str, Any], code: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Upload the code to S3 under its hash, so that only changed functions are updated. Return the changed template."""
    s3 = session.client("s3")
    located = json.loads(json.dumps(template))
    uploaded: dict[str, dict[str, str]] = {}
    for function in _functions(located):
        source = function["CodeUri"]
        if source not in uploaded:
            content = (code / source).read_bytes()
            key = f"code/{hashlib.sha256(content).hexdigest()}.zip"
            progress(f"uploading {source} ({len(content) / 1e6:.1f} MB)")
            s3.put_object(Bucket=bucket, Key=key, Body=content)
            uploaded[source] = {"Bucket": bucket, "Key": key}
        function["CodeUri"] = uploaded[source]
    return located


def _functions(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            yield resource["Properties"]


def _upload_template(session: boto3.Session, bucket: str, stack: str, template: dict[str, Any]) -> str:
    key = f"templates/{stack}.json"
    s3 = session.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
    return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}).split("?")[0]


def _status(cloudformation: Any, stack: str) -> str | None:
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _update(cloudformation: Any, request: dict[str, Any]) -> None:
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if NO_CHANGES not in str(error):
            raise


def _wait(cloudformation: Any, stack: str) -> None:
    while (status := _status(cloudformation, stack)) and status.endswith("_IN_PROGRESS"):
        time.sleep(POLL_SECONDS)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeploymentFailed(f"{stack} is {status}\n{_reasons(cloudformation, stack)}")


def _reasons(cloudformation: Any, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
    description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    summary = description.get("StackStatusReason", "")
    return summary + "\n".join(f"  {e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in failed)
