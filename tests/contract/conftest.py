"""Fixtures: tables with the keys and indexes of the template, in the simulated DynamoDB of the test bed.

Stores whose conditions guard orders, stock or money use the AWS emulator's DynamoDB too, through botocore.
"""

import uuid

import boto3
import pytest
from moto import mock_aws

from chalicelib.platform import retries
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.counters import CounterTable
from infra.build.template import merged_template
from infra.capacity import in_process
from testbed.dynamodb import DynamoDB
from tests.builders import TestClock
from tests.contract import product_imports
from tests.fakes import InConflict
from tests.insights import InsightsRooms

ON_THE_EMULATOR_TOO = {
    "test_carts",
    "test_idempotency",
    "test_inventory",
    "test_orders",
    "test_outbox",
    "test_payment_and_shipment_stores",
    "test_stock_shards",
}


def pytest_generate_tests(metafunc):
    if "database" in metafunc.fixturenames and metafunc.module.__name__.split(".")[-1] in ON_THE_EMULATOR_TOO:
        metafunc.parametrize("database", ["simulated", "emulated"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def database(request):
    """Return a client, and a function that creates a table with a name and CloudFormation's properties."""
    if getattr(request, "param", "simulated") == "simulated":
        simulated = DynamoDB()
        return simulated.client(), simulated.create_table
    client = in_process.connect()
    return client, lambda name, properties: in_process.create(client, name, properties)


@pytest.fixture(scope="session")
def dynamodb(database):
    return database[0]


@pytest.fixture(scope="session")
def new_table(database):
    return table_maker(database[1])


def table_maker(create):
    """Return a function that creates the table with a logical id of the template, empty, and returns its name."""
    resources = merged_template("local")["Resources"]

    def new_table(logical_id):
        name = f"{logical_id}-{uuid.uuid4().hex[:8]}"
        create(name, resources[logical_id]["Properties"])
        return name

    return new_table


@pytest.fixture(scope="module")
def mocked_aws():
    """AWS as moto mocks it, for tests that look at requests of botocore or into a bucket."""
    with mock_aws():
        yield


@pytest.fixture(scope="module")
def imports_s3(mocked_aws):
    """Return a client with the bucket of the imports."""
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
