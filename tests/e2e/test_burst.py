"""A burst of orders in a new AWS account, which runs ten functions at once; then a small chaos run in the same shop.

The shop's API is an HTTP API, so that all its routes, webhooks included, are used by that one once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.commands import burst, chaos
from infra.commands.patient_buyer import PatientBuyer
from infra.local import processes, shop
from infra.local.own_shop import OwnShop, started
from testbed.plan import Fault, FaultPlan
from testbed.record import Injected
from tests.auditor import Auditor

pytestmark = pytest.mark.takes_long

ORDERS = 20
CHAOS_ORDERS = 20
FAULTS = FaultPlan.of("""
    dynamodb.*=throttle@0.04 dynamodb.*=error@0.04 dynamodb.*/Orders*=lost_answer@0.05
    dynamodb.*=delay@0.03~0.2 dynamodb.*=timeout#90~1
    sqs.*=error@0.15 sqs.*=lost_answer@0.15
    events.*=lost_answer@0.2 events.*=throttle@0.2 events.*=error@0.2
    states.*=throttle@0.15 states.*=error@0.15 states.*=lost_answer@0.15
    ssm.*=throttle#1,3 ses.*=throttle#2 s3.*=error#1
    payments.*=error@0.1 payments.*=lost_answer@0.1 payments.*=throttle@0.1 payments.*=delay@0.1~0.5
    webhook.*=duplicate#1,5,9,13 webhook.*=reorder#2,6,10,14 webhook.*=delay#3,7,11,15~1 webhook.*=error#4,8,12,16
    warehouse.refuse=error#3,12 warehouse.reply=duplicate#1,4 warehouse.reply=reorder#2,3
    function.*_payment=kill@0.05 function.reserve_inventory=kill@0.15 function.api_handler=kill#10,30,60
""")
"""Each strikes at least once, except those of webhooks, which need an event in their second.

The API dies three times only: on a slow machine, starting its environments again takes longer than they would live.
"""
SETTINGS = chaos.Settings(CHAOS_ORDERS, seed=8, plan=FAULTS, restarts=False, settles_seconds=90)
NEW_ACCOUNT = {"LAMBDA_ACCOUNT_CONCURRENCY": "10", "SFN_WAIT_SCALE": "0.2"}


@pytest.fixture
def audited() -> None:
    """Skip the audit of the shared shop: this file has a shop of its own and audits that one."""


@pytest.fixture(scope="module")
def own_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnShop]:
    home = tmp_path_factory.mktemp("own")
    parameters = chaos.PARAMETERS | {"ApiType": "Http"}
    own = OwnShop(home, emulator_settings=NEW_ACCOUNT, parameters=parameters, products=chaos.PRODUCTS)
    with started(own):
        yield own


@pytest.fixture(scope="module")
def opened(own_shop: OwnShop) -> dict[str, Any]:
    return own_shop.open()


def test_burst_in_a_new_account_completes_every_order(own_shop, opened):
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


def test_faults_at_every_boundary_violate_no_invariant(own_shop, opened):
    own_shop.faults_port, own_shop.emulator_settings = processes.free_port(), {"SFN_WAIT_SCALE": "0.02"}
    own_shop.start_faults()
    own_shop.stop_engine()
    own_shop.start_engine()

    result = chaos.hold(own_shop, opened, SETTINGS, print)

    print(result.summary())
    assert [verdict for verdict in result.record.verdicts if verdict.violations] == []
    assert result.problems == []
    assert sum(each.seconds is not None for each in result.record.outcomes) == CHAOS_ORDERS
    injected = result.record.injected
    assert [fault for fault in FAULTS.faults if not any(strikes(fault, each) for each in injected)] == []


def strikes(fault: Fault, injected: Injected) -> bool:
    return fnmatchcase(injected.site, fault.where) and (injected.what == fault.what or fault.where == "webhook.*")


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
