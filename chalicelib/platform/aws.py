"""AWS clients, one of each per process, created on first use and kept for warm invocations."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.platform.parameters import Parameter

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})


@cache
def client(service: str, endpoint: str | None = None) -> Any:
    return boto3.client(service, config=_CONFIG, endpoint_url=endpoint)


@cache
def s3_for_addresses() -> Any:
    """S3, for signing addresses that others open: signed as every region demands, at the bucket's own host."""
    signing = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return boto3.client("s3", config=_CONFIG.merge(signing))


@cache
def lambda_for_long_calls() -> Any:
    """Lambda, for a call that may take nearly as long as an API call may, and is not repeated."""
    patience = Config(read_timeout=13, retries={"total_max_attempts": 1})
    return boto3.client("lambda", config=_CONFIG.merge(patience))


@cache
def ses() -> Any:
    """SES without retries of its own: SES has no idempotency key, so a repeated call is a second email."""
    return boto3.client("sesv2", config=_CONFIG.merge(Config(retries={"total_max_attempts": 1})))


@cache
def dynamodb() -> Any:
    """The low-level client that takes and gives plain Python values (numbers as Decimal)."""
    return boto3.resource("dynamodb", config=_CONFIG).meta.client


@cache
def parameter(name: str) -> Parameter:
    """A parameter of the parameter store, decrypted."""
    return Parameter(lambda: client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
