"""Fixtures: tables with the keys and indexes of the template, on moto's DynamoDB."""

import copy
import uuid
from collections import defaultdict

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from chalicelib.platform import retries
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.counters import CounterTable
from infra.build.template import merged_template
from tests.builders import TestClock
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


@pytest.fixture(scope="session")
def new_table(dynamodb):
    return table_maker(dynamodb)


def table_maker(dynamodb):
    """Return a function that creates the table with a logical id of the template, empty, and returns its name."""
    resources = merged_template("local")["Resources"]

    def create(logical_id):
        assert resources[logical_id]["Type"] == "AWS::DynamoDB::Table"
        name = f"{logical_id}-{uuid.uuid4().hex[:8]}"
        properties = resources[logical_id]["Properties"]
        wanted = {key: value for key, value in properties.items() if key not in NOT_OF_THE_CALL}
        dynamodb.create_table(TableName=name, **wanted)
        return name

    return create


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
