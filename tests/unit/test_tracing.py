"""Trace context: what an order causes belongs to the trace that it was placed in, through streams and queues too."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.events import bus
from chalicelib.events.envelope import Envelope
from chalicelib.events.publisher import EventPublisher
from chalicelib.events.stream import event_of
from chalicelib.orders.model import Reason, Status
from chalicelib.platform import aws, tracing
from chalicelib.platform.log import bind_invocation
from chalicelib.platform.workflows import Workflow
from tests.builders import a_record, an_event, an_order
from tests.fakes import FakeBus
from tests.unit.test_event_relay import record

AT = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)


def header(number, parent=1, at=AT):
    """Return the header of a trace that began at a time, as Lambda hands it to a function."""
    return f"Root=1-{int(at.timestamp()):08x}-{number:024x};Parent={parent:016x};Sampled=1"


CHECKOUT, OTHER = header(1), header(2)


@pytest.fixture(autouse=True)
def in_trace(monkeypatch):
    """Return a function that begins an invocation with a trace header."""

    def begin(given):
        monkeypatch.setenv(tracing.INVOCATION, given)
        bind_invocation(None)

    yield begin
    monkeypatch.delenv(tracing.INVOCATION, raising=False)
    bind_invocation(None)


def test_event_keeps_the_trace_header_of_the_work_that_wrote_it(in_trace):
    in_trace(f"{CHECKOUT};Lineage=1:a1b2c3d4:0")
    assert an_order(at=AT).pending_event.trace_header == CHECKOUT


def test_event_is_written_without_a_trace_if_nothing_is_traced():
    event = an_order(at=AT).pending_event
    assert event.trace_header is None
    bus_ = FakeBus()
    EventPublisher(bus_, "shop-bus").publish(event)
    assert "TraceHeader" not in bus_.published[0]


@pytest.mark.parametrize(
    "broken", ["", "Root=1-1-1", "Root=1-zzzzzzzz-000000000000000000000001", "Sampled=1", f"X{CHECKOUT}"]
)
def test_invalid_trace_header_is_ignored(in_trace, broken):
    in_trace(broken)
    assert tracing.current() is None


def test_fields_of_the_callers_trace_header_are_not_passed_on(in_trace):
    in_trace(f"Self=1-2-3;{CHECKOUT};note={'x' * 900}")
    assert tracing.current() == CHECKOUT


def test_later_events_of_an_order_belong_to_the_trace_that_it_was_placed_in(in_trace):
    in_trace(CHECKOUT)
    order = an_order(at=AT)
    in_trace(OTHER)
    assert order.advanced(Status.RESERVED, AT).pending_event.trace_header == CHECKOUT


def test_event_names_the_work_that_wrote_it_within_the_same_trace(in_trace):
    in_trace(CHECKOUT)
    order = an_order(at=AT)
    in_trace(header(1, parent=7))
    assert order.advanced(Status.RESERVED, AT).pending_event.trace_header == header(1, parent=7)


def test_event_begins_a_new_trace_after_x_ray_closed_the_first(in_trace):
    in_trace(CHECKOUT)
    order = an_order(at=AT)
    in_trace(OTHER)
    late = AT + tracing.OPEN_FOR
    assert order.to_be_cancelled(Reason.CUSTOMER_REQUEST, late).pending_event.trace_header == OTHER
    in_time = order.to_be_cancelled(Reason.CUSTOMER_REQUEST, late - timedelta(seconds=1))
    assert in_time.pending_event.trace_header == CHECKOUT


def test_publisher_sends_the_trace_that_a_stream_does_not_carry(in_trace):
    in_trace(OTHER)
    image = record(1)
    image["dynamodb"]["NewImage"]["event"]["M"]["trace_header"] = {"S": CHECKOUT}
    bus_ = FakeBus()
    EventPublisher(bus_, "shop-bus").publish(event_of(image))
    assert bus_.published[0]["TraceHeader"] == CHECKOUT


def test_event_that_was_stored_before_tracing_is_read():
    stored = {name: value for name, value in an_event(1).model_dump().items() if name != "trace_header"}
    assert Envelope.model_validate(stored).trace_header is None


def _delivered(event, sent_in):
    message = a_record("m-1", json.dumps({"detail": event.model_dump()}))
    if sent_in:
        message["attributes"]["AWSTraceHeader"] = sent_in
    return {"Records": [message]}


@pytest.mark.parametrize(("of_event", "of_message"), [(CHECKOUT, OTHER), (CHECKOUT, None), (None, CHECKOUT)])
def test_consumer_continues_the_trace_of_its_event(in_trace, of_event, of_message):
    in_trace(header(3))
    event = an_event(1).model_copy(update={"trace_header": of_event})
    found = []
    bus.consume(_delivered(event, of_message), lambda handled: found.append(tracing.current()))
    assert found == [CHECKOUT]


def test_traces_of_messages_and_invocations_are_separate(in_trace):
    own = header(3)
    in_trace(own)
    untraced = an_event(2).model_copy(update={"trace_header": None})
    traced = an_event(1).model_copy(update={"trace_header": CHECKOUT})
    found = []
    batch = {"Records": [*_delivered(traced, None)["Records"], *_delivered(untraced, None)["Records"]]}
    bus.consume(batch, lambda handled: found.append(tracing.current()))
    assert found == [CHECKOUT, own]
    bus.consume(_delivered(traced, None), lambda handled: None)
    in_trace(OTHER)
    assert tracing.current() == OTHER


class Started(Exception):
    """The request that would have been sent."""


def _sent(client, call):
    """Return the headers of a call."""
    requests = []

    def stop(request, **_):
        requests.append(request)
        raise Started

    client.meta.events.register_first("before-send", stop)
    try:
        with pytest.raises(Started):
            call(client)
    finally:
        client.meta.events.unregister("before-send", stop)
    return requests[0].headers


@pytest.fixture
def as_lambda(monkeypatch):
    for name, value in {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    for client in (aws.sqs, aws.stepfunctions):
        client.cache_clear()
    yield
    for client in (aws.sqs, aws.stepfunctions):
        client.cache_clear()


def _send(sqs):
    sqs.send_message(QueueUrl="https://sqs.eu-west-1.amazonaws.com/1/q", MessageBody="{}")


def test_call_sends_the_continued_trace_and_the_lineage_of_its_invocation(in_trace, as_lambda):
    """Lambda stops endless loops by the lineage: "Use Lambda recursive loop detection", Lambda developer guide."""
    in_trace(f"{OTHER};Lineage=1:a1b2c3d4:0")
    assert _sent(aws.sqs(), _send)[tracing.HEADER] == f"{OTHER};Lineage=1:a1b2c3d4:0".encode()
    tracing.continue_trace(CHECKOUT)
    assert _sent(aws.sqs(), _send)[tracing.HEADER] == f"{CHECKOUT};Lineage=1:a1b2c3d4:0".encode()


def test_workflow_starts_in_the_trace_of_the_event_that_started_it(in_trace):
    class StepFunctions:
        def start_execution(self, **given):
            self.given = given

    in_trace(OTHER)
    tracing.continue_trace(CHECKOUT)
    stepfunctions = StepFunctions()
    Workflow(stepfunctions, "arn:aws:states:eu-west-1:1:stateMachine:saga").start("ord_1", {})
    assert stepfunctions.given["traceHeader"] == CHECKOUT
