"""A warehouse that answers by itself, for the local and demo stages.

It accepts at once and dispatches a second later. The address's second line can tell it otherwise:
`sandbox:refuse` is refused, `sandbox:silent` is never answered at all.
"""

import json
import os
import zlib
from typing import Any

import boto3

DISPATCH_DELAY_SECONDS = 1
_sqs = boto3.client("sqs")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    for record in event["Records"]:
        request = json.loads(record["body"])
        if request["action"] == "ship":
            _ship(request)
    return {"batchItemFailures": []}


def _ship(request: dict[str, Any]) -> None:
    wish = request["parcel"].get("line2")
    if wish == "sandbox:silent":
        return
    _reply(request, "accepted")
    if wish == "sandbox:refuse":
        _reply(request, "refused", reason="the address asked for it")
    else:
        number = f"SIM{zlib.crc32(request['order_id'].encode()):010d}"
        _reply(request, "dispatched", DISPATCH_DELAY_SECONDS, carrier="Sandbox Post", tracking_number=number)


def _reply(request: dict[str, Any], outcome: str, delay: int = 0, **facts: str) -> None:
    body = {"order_id": request["order_id"], "task_token": request["task_token"], "outcome": outcome, **facts}
    _sqs.send_message(QueueUrl=os.environ["REPLIES_QUEUE_URL"], MessageBody=json.dumps(body), DelaySeconds=delay)
