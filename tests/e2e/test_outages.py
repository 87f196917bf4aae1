"""Outages: a restart of the AWS emulator (MiniStack), and a Stripe outage that outlasts every retry."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from infra.commands.client import Buyer
from infra.local import processes
from infra.local.own_shop import OwnShop, started
from tests.auditor import Auditor

pytestmark = pytest.mark.takes_long


@pytest.fixture
def audited() -> None:
    """Skip the audit of the shared shop: this file has a shop of its own and audits that one."""


@pytest.fixture
def opened() -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module")
def own_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnShop]:
    with started(OwnShop(tmp_path_factory.mktemp("own"), products=1)) as own:
        yield own


def test_restart_at_another_port_keeps_the_data_and_loses_no_order(own_shop):
    opened = own_shop.open()
    buyer = Buyer(opened["api_url"])
    product = max(buyer.call("GET", "/products").body["items"], key=lambda p: p["available"])
    before = buyer.buy(product["sku"])
    buyer.ended(before)
    # A message in flight while the emulator stops is received again after its visibility timeout of two minutes.
    assert Auditor(own_shop.place.session, opened).violations() == []

    own_shop.stop_engine()
    own_shop.engine_port = processes.free_port()
    own_shop.start_engine()
    reopened = own_shop.open()

    buyer.api_url = reopened["api_url"]
    assert buyer.order(before)["status"] == "COMPLETED"
    after = buyer.buy(product["sku"])
    assert buyer.ended(after)["status"] == "COMPLETED"
    assert buyer.call("GET", f"/products/{product['sku']}").body["available"] == product["available"] - 2
    assert Auditor(own_shop.place.session, reopened).violations() == []


def test_failed_compensation_is_parked_and_is_no_cancellation(own_shop):
    opened = own_shop.open()
    session = own_shop.place.session
    buyer = Buyer(opened["api_url"])
    sku = max(buyer.call("GET", "/products").body["items"], key=lambda p: p["available"])["sku"]
    order_id = buyer.buy(sku, line2="sandbox:silent")
    wait_for(lambda: buyer.order(order_id)["status"] == "SHIPPING")

    own_shop.stop_payments()

    execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
    stepfunctions = session.client("stepfunctions")
    wait_for(lambda: stepfunctions.describe_execution(executionArn=execution)["status"] != "RUNNING")
    ended = stepfunctions.describe_execution(executionArn=execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "CompensationExhausted")
    parked = session.client("sqs").receive_message(QueueUrl=opened["stack"]["ParkedOrdersQueueUrl"])["Messages"]
    assert [json.loads(message["Body"])["order_id"] for message in parked] == [order_id]
    assert buyer.order(order_id)["status"] == "SHIPPING"


def wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this in time"
        time.sleep(0.2)
