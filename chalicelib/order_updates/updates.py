"""From the outbox into the FIFO queue: each order's changes in their order, which the bus does not keep."""

from typing import TYPE_CHECKING, Any

from chalicelib.events.relay import outbox_event
from chalicelib.order_updates.model import change
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


def enqueue(event: dict[str, Any], sqs: "SQSClient", queue_url: str) -> dict[str, Any]:
    """One by one, because a batch may fail in its middle, and what comes after would overtake.

    Returns the partial batch answer: the first record that could not be sent, from which Lambda tries again.
    """
    for record in event["Records"]:
        try:
            _send(record, sqs, queue_url)
        except Exception:
            number = record["dynamodb"]["SequenceNumber"]
            log.exception("update not queued", extra={"from": number})
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}


def _send(record: dict[str, Any], sqs: "SQSClient", queue_url: str) -> None:
    event = outbox_event(record)
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=change(event, _version(record)).model_dump_json(),
        MessageGroupId=event.order_id,
        MessageDeduplicationId=event.id,
    )


def _version(record: dict[str, Any]) -> int:
    """The number at the end of the event's key in the outbox: the version of the order that made it."""
    return int(record["dynamodb"]["Keys"]["sk"]["S"].rpartition("#")[2])
