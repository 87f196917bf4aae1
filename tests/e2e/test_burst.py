"""A burst of orders in a new AWS account, which runs ten functions at once: `make burst` under throttling.

The shop's API is an HTTP API, so that all its routes, webhooks included, are used by that one once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.commands import burst
from infra.commands.patient_buyer import PatientBuyer
from infra.local import shop
from infra.local.own_shop import OwnShop, started
from tests.auditor import Auditor

pytestmark = pytest.mark.takes_long

ORDERS = 100
NEW_ACCOUNT = {"LAMBDA_ACCOUNT_CONCURRENCY": "10", "SFN_WAIT_SCALE": "0.2"}


@pytest.fixture
def audited() -> None:
    """Skip the audit of the shared shop: this file has a shop of its own and audits that one."""


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[OwnShop]:
    with started(OwnShop(tmp_path, emulator_settings=NEW_ACCOUNT, parameters={"ApiType": "Http"})) as own:
        yield own


def test_burst_in_a_new_account_completes_every_order(own_shop):
    opened = own_shop.open()
    session = own_shop.place.session
    admin = PatientBuyer(opened["api_url"]).signed_in(shop.ADMIN.email, shop.ADMIN.password)
    sku = max(admin.must("GET", "/products")["items"], key=lambda product: product["available"])["sku"]
    admin.must("PUT", f"/admin/stock/{sku}", {"on_hand": ORDERS})

    result = burst.hold(opened["api_url"], sku, ORDERS, PatientBuyer)

    assert result.has_drained(ORDERS), result
    assert result.during
    assert Auditor(session, opened).violations() == []
    assert admin.must("GET", f"/products/{sku}")["available"] == 0
    queues = admin.must("GET", "/admin/queues")["items"]
    assert not any(queue["dead_letters"]["waiting"] for queue in queues)
    assert throttled_calls(session) > ORDERS, "the account was never at its limit"


def throttled_calls(session: Any) -> float:
    found = session.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])
