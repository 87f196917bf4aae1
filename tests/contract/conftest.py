"""Fixtures: tables with the keys and indexes of the template, on moto's DynamoDB."""

import copy
import uuid
from collections import defaultdict

import boto3
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.serialize import ResponseSerializer
from moto.dynamodb import dynamodb_backends
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from chalicelib.platform import retries
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.counters import CounterTable
from infra.build.template import merged_template
from tests.builders import TestClock
from tests.contract import product_imports
from tests.fakes import InConflict
from tests.insights import InsightsRooms

NOT_OF_THE_CALL = {
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "TimeToLiveSpecification",
    "StreamSpecification",
    "TableName",
}
"""Properties of a table in the template that neither `CreateTable` nor a store needs."""


@pytest.fixture(scope="session")
def dynamodb():
    _back_up_without_copies()
    _answer_values_as_they_are()
    with mock_aws():
        yield boto3.resource("dynamodb", region_name="eu-central-1").meta.client


def _back_up_without_copies():
    """Let moto back up tables for a rollback without copies of their items: an update then changes a copy of its item.

    Its own backup, a deep copy of the table for each item of a transaction, takes a fifth of the time of these tests.
    """
    update = DynamoDBBackend.update_item

    def snapshot(table, memo):
        saved = copy.copy(table)
        saved.items = defaultdict(dict, {key: copy.copy(found) for key, found in table.items.items()})
        return saved

    def update_a_copy(backend, table_name, key, *arguments, **options):
        if item := backend.get_item(table_name, key):
            items, changed = backend.get_table(table_name).items, copy.deepcopy(item)
            if item.range_key:
                items[item.hash_key][item.range_key] = changed
            else:
                items[item.hash_key] = changed
        return update(backend, table_name, key, *arguments, **options)

    Table.__deepcopy__ = snapshot
    DynamoDBBackend.update_item = update_a_copy


def _answer_values_as_they_are():
    """Let moto put stored values into an answer unchanged, except binary ones.

    Its own serializer looks for each member of each value under several names: a fifth of the time of these tests.
    """
    serialize = ResponseSerializer._serialize

    def serialize_others(serializer, serialized, value, shape, key):
        if shape.name == "AttributeValue" and isinstance(value, dict) and _is_text(value):
            serialized[key] = value
        else:
            serialize(serializer, serialized, value, shape, key)

    ResponseSerializer._serialize = serialize_others


def _is_text(value):
    """Whether a value is plain JSON: nested ones may be objects of moto or binary."""
    [(kind, content)] = value.items()
    if kind == "M":
        return all(isinstance(each, dict) and _is_text(each) for each in content.values())
    if kind == "L":
        return all(isinstance(each, dict) and _is_text(each) for each in content)
    return kind in ("S", "N", "BOOL", "NULL", "SS", "NS")


@pytest.fixture(scope="session")
def new_table(dynamodb):
    return table_maker(dynamodb)


def table_maker(dynamodb):
    """Return a function that creates the table with a logical id of the template, empty, and returns its name.

    A table's first creation is a call; the others copy that table, which takes a tenth of the time.
    """
    resources = merged_template("local")["Resources"]
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][dynamodb.meta.region_name].tables
    first = {}

    def create(logical_id):
        assert resources[logical_id]["Type"] == "AWS::DynamoDB::Table"
        name = f"{logical_id}-{uuid.uuid4().hex[:8]}"
        if logical_id not in first:
            properties = resources[logical_id]["Properties"]
            wanted = {key: value for key, value in properties.items() if key not in NOT_OF_THE_CALL}
            dynamodb.create_table(TableName=name, **wanted)
            first[logical_id] = tables[name]
        else:
            copied = tables[name] = copy.copy(first[logical_id])
            copied.name, copied.table_arn, copied.items = name, copied._generate_arn(name), defaultdict(dict)
        return name

    return create


@pytest.fixture(scope="session")
def imports_s3(dynamodb):
    """Return a client with the bucket of the imports, in the same mocked AWS account as the tables."""
    client = boto3.client("s3", region_name="eu-central-1")
    client.create_bucket(
        Bucket=product_imports.BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return client


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch):
    """Retry without pauses."""
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def rooms(dynamodb, new_table, clock):
    return InsightsRooms(CounterTable(dynamodb, new_table("InsightsTable")), clock)


@pytest.fixture
def crowded(dynamodb, rooms, clock):
    """Return the same rooms on a table whose first transactions conflict with others."""

    def on(times):
        return InsightsRooms(CounterTable(InConflict(dynamodb, times), rooms.table._table), clock)

    return on


class Counted(BaseModel):
    times: int


class Work:
    """Work that an idempotent caller does: each call returns another number."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return Counted(times=self.times)


@pytest.fixture
def work():
    return Work()
