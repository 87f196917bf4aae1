"""Fixtures: clients of the local shop and its sandbox, a pause after every scenario, and audits between files."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

import pytest
from boto3.dynamodb.conditions import Key

from infra.commands import job, mail
from infra.commands.client import Buyer, looks
from infra.commands.payments_sandbox import PaymentsSandbox
from infra.local import shop
from tests.auditor import Auditor
from tests.e2e.capture import EventCapture

KEPT_SECONDS = 450
SCENARIOS_PER_AUDIT = 50
"""An audit reads all tables: 2 seconds of processor time when they hold 200 orders."""
IS_OVER, IS_LAST = pytest.StashKey[bool](), pytest.StashKey[bool]()


@pytest.fixture
def guest(opened: dict[str, Any]) -> Buyer:
    return Buyer(opened["api_url"])


@pytest.fixture(scope="session")
def sign_in(opened: dict[str, Any]) -> Callable[[shop.Person], str]:
    """Return a function that signs a person in and returns the id token, which it keeps for half of its 15 minutes."""

    @cache
    def signed_in(person: shop.Person, period: int) -> str:
        return cast(str, Buyer(opened["api_url"]).signed_in(person.email, person.password).token)

    return lambda person: signed_in(person, int(time.monotonic() // KEPT_SECONDS))


@pytest.fixture
def customer(opened: dict[str, Any], sign_in: Callable) -> Buyer:
    return Buyer(opened["api_url"], token=sign_in(shop.CUSTOMER))


@pytest.fixture
def admin(opened: dict[str, Any], sign_in: Callable) -> Buyer:
    return Buyer(opened["api_url"], token=sign_in(shop.ADMIN))


@pytest.fixture
def new_product(admin: Buyer) -> Callable[[int], str]:
    """Return a function that creates a product with this number of units in stock and returns its sku."""

    def make(units: int, price: int = 2500) -> str:
        sku = f"TEST-{uuid.uuid4().hex[:10].upper()}"
        details = {
            "name": f"Test piece {sku}",
            "description": "Made by a test.",
            "price": {"amount": price, "currency": "EUR"},
            "category": "test",
            "image": "/images/products/none.svg",
        }
        assert admin.call("PUT", f"/admin/products/{sku}", details).status == 200
        if units:
            assert admin.call("POST", f"/admin/stock/{sku}", {"delta": units}).status == 200
        return sku

    return make


class Sandbox(PaymentsSandbox):
    """Client of the Stripe sandbox that also reads its ledger."""

    def payments(self, order_id: str) -> list[dict[str, Any]]:
        return [payment for payment in self.call("GET", "/ledger")["payments"] if payment["order_id"] == order_id]

    def kept(self, order_id: str) -> int:
        """Return the kept amount in minor units. Check that it was charged once at most and holds no authorization."""
        payments = self.payments(order_id)
        assert sum(payment["captured"] > 0 for payment in payments) <= 1
        assert not any(payment["capturable"] for payment in payments)
        return sum(payment["captured"] - payment["refunded"] - payment["lost"] for payment in payments)

    def deliveries(self, order_id: str) -> list[dict[str, Any]]:
        """Return the webhook deliveries about the order's payments, newest first."""
        intents = {payment["payment_intent"] for payment in self.payments(order_id)}
        events = self.call("GET", "/v1/events?limit=100")["data"]
        found = {event["id"] for event in events if intents & _intents_of(event["data"]["object"])}
        return [each for each in self.call("GET", "/admin/webhooks")["deliveries"] if each["event"] in found]


def _intents_of(item: dict[str, Any]) -> set[str]:
    return {item["id"], item.get("payment_intent") or ""}


@pytest.fixture
def sandbox(opened: dict[str, Any]) -> Iterator[Sandbox]:
    """Return a client of the sandbox; after the test, remove its faults and its delivery mode."""
    sandbox = Sandbox(opened["payments_url"], opened["stripe_key"])
    yield sandbox
    sandbox.end_faults()
    sandbox.webhooks("normal")


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Return a function that polls until the result is truthy and returns it.

    Pauses grow, because each poll takes processor time from what it waits for.
    """

    def wait(question: Callable[[], Any], seconds: float = 60) -> Any:
        if answer := question():
            return answer
        for _ in looks(seconds):
            if answer := question():
                return answer
        raise AssertionError("not true within the time limit")

    return wait


@pytest.fixture
def table(engine: Any, opened: dict[str, Any]) -> Callable[[str], Any]:
    """Return a function that opens a table by the name of the stack's output."""
    dynamodb = engine.session.resource("dynamodb")
    return lambda output: dynamodb.Table(opened["stack"][output])


@pytest.fixture
def events_of(table: Callable[[str], Any]) -> Callable[[str], list[str]]:
    """Return a function that reads the types of an order's events, oldest first."""

    def types(order_id: str) -> list[str]:
        events = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = table("OrdersTableName").query(KeyConditionExpression=events, ConsistentRead=True)["Items"]
        return [item["event"]["type"] for item in items]

    return types


@pytest.fixture
def emails(opened: dict[str, Any]) -> Callable[[str], list[str]]:
    """Return a function that reads the subjects of the emails about an order."""

    def subjects(order_id: str) -> list[str]:
        sent = mail.messages(opened["engine_url"], opened["account"])
        return [m["Subject"].split(" – ")[0] for m in sent if order_id in m["BodyText"]]

    return subjects


@pytest.fixture
def captured(engine: Any, opened: dict[str, Any]) -> Iterator[EventCapture]:
    """Record the events that are published on the bus during the test."""
    with EventCapture(engine.session, opened["stack"]["EventBusName"]) as events:
        yield events


@pytest.fixture
def resource(engine: Any) -> Callable[[str], str]:
    """Return a function that looks up a resource's physical id by its logical id."""

    def name(logical_id: str) -> str:
        described = engine.session.client("cloudformation").describe_stack_resource(
            StackName=shop.STACK, LogicalResourceId=logical_id
        )
        return described["StackResourceDetail"]["PhysicalResourceId"]

    return name


@pytest.fixture
def mapping(engine, resource, eventually):
    """Return a function that disables or enables a consumer, by the logical id of its event source mapping."""
    switched_off: set[str] = set()

    def switch(logical_id, on):
        client, uuid = engine.session.client("lambda"), resource(logical_id)
        client.update_event_source_mapping(UUID=uuid, Enabled=on)
        state = "Enabled" if on else "Disabled"
        eventually(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == state)
        (switched_off.discard if on else switched_off.add)(logical_id)

    yield switch
    for logical_id in list(switched_off):
        switch(logical_id, True)


@pytest.fixture(scope="session")
def auditor(engine: Any, opened: dict[str, Any]) -> Iterator[Auditor]:
    """Audit all scenarios at the end of the run."""
    auditor = Auditor(engine.session, opened)
    yield auditor
    assert auditor.violations() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Mark the last case of each test, which ends a scenario, and the last scenario of each file, which is audited."""
    item.stash[IS_OVER] = nextitem is None or _scenario(item) != _scenario(nextitem)
    item.stash[IS_LAST] = nextitem is None or item.path != nextitem.path
    return (yield)


def _scenario(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest, auditor: Auditor) -> Iterator[None]:
    """Wait for a shop at rest after each scenario, and audit the shop at the end of a file after enough of them."""
    yield
    if not request.node.stash[IS_OVER]:
        return
    auditor.scenarios += 1
    if request.node.stash[IS_LAST] and auditor.scenarios >= SCENARIOS_PER_AUDIT:
        auditor.scenarios = 0
        assert auditor.violations() == []
    else:
        auditor.wait_for_rest()


@pytest.fixture
def outbox_event(table):
    """Return a function that reads an order's event of a type in the format in which a rule sends it to a queue."""

    def of(order_id, event_type):
        keys = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = table("OrdersTableName").query(KeyConditionExpression=keys)["Items"]
        event = next(item["event"] for item in items if item["event"]["type"] == event_type)
        detail = json.loads(json.dumps(event, default=int))
        return {"source": detail["source"], "detail-type": event_type, "detail": detail}

    return of


@pytest.fixture
def executions(engine, opened):
    """Return a function that lists the names of a state machine's executions with this prefix, or those in a state."""

    def names(output, prefix, **state):
        pages = engine.session.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=opened["stack"][output], **state)
        return sorted(e["name"] for page in found for e in page["executions"] if e["name"].startswith(prefix))

    return names


@pytest.fixture
def timeline(admin):
    """Return a function that reads an order's timeline in the console."""

    def of(order_id):
        items = admin.must("GET", f"/admin/orders/{order_id}/timeline")["items"]
        assert [item["at"] for item in items] == sorted(item["at"] for item in items)
        return items

    return of


@pytest.fixture
def of_order(table):
    """Return a function that reads the items of an order in the insights table: its parts and events."""

    def items(order_id):
        key = Key("pk").eq(f"ORDER#{order_id}")
        return table("InsightsTableName").query(KeyConditionExpression=key, ConsistentRead=True)["Items"]

    return items


@pytest.fixture
def settled(of_order, eventually):
    """Return a function that waits until an order's OrderSettled is published, and returns the event."""

    def event(order_id):
        def published():
            events = [item for item in of_order(order_id) if item["sk"].startswith("EVENT#")]
            return events if events and all("published_at" in item for item in events) else None

        [item] = eventually(published)
        return item["event"]

    return event


@pytest.fixture
def run_job(engine):
    """Return a function that runs a scheduled job now and returns its result."""
    known = job.jobs()
    return lambda name, **given: job.invoke(engine.session, shop.STACK, known[name], given)
