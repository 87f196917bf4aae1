"""Warehouse simulator for the stages `local` and `demo`: it answers by itself and keeps a ledger of its own.

It accepts at once and dispatches a second later. The address's second line can change that: `sandbox:refuse` is
refused, `sandbox:silent` is never answered. A recall stops a parcel that is still here; one that has left is brought
back a second later. The protocol is described in docs/patterns/warehouse.md.

| ledger status | meaning                                                        |
|---------------|----------------------------------------------------------------|
| ACCEPTED      | will be dispatched                                             |
| REFUSED       | will not be dispatched                                         |
| DISPATCHED    | has left                                                       |
| RECALLED      | is not dispatched, now or later; also known before any request |
| RETURNED      | has left and came back                                         |
"""

import json
import os
import time
import zlib
from typing import Any

import boto3
from botocore.exceptions import ClientError

DELAY_SECONDS = 1
_sqs = boto3.client("sqs")
_ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER_TABLE"])


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process requests, and the simulator's own `leave` and `come_back`, each of which may arrive twice."""
    failed = []
    for record in event["Records"]:
        try:
            request = json.loads(record["body"])
            ACTIONS[request["action"]](request)
        except Exception as error:
            print(f"{record['messageId']}: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _ship(request: dict[str, Any]) -> None:
    wish = request["parcel"].get("line2")
    if wish == "sandbox:silent":
        return
    status = "REFUSED" if wish == "sandbox:refuse" else "ACCEPTED"
    if not _moved(
        request, status, "attribute_not_exists(order_id) OR (#status = :recalled AND version < :version)", "RECALLED"
    ):
        return _repeat(request)
    _reply(request, "accepted")
    _go_on(request, status)


def _go_on(request: dict[str, Any], status: str) -> None:
    if status == "REFUSED":
        _reply(request, "refused", reason="the address asked for it")
    else:
        _later(request, "leave")


def _repeat(request: dict[str, Any]) -> None:
    """Answer a request for a known order as before. One that is older than a recall is ignored."""
    known = _known(request["order_id"])
    if known["status"] in ("ACCEPTED", "REFUSED"):
        _go_on(request, known["status"])
    elif known["status"] == "DISPATCHED":
        _dispatched(request)


def _leave(request: dict[str, Any]) -> None:
    if _moved(request, "DISPATCHED", "#status IN (:accepted, :dispatched)", "ACCEPTED", "DISPATCHED"):
        _dispatched(request)


def _recall(request: dict[str, Any]) -> None:
    is_here = "attribute_not_exists(order_id) OR #status IN (:accepted, :refused, :recalled)"
    if _moved(request, "RECALLED", is_here, "ACCEPTED", "REFUSED", "RECALLED"):
        _reply(request, "recalled")
    elif _known(request["order_id"])["status"] == "RETURNED":
        _reply(request, "returned")
    else:
        _reply(request, "already_dispatched")
        _later(request, "come_back")


def _come_back(request: dict[str, Any]) -> None:
    if _moved(request, "RETURNED", "#status IN (:dispatched, :returned)", "DISPATCHED", "RETURNED"):
        _reply(request, "returned")


ACTIONS = {"ship": _ship, "recall": _recall, "leave": _leave, "come_back": _come_back}


def _moved(request: dict[str, Any], status: str, condition: str, *named: str) -> bool:
    """Write an order's status into the ledger; False if the condition does not hold."""
    try:
        _ledger.update_item(
            Key={"order_id": request["order_id"]},
            UpdateExpression="SET #status = :status, version = :version, changed_at = :now",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":status": status,
                ":version": request["version"],
                ":now": _now(),
                **{f":{each.lower()}": each for each in named},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _known(order_id: str) -> dict[str, Any]:
    return _ledger.get_item(Key={"order_id": order_id}, ConsistentRead=True)["Item"]


def _dispatched(request: dict[str, Any]) -> None:
    number = f"SIM{zlib.crc32(request['order_id'].encode()):010d}"
    _reply(request, "dispatched", carrier="Sandbox Post", tracking_number=number)


def _reply(request: dict[str, Any], outcome: str, **facts: str) -> None:
    body = {"order_id": request["order_id"], "outcome": outcome, "at": _now(), **facts}
    _sqs.send_message(QueueUrl=os.environ["REPLIES_QUEUE_URL"], MessageBody=json.dumps(body))


def _later(request: dict[str, Any], action: str) -> None:
    body = {"action": action, "order_id": request["order_id"], "version": request["version"]}
    _sqs.send_message(
        QueueUrl=os.environ["REQUESTS_QUEUE_URL"], MessageBody=json.dumps(body), DelaySeconds=DELAY_SECONDS
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
