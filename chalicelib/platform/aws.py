"""AWS clients, one of each per process, created on first use and kept for warm invocations."""

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import boto3
from botocore.config import Config

from chalicelib.platform import tracing
from chalicelib.platform.parameters import Parameter

if TYPE_CHECKING:
    from types_boto3_apigateway.client import APIGatewayClient
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_rds.client import RDSClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sesv2.client import SESV2Client
    from types_boto3_sqs.client import SQSClient
    from types_boto3_ssm.client import SSMClient
    from types_boto3_stepfunctions.client import SFNClient

    from chalicelib.platform.dynamodb_client import DynamoDB

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})

Client = TypeVar("Client")


_made: list[Any] = []


def _kept(client: Client) -> Client:
    """Remember the client for `close_connections`."""
    _made.append(client)
    return client


def close_connections() -> None:
    """Close every client's connections. A client opens new ones at its next call."""
    for client in _made:
        client.close()


def _traced(client: Client) -> Client:
    """Let the client send the trace that the current work continues."""
    events: Any = client.meta.events  # type: ignore[attr-defined]
    events.register_first("before-call", tracing.send_header)
    return client


@cache
def rest_apis() -> "APIGatewayClient":
    return _kept(boto3.client("apigateway", config=_CONFIG))


@cache
def cloudformation() -> "CloudFormationClient":
    return _kept(boto3.client("cloudformation", config=_CONFIG))


@cache
def cloudwatch() -> "CloudWatchClient":
    return _kept(boto3.client("cloudwatch", config=_CONFIG))


@cache
def cognito() -> "CognitoIdentityProviderClient":
    return _kept(boto3.client("cognito-idp", config=_CONFIG))


@cache
def events() -> "EventBridgeClient":
    return _traced(_kept(boto3.client("events", config=_CONFIG)))


@cache
def aws_lambda() -> "LambdaClient":
    return _kept(boto3.client("lambda", config=_CONFIG))


@cache
def lambda_for_long_calls() -> "LambdaClient":
    """Lambda, for a call that may take nearly as long as an API call may, and is not repeated."""
    patience = Config(read_timeout=13, retries={"total_max_attempts": 1})
    return _kept(boto3.client("lambda", config=_CONFIG.merge(patience)))


@cache
def logs() -> "CloudWatchLogsClient":
    return _kept(boto3.client("logs", config=_CONFIG))


@cache
def rds() -> "RDSClient":
    """RDS, for signing tokens: this makes no call."""
    return boto3.client("rds", config=_CONFIG)


@cache
def s3() -> "S3Client":
    return _kept(boto3.client("s3", config=_CONFIG))


@cache
def s3_for_addresses() -> "S3Client":
    """S3, for signing addresses that others open: signed as every region demands, at the bucket's own host."""
    signing = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return _kept(boto3.client("s3", config=_CONFIG.merge(signing)))


@cache
def ses() -> "SESV2Client":
    """SES without retries of its own: SES has no idempotency key, so a repeated call is a second email."""
    return _kept(boto3.client("sesv2", config=_CONFIG.merge(Config(retries={"total_max_attempts": 1}))))


@cache
def sqs() -> "SQSClient":
    return _traced(_kept(boto3.client("sqs", config=_CONFIG)))


@cache
def ssm() -> "SSMClient":
    return _kept(boto3.client("ssm", config=_CONFIG))


@cache
def stepfunctions() -> "SFNClient":
    return _traced(_kept(boto3.client("stepfunctions", config=_CONFIG)))


@cache
def stepfunctions_for_long_calls() -> "SFNClient":
    """Step Functions, for an execution that the caller waits for: once, and for less than an API call may take."""
    patience = Config(read_timeout=10, retries={"total_max_attempts": 1})
    return _traced(boto3.client("stepfunctions", config=_CONFIG.merge(patience)))


@cache
def websocket_management(endpoint: str | None) -> "ApiGatewayManagementApiClient":
    return _kept(boto3.client("apigatewaymanagementapi", config=_CONFIG, endpoint_url=endpoint))


@cache
def dynamodb() -> "DynamoDB":
    """The low-level client that takes and gives plain Python values (numbers as Decimal)."""
    return _kept(cast("DynamoDB", boto3.resource("dynamodb", config=_CONFIG).meta.client))


@cache
def parameter(name: str) -> Parameter:
    """A parameter of the parameter store, decrypted."""
    return Parameter(lambda: ssm().get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
