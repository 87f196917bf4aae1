"""Dead-letter queue operations on SQS: peek, handle once, and send back unchanged."""

import time
import uuid

import boto3
import pytest
from moto import mock_aws

from chalicelib.dead_letters.queue import AT_ONCE, WORK_SECONDS, DeadLetterQueue


@pytest.fixture
def sqs():
    with mock_aws():
        yield boto3.client("sqs", region_name="eu-west-1")


@pytest.fixture
def dead_letters(sqs):
    return DeadLetterQueue(sqs)


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


def test_peek_leaves_dead_letters_in_the_queue(sqs, dead_letters, new_queue):
    url = new_queue("given-up")
    sqs.send_message(QueueUrl=url, MessageBody="{}")

    assert [dead_letter.body for dead_letter in dead_letters.peek(url)] == ["{}"]
    assert [dead_letter.body for dead_letter in dead_letters.peek(url)] == ["{}"]


def test_handled_dead_letter_is_deleted_and_a_failed_one_stays(sqs, dead_letters, new_queue):
    url = new_queue("given-up")
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=url, MessageBody=body)

    def act(dead_letter):
        if dead_letter.body == "bad":
            raise ConnectionError

    handled = dead_letters.handle(url, None, act)

    assert (len(handled.done), list(handled.failed.values())) == (1, ["ConnectionError"])
    assert bodies(sqs, url) == ["bad"]


def test_handle_with_ids_handles_only_those_dead_letters(sqs, dead_letters, new_queue):
    url = new_queue("given-up")
    sent = [sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in ("one", "two")]

    handled = dead_letters.handle(url, [sent[1]], lambda dead_letter: None)

    assert handled.done == [sent[1]]
    assert bodies(sqs, url) == ["one"]


def test_redrive_handles_each_dead_letter_once_when_it_is_parked_again(sqs, dead_letters, new_queue):
    """What fails again at once would otherwise be received again, and again, until the call times out."""
    url = new_queue("given-up")
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    acted = []

    def park_again(dead_letter):
        acted.append(dead_letter.body)
        sqs.send_message(QueueUrl=url, MessageBody=f"again {dead_letter.body}")

    handled = dead_letters.handle(url, None, park_again, sent_until=now_in_milliseconds(sqs, url))

    assert sorted(acted) == ["0", "1", "2"]
    assert (len(handled.done), handled.failed, handled.complete) == (3, {}, True)
    assert sorted(bodies(sqs, url)) == ["again 0", "again 1", "again 2"]


def test_redrive_that_runs_out_of_time_says_so_and_loses_nothing(sqs, new_queue):
    url = new_queue("given-up")
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    seconds = iter([0.0, 0.0, WORK_SECONDS - 1, WORK_SECONDS])

    handled = DeadLetterQueue(sqs, lambda: next(seconds)).handle(url, None, lambda dead_letter: None)

    assert (len(handled.done), handled.complete) == (2, False)
    assert len(bodies(sqs, url)) == 1


def test_redrive_of_more_than_one_call_can_do_is_incomplete(sqs, dead_letters, new_queue):
    url = new_queue("given-up")
    for _ in range(AT_ONCE + 1):
        sqs.send_message(QueueUrl=url, MessageBody="{}")

    assert not dead_letters.handle(url, None, lambda dead_letter: None).complete
    assert dead_letters.handle(url, None, lambda dead_letter: None).complete


def now_in_milliseconds(sqs, url):
    """The moment the last message was sent; the clock goes on before the next one is sent."""
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    for message in messages:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    last = max(int(message["Attributes"]["SentTimestamp"]) for message in messages)
    while time.time() * 1000 < last + 1:
        pass
    return last


def test_redrive_to_a_fifo_queue_keeps_the_message_group(sqs, dead_letters, new_queue):
    fifo = {"FifoQueue": "true"}
    target, source = new_queue("given-up.fifo", **fifo), new_queue("source.fifo", **fifo)
    for queue in (target, source):
        sqs.send_message(QueueUrl=queue, MessageBody="{}", MessageGroupId="ord_1", MessageDeduplicationId="evt_1")
    sqs.purge_queue(QueueUrl=source)

    dead_letters.handle(target, None, lambda dead_letter: dead_letters.send(source, dead_letter))

    received = sqs.receive_message(QueueUrl=source, MessageSystemAttributeNames=["All"], AttributeNames=["All"])
    assert [message["Attributes"]["MessageGroupId"] for message in received["Messages"]] == ["ord_1"]
