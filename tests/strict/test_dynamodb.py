"""DynamoDB: transactions conflict with other writes, and batches of a stream are retried as their mapping says."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.local.strict.stream_batches import Batch, StreamReader
from tests.strict.conftest import ONE_ATTEMPT, TRANSACTION_SECONDS, eventually, refused

KEY = {"id": {"S": "item"}}
OTHER = {"id": {"S": "other"}}


@pytest.fixture(scope="module")
def db(session):
    return session.client("dynamodb", config=ONE_ATTEMPT)


def table(db, name, **settings):
    db.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        **settings,
    )
    return name


@pytest.fixture(scope="module")
def items(db):
    return table(db, "items")


def write(items, key=KEY):
    return {"Put": {"TableName": items, "Item": key}}


@pytest.fixture
def ongoing(db, items):
    """A transaction on one item that takes a while."""
    with ThreadPoolExecutor() as pool:
        transaction = pool.submit(db.transact_write_items, TransactItems=[write(items)], ClientRequestToken="first")
        time.sleep(TRANSACTION_SECONDS / 4)
        yield
        transaction.result()


def test_write_of_an_item_in_a_transaction_is_refused(db, items, ongoing):
    error = refused(db.put_item, TableName=items, Item=KEY)

    assert error["Code"] == "TransactionConflictException"


def test_transaction_on_an_item_in_a_transaction_is_cancelled(db, items, ongoing):
    with pytest.raises(db.exceptions.TransactionCanceledException) as cancelled:
        db.transact_write_items(TransactItems=[write(items, OTHER), write(items)])

    reasons = [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]]
    assert reasons == ["None", "TransactionConflict"]
    assert "Item" not in db.get_item(TableName=items, Key=OTHER)


def test_repeated_transaction_is_in_progress(db, items, ongoing):
    repeated = refused(db.transact_write_items, TransactItems=[write(items)], ClientRequestToken="first")

    assert repeated["Code"] == "TransactionInProgressException"


def test_read_and_write_beside_a_transaction_go_on(db, items, ongoing):
    db.put_item(TableName=items, Item={"id": {"S": "beside"}})
    db.get_item(TableName=items, Key=KEY)


WRITING = """
import json, pathlib
def handler(event, context):
    ids = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    with open({path!r}, "a") as file:
        file.write(" ".join(ids) + "\\n")
    if {whole!r} and "bad" in ids:
        raise ValueError("bad")
    failed = [r["dynamodb"]["SequenceNumber"] for r, id in zip(event["Records"], ids) if id == "bad"]
    return {{"batchItemFailures": [{{"itemIdentifier": number}} for number in failed]}}
"""


@pytest.mark.parametrize(
    ("name", "whole", "calls"),
    [
        ("reported", False, ["a bad b", "bad b"]),
        ("raised", True, ["a bad b", "a", "bad b", "bad", "bad", "b"]),
    ],
)
def test_failed_batch_of_a_stream_is_retried_and_then_kept(session, functions, db, tmp_path, name, whole, calls):
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    table(db, name, StreamSpecification=stream)
    for item in ("a", "bad", "b"):
        db.put_item(TableName=name, Item={"id": {"S": item}})
    functions.create(f"stream-{name}", WRITING.format(path=str(tmp_path / "calls"), whole=whole))
    queues = session.client("sqs")
    url = queues.create_queue(QueueName=f"stream-{name}")["QueueUrl"]
    queue = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    functions.client.create_event_source_mapping(
        FunctionName=f"stream-{name}",
        EventSourceArn=db.describe_table(TableName=name)["Table"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    kept = eventually(lambda: queues.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    eventually(lambda: len((tmp_path / "calls").read_text().splitlines()) == len(calls))

    assert (tmp_path / "calls").read_text().splitlines() == calls
    assert json.loads(kept[0]["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_throttled_batch_of_a_stream_is_not_counted():
    reader = StreamReader()

    assert not reader.fail(Batch(0, 2), 0, {"MaximumRetryAttempts": 0}, {"error": True, "throttle": True})
    assert reader.waiting == [Batch(0, 2)]
