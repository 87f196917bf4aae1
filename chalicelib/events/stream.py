"""Stream records of an outbox, and the failure destination of poison records.

Lambda retries a record that fails until its attempts run out, and its shard waits for it. A record that breaks its
contract would fail each time, so it leaves the stream at the first attempt.
"""

import json
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from pydantic import ValidationError

from chalicelib.events.contracts import ContractBroken, data_of
from chalicelib.events.envelope import Envelope
from chalicelib.platform.dynamo import plain
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class Rejections:
    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def add(self, record: dict[str, Any], problem: ContractBroken) -> None:
        """Send the record's key and the problem to the queue. The event itself stays in the outbox."""
        rejected = {"key": key_of(record), "problem": str(problem), "position": position_of(record)}
        log.error("record rejected", extra=rejected)
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(rejected))


def event_of(record: dict[str, Any]) -> Envelope:
    """Return the event in a record of the outbox's stream. Raise ContractBroken."""
    try:
        event = Envelope.model_validate(_plain_item(record["dynamodb"]["NewImage"])["event"])
    except (KeyError, ValidationError) as problem:
        # Not the problem's text, which may quote the event.
        raise ContractBroken(f"no envelope: {type(problem).__name__}") from None
    data_of(event)
    return event


def key_of(record: dict[str, Any]) -> dict[str, str]:
    return _plain_item(record["dynamodb"]["Keys"])


def position_of(record: dict[str, Any]) -> str:
    """Return the sequence number, by which a partial batch response names a record."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _plain_item(attributes: dict[str, Any]) -> dict[str, Any]:
    deserialize = TypeDeserializer().deserialize
    return {name: plain(deserialize(value)) for name, value in attributes.items()}
