"""From the outbox into the FIFO queue: each order's changes in their order, which the bus does not keep."""

from typing import TYPE_CHECKING, Any

from chalicelib.events.contracts import ContractBroken
from chalicelib.events.stream import Rejections, event_of, key_of, position_of
from chalicelib.order_updates.model import change
from chalicelib.platform import tracing
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


def enqueue(event: dict[str, Any], sqs: "SQSClient", queue_url: str, rejections: Rejections) -> dict[str, Any]:
    """One by one, because a batch may fail in its middle, and what comes after would overtake.

    A record that breaks its contract is rejected. Return the partial batch response: the first record that could not
    be sent, from which Lambda tries again.
    """
    for record in event["Records"]:
        try:
            _send(record, sqs, queue_url)
        except ContractBroken as problem:
            rejections.add(record, problem)
        except Exception:
            number = position_of(record)
            log.exception("update not queued", extra={"from": number})
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}


def _send(record: dict[str, Any], sqs: "SQSClient", queue_url: str) -> None:
    event = event_of(record)
    tracing.continue_trace(event.trace_header)
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=change(event, _version(record)).model_dump_json(),
        MessageGroupId=event.order_id,
        MessageDeduplicationId=event.id,
    )


def _version(record: dict[str, Any]) -> int:
    """The number at the end of the event's key in the outbox: the version of the order that made it."""
    return int(key_of(record)["sk"].rpartition("#")[2])
