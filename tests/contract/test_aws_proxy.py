"""AWS fault proxy: which call meets a fault, whether it has an effect, and what the SDK sees of it."""

import asyncio
import json
import threading
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from aiohttp import web
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from testbed.aws_proxy import application

ONCE = Config(retries={"total_max_attempts": 1})
IMPATIENT = ONCE.merge(Config(read_timeout=0.5))
TABLE, QUEUE = "shop-OrdersTable-1A2B", "http://localhost:4566/000000000000/shop-Replies-3C"
NAMES = {TABLE: "OrdersTable", "shop-Replies-3C": "Replies"}
ITEM = {"TableName": TABLE, "Item": {"pk": {"S": "1"}}}


class Endpoint(BaseHTTPRequestHandler):
    """An AWS endpoint that answers every call, and keeps its operation and host."""

    calls: list[tuple[str, str]] = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        target = self.headers.get("X-Amz-Target", self.path)
        self.calls.append((target.split(".")[-1], self.headers["Host"]))
        content = json.dumps({"ItemCollectionMetrics": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def proxy():
    """Return the address of a proxy before an endpoint."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    loop, runner = asyncio.new_event_loop(), web.AppRunner(application(f"http://127.0.0.1:{upstream.server_port}"))
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def start():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    upstream.shutdown()


@pytest.fixture
def run(proxy):
    """Return a function that begins a run with these faults, and one that reads what was injected."""

    def call(method, body=None):
        content = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{proxy}/_testbed/run", content, method=method)) as answer:
            return json.load(answer)

    def injected():
        return Counter({(each["site"], each["what"]): each["times"] for each in call("GET")})

    def begin(*faults):
        before = injected()
        call("POST", {"plan": {"faults": faults}, "seed": 1, "names": NAMES})
        Endpoint.calls.clear()
        return lambda: injected() - before

    yield begin
    call("DELETE")


@pytest.fixture
def client(proxy):
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    return lambda service, config=ONCE: boto3.client(service, endpoint_url=proxy, config=config, **keys)


@pytest.mark.parametrize(
    ("fault", "config", "error", "code", "has_effect"),
    [
        ("throttle", ONCE, ClientError, "ProvisionedThroughputExceededException", False),
        ("error", ONCE, ClientError, "InternalServerError|TransactionConflictException", False),
        ("lost_answer", ONCE, HTTPClientError, "Connection (was closed|broken)", True),
        ("timeout~2", IMPATIENT, HTTPClientError, "Read timeout", False),
    ],
)
def test_fault_is_what_the_sdk_expects(run, client, fault, config, error, code, has_effect):
    injected = run(f"dynamodb.PutItem/OrdersTable={fault}")
    with pytest.raises((error, ConnectionClosedError), match=code):
        client("dynamodb", config).put_item(**ITEM)
    assert len(Endpoint.calls) == has_effect
    assert injected() == {("dynamodb.PutItem/OrdersTable", fault.partition("~")[0]): 1}


def test_sdk_repeats_a_call_that_was_throttled_and_has_its_effect_once(run, client):
    injected = run("dynamodb.*=throttle#1,2")
    client("dynamodb", Config(retries={"mode": "standard", "max_attempts": 3})).put_item(**ITEM)
    assert [operation for operation, _ in Endpoint.calls] == ["PutItem"]
    assert injected() == {("dynamodb.PutItem/OrdersTable", "throttle"): 2}


def test_conflicting_transaction_names_a_reason_for_each_item(run, client):
    run("dynamodb.TransactWriteItems/OrdersTable=error")
    seen = set()
    for _ in range(10):
        with pytest.raises(ClientError) as raised:
            client("dynamodb").transact_write_items(TransactItems=[{"Put": ITEM}, {"Put": ITEM}])
        reasons = raised.value.response.get("CancellationReasons", [])
        seen.add((raised.value.response["Error"]["Code"], tuple(each["Code"] for each in reasons)))
    assert seen == {("InternalServerError", ()), ("TransactionCanceledException", ("TransactionConflict", "None"))}


def test_call_elsewhere_or_before_the_faults_passes_as_it_was_signed(run, client, proxy):
    injected = run("sqs.SendMessage/Other=error", "dynamodb.*/OrdersTable=error[999:]")
    client("sqs").send_message(QueueUrl=QUEUE, MessageBody="1")
    client("dynamodb").put_item(**ITEM)
    client("lambda").invoke(FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:job")
    host = proxy.removeprefix("http://")
    function = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Ajob/invocations"
    assert Endpoint.calls == [("SendMessage", host), ("PutItem", host), (function, host)]
    assert injected() == {}
