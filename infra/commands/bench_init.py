"""Cold start benchmark: what each kind of function costs to start, as a multiple of a bare Chalice app.

The bare app creates one DynamoDB client while it is imported, and reads one item. Each start is a new process without
the local emulator. Two moments are measured in processor time, which depends least on what else the machine does:
`init` ends when `app.py` is imported, `first call` when the handler's first AWS request arrives at a socket of ours.
"""

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from rich.console import Console
from rich.table import Table

from chalicelib.platform.settings import Settings

ROOT = Path(__file__).parents[2]
PAIRS = 9
PATIENCE_SECONDS = 30

BARE_APP = """
import boto3
from chalice import Chalice

app = Chalice(app_name="bare")
dynamodb = boto3.client("dynamodb")


@app.lambda_function(name="read_item")
def read_item(event, context):
    dynamodb.get_item(TableName="items", Key={"pk": {"S": "1"}})
"""

START = """
import sys, time
sys.path.insert(0, "")
begun = time.process_time()
import app
print(begun, time.process_time(), flush=True)
import json
getattr(app, sys.argv[1])(json.loads(sys.argv[2]), None)
"""
"""What the Lambda runtime does: import the handler's module, then call the handler."""

ORDER_ID = "ord_0123456789abcdef01234567"
PLACED = {
    "id": "evt_1",
    "type": "OrderPlaced",
    "version": 1,
    "time": "2026-01-01T00:00:00Z",
    "source": "storefront.orders",
    "correlation_id": ORDER_ID,
    "causation_id": None,
    "data": {
        "order_id": ORDER_ID,
        "status": "PLACED",
        "total": {"amount": 1, "currency": "EUR"},
        "country": "DE",
        "is_guest": True,
        "lines": [],
    },
}
STREAMED = {
    "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/1",
    "dynamodb": {
        "Keys": {"pk": {"S": ORDER_ID}, "sk": {"S": "event#1"}},
        "NewImage": {"event": TypeSerializer().serialize(PLACED)},
        "SequenceNumber": "1",
    },
}
QUEUED = {
    "messageId": "1",
    "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:queue",
    "attributes": {"SentTimestamp": "0", "ApproximateReceiveCount": "1"},
    "body": json.dumps({"detail": PLACED}),
}
REQUEST = {
    "resource": "/products",
    "path": "/products",
    "headers": {},
    "multiValueHeaders": {},
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "isBase64Encoded": False,
    "body": None,
    "requestContext": {"httpMethod": "GET", "resourcePath": "/products", "identity": {"sourceIp": "127.0.0.1"}},
}


@dataclass(frozen=True)
class Subject:
    kind: str
    handler: str
    event: Mapping[str, Any]
    limit: float
    """The largest `init` that is accepted, as a multiple of the bare app's."""


@dataclass(frozen=True)
class Start:
    """Processor seconds since the process began to import its handler."""

    init: float
    first_call: float


BARE = Subject("bare Chalice app", "read_item", {}, 1)

SUBJECTS = (
    Subject("saga step", "reserve_inventory", {"order_id": ORDER_ID}, 1.15),
    Subject("relay", "relay_events", {"Records": [STREAMED]}, 1.15),
    Subject("queue consumer", "count_placed", {"Records": [QUEUED]}, 1.15),
    Subject("API", "app", REQUEST, 1.3),
)


class NoAwsCall(Exception):
    """A handler ended or timed out without a call to AWS."""


def bench_init(console: Console) -> int:
    """Print the medians of all ratios; return 1 if one is above its limit."""
    table = Table("function", "init ms", "init ×", "limit ×", "first call ms", "first call ×", box=None)
    within = True
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.py").write_text(BARE_APP)
        _start(BARE, Path(folder))  # the first start writes the byte code
        for subject in SUBJECTS:
            _start(subject, ROOT)
            pairs = [(_start(BARE, Path(folder)), _start(subject, ROOT)) for _ in range(PAIRS)]
            init = statistics.median(ours.init / bare.init for bare, ours in pairs)
            first_call = statistics.median(ours.first_call / bare.first_call for bare, ours in pairs)
            within &= init <= subject.limit
            table.add_row(
                f"{subject.kind} ({subject.handler})",
                f"{1000 * statistics.median(ours.init for _, ours in pairs):.0f}",
                f"{init:.2f}",
                f"{subject.limit:.2f}",
                f"{1000 * statistics.median(ours.first_call for _, ours in pairs):.0f}",
                f"{first_call:.2f}",
            )
    console.print(table)
    return 0 if within else 1


def _start(subject: Subject, folder: Path) -> Start:
    """Start a process, and end it at its first call to AWS. Raises NoAwsCall."""
    with socket.create_server(("127.0.0.1", 0)) as aws:
        process = subprocess.Popen(
            [sys.executable, "-c", START, subject.handler, json.dumps(subject.event)],
            cwd=folder,
            env=environment(subject, aws.getsockname()[1]),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        has_called = bool(select.select([aws], [], [], PATIENCE_SECONDS)[0])
        process.kill()
        _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    with process.stdout as output:  # type: ignore[union-attr]
        begun, imported = map(float, output.readline().split())
    if not has_called:
        raise NoAwsCall(subject.handler)
    return Start(imported - begun, used.ru_utime + used.ru_stime - begun)


MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:storefront"


def environment(subject: Subject, port: int) -> dict[str, str]:
    """Return the environment variables of a function: Lambda's own, and a placeholder for each setting."""
    return {name.upper(): MACHINE if name.endswith("_machine_arn") else "1" for name in Settings.model_fields} | {
        "REPORT_AS_PDF": "false",
        "REQUIRE_EDGE_MARK": "false",
        "_HANDLER": f"app.{subject.handler}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "PATH": os.environ["PATH"],
    }
