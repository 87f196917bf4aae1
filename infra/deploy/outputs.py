"""Stack outputs: the addresses and names that a deployed stack returns."""

from typing import Any

import boto3
from botocore.exceptions import ClientError


def outputs(session: boto3.Session, stack: str) -> dict[str, str]:
    """Return the outputs of a stack. Raises ClientError if there is no such stack."""
    description = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def description(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    """Return CloudFormation's description of a stack, found by name or id, or None if there is no such stack."""
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def is_missing(error: ClientError) -> bool:
    """Return whether CloudFormation answers that there is no such stack: it has no code of its own for that."""
    return error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error)
