"""Dead letters in SQS: looked at without being moved, handled once, and sent back as they were."""

import uuid

import boto3
import pytest
from moto import mock_aws

from chalicelib.operations.letters import Letters


@pytest.fixture
def sqs():
    with mock_aws():
        yield boto3.client("sqs", region_name="eu-west-1")


@pytest.fixture
def letters(sqs):
    return Letters(sqs)


@pytest.fixture
def new_queue(sqs):
    def make(name, **attributes):
        return sqs.create_queue(QueueName=f"{uuid.uuid4().hex[:8]}-{name}", Attributes=attributes)["QueueUrl"]

    return make


def bodies(sqs, url):
    """Of all that are there; a message that is hidden is there, too."""
    hidden = "ApproximateNumberOfMessagesNotVisible"
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[hidden])["Attributes"][hidden] == "0"
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in received]


def test_looking_moves_nothing(sqs, letters, new_queue):
    url = new_queue("given-up")
    sqs.send_message(QueueUrl=url, MessageBody="{}")

    assert [letter.body for letter in letters.peek(url)] == ["{}"]
    assert [letter.body for letter in letters.peek(url)] == ["{}"]


def test_a_letter_that_is_handled_is_gone_and_one_that_is_not_stays(sqs, letters, new_queue):
    url = new_queue("given-up")
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=url, MessageBody=body)

    def act(letter):
        if letter.body == "bad":
            raise ConnectionError

    handled = letters.handle(url, None, act)

    assert (len(handled.done), list(handled.failed.values())) == (1, ["ConnectionError"])
    assert bodies(sqs, url) == ["bad"]


def test_only_the_wanted_ones_are_handled(sqs, letters, new_queue):
    url = new_queue("given-up")
    sent = [sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in ("one", "two")]

    handled = letters.handle(url, [sent[1]], lambda letter: None)

    assert handled.done == [sent[1]]
    assert bodies(sqs, url) == ["one"]


def test_a_letter_of_a_fifo_queue_goes_back_into_its_group(sqs, letters, new_queue):
    fifo = {"FifoQueue": "true"}
    given_up, source = new_queue("given-up.fifo", **fifo), new_queue("source.fifo", **fifo)
    for queue in (given_up, source):
        sqs.send_message(QueueUrl=queue, MessageBody="{}", MessageGroupId="ord_1", MessageDeduplicationId="evt_1")
    sqs.purge_queue(QueueUrl=source)

    letters.handle(given_up, None, lambda letter: letters.send(source, letter))

    received = sqs.receive_message(QueueUrl=source, MessageSystemAttributeNames=["All"], AttributeNames=["All"])
    assert [message["Attributes"]["MessageGroupId"] for message in received["Messages"]] == ["ord_1"]
