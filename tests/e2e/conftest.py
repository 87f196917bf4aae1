"""A shop to buy from, its people, a shop at rest after every scenario, and the audit after every file."""

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from boto3.dynamodb.conditions import Key

from infra.commands import mail
from infra.commands.client import Buyer
from infra.local import shop
from tests.auditor import Auditor
from tests.e2e.capture import EventCapture

IS_OVER, IS_LAST = pytest.StashKey[bool](), pytest.StashKey[bool]()


@pytest.fixture
def guest(opened: dict[str, Any]) -> Buyer:
    return Buyer(opened["api_url"])


@pytest.fixture(scope="session")
def sign_in(engine: Any, opened: dict[str, Any]) -> Callable[[shop.Person], str]:
    """A person's id token, of one sign-in for all tests of a worker."""

    @cache
    def token(person: shop.Person) -> str:
        answer = engine.session.client("cognito-idp").initiate_auth(
            ClientId=opened["stack"]["UserPoolClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": person.email, "PASSWORD": person.password},
        )
        return answer["AuthenticationResult"]["IdToken"]

    return token


@pytest.fixture
def customer(opened: dict[str, Any], sign_in: Callable) -> Buyer:
    return Buyer(opened["api_url"], token=sign_in(shop.CUSTOMER))


@pytest.fixture
def admin(opened: dict[str, Any], sign_in: Callable) -> Buyer:
    return Buyer(opened["api_url"], token=sign_in(shop.ADMIN))


@pytest.fixture
def new_product(admin: Buyer) -> Callable[[int], str]:
    """Makes a product with so many pieces; returns its sku."""

    def make(pieces: int, price: int = 2500) -> str:
        sku = f"TEST-{uuid.uuid4().hex[:10].upper()}"
        details = {
            "name": f"Test piece {sku}",
            "description": "Made by a test.",
            "price": {"amount": price, "currency": "EUR"},
            "category": "test",
            "image": "/images/products/none.svg",
        }
        assert admin.call("PUT", f"/admin/products/{sku}", details).status == 200
        if pieces:
            assert admin.call("POST", f"/admin/stock/{sku}", {"delta": pieces}).status == 200
        return sku

    return make


@dataclass(frozen=True)
class Sandbox:
    """The payment sandbox: its ledger, and its control_api, where what at Stripe only happens is arranged."""

    url: str
    key: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {self.key}"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def fault(self, operation: str, kind: str, times: int = 1, **details: Any) -> None:
        """`times` 0 is always."""
        self.call("POST", "/admin/faults", {"operation": operation, "kind": kind, "times": times, **details})

    def struck(self) -> list[int]:
        """How often each fault has struck, in the order in which they were asked for."""
        return [fault["struck"] for fault in self.call("GET", "/admin/faults")["faults"]]

    def webhooks(self, mode: str, **details: Any) -> None:
        self.call("POST", "/admin/webhooks", {"mode": mode, **details})

    def happens(self, order_id: str, what: str, **details: Any) -> dict[str, Any]:
        """To the order's payment: `expire`, `refund` or `dispute`."""
        return self.call("POST", f"/admin/payment_intents/{order_id}/{what}", details)

    def payments(self, order_id: str) -> list[dict[str, Any]]:
        return [payment for payment in self.call("GET", "/ledger")["payments"] if payment["order_id"] == order_id]

    def kept(self, order_id: str) -> int:
        """Minor units. Whatever happens, an order is charged once at most, and holds nothing when it is over."""
        payments = self.payments(order_id)
        assert sum(payment["captured"] > 0 for payment in payments) <= 1
        assert not any(payment["capturable"] for payment in payments)
        return sum(payment["captured"] - payment["refunded"] - payment["lost"] for payment in payments)

    def deliveries(self, order_id: str) -> list[dict[str, Any]]:
        """What was sent, or tried, about the order's payments, newest first."""
        intents = {payment["payment_intent"] for payment in self.payments(order_id)}
        events = self.call("GET", "/v1/events?limit=100")["data"]
        told = {event["id"] for event in events if intents & _intents_of(event["data"]["object"])}
        return [each for each in self.call("GET", "/admin/webhooks")["deliveries"] if each["event"] in told]


def _intents_of(told: dict[str, Any]) -> set[str]:
    return {told["id"], told.get("payment_intent") or ""}


@pytest.fixture
def sandbox(opened: dict[str, Any]) -> Iterator[Sandbox]:
    """As it should be again after the test."""
    sandbox = Sandbox(opened["payments_url"], opened["stripe_key"])
    yield sandbox
    sandbox.call("DELETE", "/admin/faults")
    sandbox.webhooks("normal")


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Waits until a question is answered by something true, and returns that."""

    def wait(question: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, "it did not come to this in time"
            time.sleep(0.1)
        return answer

    return wait


@pytest.fixture
def table(engine: Any, opened: dict[str, Any]) -> Callable[[str], Any]:
    """A table by its name among the stack's outputs."""
    dynamodb = engine.session.resource("dynamodb")
    return lambda output: dynamodb.Table(opened["stack"][output])


@pytest.fixture
def told(table: Callable[[str], Any]) -> Callable[[str], list[str]]:
    """The types of all events of an order, in their order."""

    def types(order_id: str) -> list[str]:
        events = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = table("OrdersTableName").query(KeyConditionExpression=events, ConsistentRead=True)["Items"]
        return [item["event"]["type"] for item in items]

    return types


@pytest.fixture
def emails(opened: dict[str, Any]) -> Callable[[str], list[str]]:
    """The subjects of the emails about an order."""

    def subjects(order_id: str) -> list[str]:
        sent = mail.messages(opened["engine_url"], opened["account"])
        return [m["Subject"].split(" – ")[0] for m in sent if order_id in m["BodyText"]]

    return subjects


@pytest.fixture
def captured(engine: Any, opened: dict[str, Any]) -> Iterator[EventCapture]:
    """What is published on the bus while the test runs."""
    with EventCapture(engine.session, opened["stack"]["EventBusName"]) as events:
        yield events


@pytest.fixture
def resource(engine: Any) -> Callable[[str], str]:
    """What a resource of the template is called here."""

    def name(logical_id: str) -> str:
        described = engine.session.client("cloudformation").describe_stack_resource(
            StackName=shop.STACK, LogicalResourceId=logical_id
        )
        return described["StackResourceDetail"]["PhysicalResourceId"]

    return name


@pytest.fixture(scope="session")
def auditor(engine: Any, opened: dict[str, Any]) -> Auditor:
    return Auditor(engine.session, opened)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Cases of one test are one scenario; the last scenario of a file is followed by an audit."""
    item.stash[IS_OVER] = nextitem is None or _scenario(item) != _scenario(nextitem)
    item.stash[IS_LAST] = nextitem is None or item.path != nextitem.path
    return (yield)


def _scenario(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest, auditor: Auditor) -> Iterator[None]:
    """Each scenario leaves a shop at rest, and no scenario of a file violates an invariant: the books keep them all."""
    yield
    if request.node.stash[IS_LAST]:
        assert auditor.violations() == []
    elif request.node.stash[IS_OVER]:
        auditor.wait_for_rest()


@pytest.fixture
def outbox_event(table):
    """An order's event of this type, as a rule puts it on a queue."""

    def of(order_id, event_type):
        keys = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = table("OrdersTableName").query(KeyConditionExpression=keys)["Items"]
        event = next(item["event"] for item in items if item["event"]["type"] == event_type)
        detail = json.loads(json.dumps(event, default=int))
        return {"source": detail["source"], "detail-type": event_type, "detail": detail}

    return of
