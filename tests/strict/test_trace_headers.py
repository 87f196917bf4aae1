"""Trace headers: a call's trace reaches functions, messages, events and workflows; a poller begins one of its own."""

import json

import pytest
from botocore.config import Config

from tests.strict.conftest import ROLE, eventually

HEADER = f"Root=1-6a0b1c2d-{1:024x};Parent={1:016x};Sampled=1"
ROOT = HEADER.split(";")[0]
ECHO = 'import os\ndef handler(event, context): return os.environ.get("_X_AMZN_TRACE_ID", "")'


@pytest.fixture(scope="module")
def echo(functions):
    """Return the ARN of a function that returns its trace header."""
    return functions.create("echo-trace", ECHO)


@pytest.fixture
def queue(session):
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName="traced")["QueueUrl"]
    yield Queue(sqs, url)
    sqs.delete_queue(QueueUrl=url)


class Queue:
    def __init__(self, sqs, url):
        self.sqs, self.url = sqs, url
        self.arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def received(self):
        """Return the trace header of the next message, which may have none."""
        call = {"QueueUrl": self.url, "MessageSystemAttributeNames": ["All"]}
        message = eventually(lambda: self.sqs.receive_message(**call).get("Messages"))[0]
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return message["Attributes"].get("AWSTraceHeader")


def _traced(session, service, header=HEADER):
    """Return a client of its own that sends a header with each call."""
    client = session.client(service, config=Config())
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": header})
    )
    return client


def test_invoked_function_continues_the_trace_of_its_caller(session, echo):
    answer = _traced(session, "lambda").invoke(FunctionName=echo)
    assert json.load(answer["Payload"]).startswith(f"{ROOT};Parent=")


def test_message_has_the_trace_of_its_sender_if_there_is_one(session, queue):
    _traced(session, "sqs").send_message(QueueUrl=queue.url, MessageBody="{}")
    assert queue.received() == HEADER
    session.client("sqs").send_message(QueueUrl=queue.url, MessageBody="{}")
    assert queue.received() is None


def test_event_travels_under_the_header_of_its_entry(session, queue):
    events = session.client("events")
    rule = events.put_rule(Name="traced", EventPattern='{"source": ["shop"]}')["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    events.put_targets(Rule="traced", Targets=[{"Id": "queue", "Arn": queue.arn}])
    entry = {"Source": "shop", "DetailType": "Placed", "Detail": "{}"}
    answer = events.put_events(Entries=[{**entry, "TraceHeader": HEADER}, entry])
    assert answer["FailedEntryCount"] == 0 and len(answer["Entries"]) == 2
    assert {queue.received(), queue.received()} == {HEADER, None}
    events.remove_targets(Rule="traced", Ids=["queue"])
    events.delete_rule(Name="traced")


def test_steps_of_a_workflow_run_in_the_trace_of_its_start(session, echo):
    stepfunctions = session.client("stepfunctions")
    definition = {"StartAt": "Echo", "States": {"Echo": {"Type": "Task", "Resource": echo, "End": True}}}
    machine = stepfunctions.create_state_machine(name="traced", definition=json.dumps(definition), roleArn=ROLE)
    arn = machine["stateMachineArn"]
    execution = stepfunctions.start_execution(stateMachineArn=arn, traceHeader=HEADER)["executionArn"]

    def output():
        return stepfunctions.describe_execution(executionArn=execution).get("output")

    assert json.loads(eventually(output)).startswith(f"{ROOT};Parent=")
