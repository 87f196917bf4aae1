"""DynamoDB of the AWS emulator (MiniStack) in this process: a boto3 client whose requests never leave it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3
from botocore.awsrequest import AWSResponse

from infra.build.template import merged_template

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

OF_THE_CALL = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
"""Properties of a table in the template that its creation needs."""


class Body:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


def connect() -> "DynamoDB":
    """Return a client that takes and gives plain Python values, as `chalicelib.platform.aws` does."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    found: Any = session.resource("dynamodb").meta.client
    found.meta.events.register("before-send.dynamodb", answered)
    return cast("DynamoDB", found)


def table(client: Any, logical_id: str) -> str:
    """Create a table with the keys and indexes that the template gives it. Return its name."""
    name = f"{logical_id}-{uuid4().hex[:8]}"
    create(client, name, merged_template("local")["Resources"][logical_id]["Properties"])
    return name


def create(client: Any, name: str, properties: dict[str, Any]) -> None:
    """Create a table with properties that CloudFormation gives an `AWS::DynamoDB::Table`."""
    client.create_table(TableName=name, **{key: properties[key] for key in OF_THE_CALL if key in properties})


def answered(request: Any, **_: Any) -> AWSResponse:
    """Answer a request of botocore."""
    from ministack.services import dynamodb

    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    return response(request, *_finished(dynamodb.handle_request, request.method, "/", headers, request.body, {}))


def response(request: Any, status: int, headers: Any, body: bytes) -> AWSResponse:
    return AWSResponse(request.url, status, headers, Body(body))


def _finished(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a coroutine returns that never waits."""
    try:
        work(*arguments).send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the emulator waits")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value
