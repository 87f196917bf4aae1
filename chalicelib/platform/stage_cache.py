"""Cache of API Gateway, which answers reads of the catalog where a stage has one: `ApiCache` in its parameters."""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.platform import aws
from chalicelib.platform.log import log


def flush(api: str, stage: str) -> None:
    """Empty the cache of an API's stage. A failure is only logged: what is cached ends by itself within a minute."""
    try:
        aws.rest_apis().flush_stage_cache(restApiId=api, stageName=stage)
    except (ClientError, BotoCoreError) as error:
        log.warning("cache not emptied", extra={"error": type(error).__name__})
