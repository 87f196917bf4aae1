"""Billing meter of the AWS emulator (MiniStack): appends what AWS would bill, one JSON object per line, to a file.

`BILLING_METER` names the file; nothing is recorded while it does not exist. What depends on timing is counted as if
each message and each stream record came alone: one receive, one delete and one invocation for each. Batches of a busy
shop cost less.

DynamoDB's write units are the emulator's own `ConsumedCapacity`, which rounds, doubles for transactions and counts
index writes as AWS does. Its read units ignore sizes, so the sizes of the items are added up here. A refused condition
is billed as a write of the item (Amazon DynamoDB developer guide, "Capacity unit consumption for write operations").
"""

import json
import math
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any

FILE = "BILLING_METER"
CHUNK = 64 * 1024
"""SQS, SNS and EventBridge bill each 64 KB of a message as one."""
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
READS = {"GetItem", "Query", "BatchGetItem", "TransactGetItems", "Scan"}
IDS = re.compile(r"(?<=/)(ord_\w+|ret_\w+|[A-Z]+-[0-9A-Z]+)")
SIMULATED = ('"action": "leave"', '"action": "come_back"')
"""Messages of the simulated warehouse to itself."""

_lock = threading.Lock()


def install() -> None:
    """Meter the emulator if `BILLING_METER` is set. To be called before any other change of the emulator."""
    if not os.environ.get(FILE):
        return
    from infra.local import workflow_meter

    for meter in (
        _functions,
        _queues,
        workflow_meter.install,
        _events,
        _topics,
        _apis,
        _sockets,
        _tables,
        _files,
        _emails,
    ):
        meter()


def note(unit: str, of: str, count: float = 1, by: str = "") -> None:
    """Record billed units of a resource. `by` is the role or function that caused them, if it is known."""
    if count and is_on():
        line = json.dumps({"unit": unit, "of": of, "count": count, "by": by})
        with _lock, open(os.environ[FILE], "a") as file:
            file.write(line + "\n")


def is_on() -> bool:
    """Whether units are recorded at this moment."""
    return os.path.exists(os.environ[FILE])


def chunks(body: str | bytes) -> int:
    """Return how many messages of 64 KB a body is billed as."""
    return max(1, math.ceil(len(body if isinstance(body, bytes) else body.encode()) / CHUNK))


def _functions() -> None:
    from ministack.services import lambda_svc as service

    run = service._execute_function_dispatch

    def metered(function: Any, config: dict[str, Any], event: Any, request_id: str, started: float) -> Any:
        began = time.monotonic()
        result = run(function, config, event, request_id, started)
        call = event if isinstance(event, dict) else {}
        _note_run(config["FunctionName"], call, str(result.get("log") or ""), time.monotonic() - began)
        return result

    service._execute_function_dispatch = metered


def _note_run(function: str, event: dict[str, Any], log: str, seconds: float) -> None:
    """Record an invocation as one for each of its records. `millisecond` is the duration of one, to be averaged."""
    records = event.get("Records", [])
    count = len(records) or 1
    note("lambda_request", function, count)
    note("millisecond", function, 1000 * seconds / count)
    note("stream_record", function, sum(each.get("eventSource") == "aws:dynamodb" for each in records))
    note("log_byte", function, sum(len(line.encode()) for line in log.splitlines()))
    if event.get("requestContext", {}).get("eventType") == "MESSAGE":
        note("websocket_message", "from the page")


def _queues() -> None:
    """Meter sends by API and workflow, and receives and deletes by Lambda, for each message."""
    from ministack.services import sqs as service

    send = service._act_send_message
    receive, delete = service._receive_messages_for_esm, service._delete_messages_for_esm

    def sent(data: dict[str, Any], url: str) -> Any:
        result = send(data, url)
        note_request(url, [data.get("MessageBody", "")])
        return result

    def received(url: str, most: int) -> Any:
        batch = receive(url, most)
        note_request(url, [each["body"] for each in batch])
        return batch

    def deleted(url: str, handles: set[str]) -> Any:
        bodies = [each["body"] for each in service._get_q(url)["messages"] if each.get("receipt_handle") in handles]
        note_request(url, bodies, in_chunks=False)
        return delete(url, handles)

    service._act_send_message = service._HANDLERS["SendMessage"] = sent
    service._receive_messages_for_esm, service._delete_messages_for_esm = received, deleted


def note_request(url: str, bodies: Iterable[str], in_chunks: bool = True) -> None:
    """Record a request for each message of a queue."""
    name = url.rpartition("/")[2].rpartition(":")[2]
    unit = "sqs_fifo_request" if name.endswith(".fifo") else "sqs_request"
    ours = [body for body in bodies if not any(mark in body for mark in SIMULATED)]
    note(unit, name, sum(chunks(body) if in_chunks else 1 for body in ours))


def _events() -> None:
    from ministack.services import eventbridge as service

    put, deliver = service._put_events, service._dispatch_to_sqs

    def metered(data: dict[str, Any], *options: Any, **named: Any) -> Any:
        answer = put(data, *options, **named)
        for entry in data.get("Entries", []):
            if entry.get("EventBusName", "default") != "default":
                note("event", entry.get("DetailType", ""), chunks(entry.get("Detail", "")))
                note("archived_byte", entry.get("DetailType", ""), len(json.dumps(entry).encode()))
        return answer

    def delivered(spec: Any, payload: str, *options: Any, **named: Any) -> Any:
        note_request(str(spec), [payload])
        return deliver(spec, payload, *options, **named)

    service._put_events, service._dispatch_to_sqs = metered, delivered


def _topics() -> None:
    from ministack.services import sns as service

    publish, deliver = service.publish_internal, service._deliver_to_sqs

    def published(topic: str, message: Any, *options: Any, **named: Any) -> Any:
        note("sns_publish", topic.rpartition(":")[2], chunks(str(message)))
        return publish(topic, message, *options, **named)

    def delivered(endpoint: str, envelope: str, *options: Any, **named: Any) -> Any:
        note("sns_delivery", endpoint.rpartition(":")[2])
        note_request(endpoint, [envelope])
        return deliver(endpoint, envelope, *options, **named)

    service.publish_internal, service._deliver_to_sqs = published, delivered


def _apis() -> None:
    from ministack.services import apigateway_v1 as service

    execute = service.handle_execute

    async def metered(api: str, stage: str, method: str, path: str, *rest: Any) -> Any:
        note("rest_request", f"{method} {IDS.sub('*', path)}")
        return await execute(api, stage, method, path, *rest)

    service.handle_execute = metered


def _sockets() -> None:
    """Meter messages to a page; those from it are calls of a function."""
    from ministack.services import apigateway as service

    serve = service.handle_connections_api

    async def metered(method: str, *rest: Any, **named: Any) -> Any:
        if method == "POST":
            note("websocket_message", "to the page")
        return await serve(method, *rest, **named)

    service.handle_connections_api = metered


def _files() -> None:
    from ministack.services import s3 as service

    answer = service.handle_request

    async def metered(method: str, path: str, headers: Any, *rest: Any, **named: Any) -> Any:
        if is_on() and (caller := role_of(headers)):
            note("s3_read" if method in ("GET", "HEAD") else "s3_write", "S3", 0 if method == "DELETE" else 1, caller)
        return await answer(method, path, headers, *rest, **named)

    service.handle_request = metered


def _emails() -> None:
    from ministack.services import ses_v2 as service

    answer = service.handle_request

    async def metered(method: str, path: str, headers: Any, *rest: Any, **named: Any) -> Any:
        if method == "POST" and path.rstrip("/").endswith("/outbound-emails"):
            note("email", "SES")
        return await answer(method, path, headers, *rest, **named)

    service.handle_request = metered


def _tables() -> None:
    from ministack.services import dynamodb as service

    answer, examine = service.handle_request, service._paginate_evaluated_items
    examined = 0

    def paged(items: Any, limit: Any, table: Any, index: str | None = None) -> Any:
        """Note the bytes of a page before its filter and its projection: AWS bills those."""
        nonlocal examined
        page, has_more = examine(items, limit, table, index)
        if is_on():
            entries = [service._apply_index_projection(each, table, index) for each in page] if index else page
            examined = sum(map(service._item_size_bytes, entries))
        return page, has_more

    async def metered(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        caller = role_of(headers) if action in WRITES | READS and is_on() else ""
        if not caller:
            return await answer(method, path, headers, body, query)
        call = json.loads(body)
        if action in WRITES:
            return await _written(service, answer, call, caller, (method, path, headers, query))
        status, answered, content = await answer(method, path, headers, body, query)
        if status == 200:
            for table, units in read_units(service, call, examined):
                note("read_unit", table, units, caller)
        return status, answered, content

    service.handle_request, service._paginate_evaluated_items = metered, paged


async def _written(
    service: Any, answer: Callable[..., Any], call: dict[str, Any], caller: str, request: tuple[Any, ...]
) -> Any:
    """Make a write, ask for what it consumed, and leave that out of the answer."""
    method, path, headers, query = request
    asked = json.dumps(call | {"ReturnConsumedCapacity": "INDEXES"}).encode()
    status, answered, content = await answer(method, path, headers, asked, query)
    if status != 200:
        if "ConditionalCheckFailed" in str(content):
            for table, units in refused_units(service, call):
                note("write_unit", table, units, caller)
        return status, answered, content
    result = json.loads(content)
    consumed = result.pop("ConsumedCapacity", [])
    for each in consumed if isinstance(consumed, list) else [consumed]:
        indexes = each.get("GlobalSecondaryIndexes", {})
        copied = {name: index["CapacityUnits"] for name, index in indexes.items()}
        note("write_unit", each["TableName"], each["CapacityUnits"] - sum(copied.values()), caller)
        for name, units in copied.items():
            note("write_unit", f"{each['TableName']}/{name}", units, caller)
    content = json.dumps(result).encode()
    answered["x-amz-crc32"] = str(zlib.crc32(content))
    return status, answered, content


def refused_units(service: Any, call: dict[str, Any]) -> list[tuple[str, float]]:
    """Return what refused writes consume by table: the size of each stored item, doubled in a transaction."""
    parts, factor = call.get("TransactItems"), 2 if "TransactItems" in call else 1
    operations = [next(iter(part.values())) for part in parts] if parts else [call]
    return [(each["TableName"], service._capacity_kb(_size(service, each)) * factor) for each in operations]


def read_units(service: Any, call: dict[str, Any], examined: int) -> list[tuple[str, float]]:
    """Return what a read consumed by table. A query or a scan examined so many bytes: a filter saves no units (Amazon
    DynamoDB developer guide, "Filter expressions for the Query operation").
    """
    if batch := call.get("RequestItems"):
        reads = [(name, key, one.get("ConsistentRead")) for name, one in batch.items() for key in one["Keys"]]
        return [(name, _units(_size(service, {"TableName": name, "Key": key}), all_)) for name, key, all_ in reads]
    if parts := call.get("TransactItems"):
        return [(each["Get"]["TableName"], 2 * _units(_size(service, each["Get"]), True)) for each in parts]
    if "Key" in call:
        return [(call["TableName"], _units(_size(service, call), call.get("ConsistentRead")))]
    return [(call["TableName"], _units(examined, call.get("ConsistentRead")))]


def _units(size: int, consistent: bool | None) -> float:
    return max(1, math.ceil(size / 4096)) * (1 if consistent else 0.5)


def _size(service: Any, operation: dict[str, Any]) -> int:
    """Return the bytes of the stored item that an operation is about; 0 if there is none."""
    table = service._tables[operation["TableName"]]
    item = service._get_item_by_key(table, operation.get("Key") or operation["Item"])
    return int(service._item_size_bytes(item)) if item else 0


def role_of(headers: Any) -> str:
    """Return the role of a signed call, or an empty text if the caller has none."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id

    key = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
    caller = iam_evaluator.resolve_principal(key[1], get_account_id()) if key else None
    role = re.search(r":assumed-role/([^/]+)/", getattr(caller, "arn", ""))
    return role[1] if role else ""
