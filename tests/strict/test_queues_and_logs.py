"""Queues that feed functions, and log queries over several groups."""

import time

import pytest

from tests.strict.conftest import ACCOUNT, allowed, failed_stack, refused

CODE = "def handler(event, context):\n    return None\n"


@pytest.fixture(scope="module")
def function(functions):
    """Return the ARN of a function that may run for 60 seconds."""
    return functions.create("reader-of-queues", CODE)


def queue(session, name, seconds):
    """Return the ARN of a new queue that hides messages for so many seconds."""
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(seconds)})["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_queue_that_shows_its_messages_too_early_is_refused(session, function):
    map_source = session.client("lambda").create_event_source_mapping

    error = refused(map_source, EventSourceArn=queue(session, "early", 59), FunctionName=function)

    assert error["Code"] == "InvalidParameterValueException"
    assert "Queue visibility timeout: 59 seconds is less than Function timeout: 60 seconds" in error["Message"]
    assert map_source(EventSourceArn=queue(session, "late-enough", 60), FunctionName=function)["BatchSize"] == 10


def test_stack_with_a_queue_that_shows_its_messages_too_early_fails(session, function):
    source = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 30}}
    properties = {"EventSourceArn": {"Fn::GetAtt": ["Source", "Arn"]}, "FunctionName": function}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}

    reason = failed_stack(session, "early-queue", Source=source, Mapping=mapping)

    assert "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds" in reason


def test_query_needs_the_permission_on_each_log_group(session):
    for name in ("/ours/a", "/ours/b", "/theirs"):
        session.client("logs").create_log_group(logGroupName=name)
    ours = f"arn:aws:logs:{session.region_name}:{ACCOUNT}:log-group:/ours/*"
    logs = allowed(session, "reader-of-logs", "logs:StartQuery", resource=ours).client("logs")
    now = int(time.time())
    query = {"startTime": now - 60, "endTime": now, "queryString": "fields @message"}

    error = refused(logs.start_query, logGroupNames=["/ours/a", "/theirs"], **query)

    assert error["Code"] == "AccessDeniedException"
    assert logs.start_query(logGroupNames=["/ours/a", "/ours/b"], **query)["queryId"]
