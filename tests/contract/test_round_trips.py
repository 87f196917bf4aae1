"""DynamoDB calls and capacity units of each operation, exactly, so that a review sees what gets dearer."""

import json
import sys
import time
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import boto3
import pytest
from chalice.test import Client

import app
from chalicelib import wiring
from chalicelib.fulfilment.cancellation import Cancellation
from chalicelib.fulfilment.steps import SagaSteps
from chalicelib.inventory.service import Inventory
from chalicelib.inventory.shards import shard_of
from chalicelib.inventory.store import InventoryStore
from chalicelib.payments.service import Payments
from chalicelib.payments.store import PaymentStore
from chalicelib.platform import aws, edge_mark, identity
from chalicelib.platform.settings import Settings, settings
from chalicelib.shipping.model import WarehouseReply
from chalicelib.shipping.service import Limits, Shipping
from chalicelib.shipping.store import ShipmentStore
from infra.capacity import in_process
from infra.capacity.measured import measured
from testbed.shop.fake_payment_provider import FakePaymentProvider
from tests.builders import TestClock, a_checkout_request, product_details
from tests.contract.capacity import Meter
from tests.contract.conftest import table_maker
from tests.fakes import FakeWaitingTask, FakeWarehouse

ADA = {"sub": "ada", "email": "ada@example.com", "email_verified": "true"}
OPERATOR = {"sub": "olga", "email": "olga@example.com", "cognito:groups": ["admin"]}
TABLES = {
    name: "".join(map(str.capitalize, name.split("_"))) for name in Settings.model_fields if name.endswith("_table")
}
"""Logical ids of the tables, by setting."""
LIMITS = Limits(silence=timedelta(minutes=1), dispatch=timedelta(hours=1))


def forget():
    """Drop what modules keep between invocations: settings, clients, rooms."""
    for name, module in list(sys.modules.items()):
        if name.startswith("chalicelib"):
            for each in list(vars(module).values()):
                if hasattr(each, "cache_clear"):
                    each.cache_clear()


class MeteredApi:
    def __init__(self, client, meter):
        self._client = client
        self.meter = meter
        self.bill = None

    def __call__(self, method, path, body=None, claims=None, **headers):
        """Return the body of a successful answer. `bill` is then what the call used."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if claims:
            headers["Authorization"] = "Bearer " + json.dumps(claims, separators=(",", ":"))
        self.bill = self.meter.start()
        content = b"" if body is None else json.dumps(body).encode()
        answer = self._client.http.request(
            method, path, headers={"Content-Type": "application/json"} | headers, body=content
        )
        assert answer.status_code < 300, answer.body
        return answer.json_body


@pytest.fixture
def api(mocked_aws):
    with pytest.MonkeyPatch.context() as patch:
        forget()
        lookup = boto3.client("dynamodb", region_name="eu-central-1")
        create = table_maker(partial(in_process.create, lookup))
        for name, field in Settings.model_fields.items():
            if name in TABLES:
                patch.setenv(name.upper(), create(TABLES[name]))
            elif field.is_required():
                patch.setenv(name.upper(), "60" if field.annotation is int else "eu-central-1")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setattr(edge_mark, "settings", lambda: SimpleNamespace(require_edge_mark=False))
        patch.setattr(identity, "verified_claims", lambda token: json.loads(token))
        aws.ssm().put_parameter(Name="eu-central-1", Type="SecureString", Value="k" * 32, Overwrite=True)
        with Client(app.app) as client:
            yield MeteredApi(client, Meter(aws.dynamodb(), lookup))
        forget()


PRODUCT = product_details().model_dump()
CHECKOUT = a_checkout_request().model_dump(mode="json", exclude_none=True)


def bills_of(api, calls):
    """Return what each call used, by its name."""
    used = {}
    for name, call in calls.items():
        call()
        used[name] = str(api.bill)
    return used


def test_catalog_and_stock_use_these_units(api):
    def put(sku, **changes):
        return lambda: api("PUT", f"/admin/products/{sku}", PRODUCT | changes, OPERATOR)

    calls = {
        "first product of a category": put("CUP-1", category="cups"),
        "new product": put("CUP-2", category="cups"),
        "changed product": put("CUP-1", category="cups", name="Cup"),
        "changed field": lambda: api("PATCH", "/admin/products/CUP-1", {"name": "Tin cup"}, OPERATOR),
        "adjusted stock": lambda: api("POST", "/admin/stock/CUP-1", {"delta": 10}, OPERATOR),
        "counted stock": lambda: api("PUT", "/admin/stock/CUP-1", {"on_hand": 12}, OPERATOR),
        "stock": lambda: api("GET", "/admin/stock/CUP-1", None, OPERATOR),
        "products": lambda: api("GET", "/products?category=cups"),
        "product": lambda: api("GET", "/products/CUP-1"),
        "also bought": lambda: api("GET", "/products/CUP-1/also-bought"),
        "categories": lambda: api("GET", "/categories"),
    }
    assert bills_of(api, calls) == {
        "first product of a category": "3 BatchGetItem, 3 BatchWriteItem, 2 PutItem; 4.5 RU, 71 WU",
        "new product": "3 BatchGetItem, 1 BatchWriteItem, 2 PutItem; 4.5 RU, 40 WU",
        "changed product": "3 BatchGetItem, 1 BatchWriteItem, 2 DeleteItem, 1 PutItem; 3.5 RU, 48 WU",
        "changed field": "3 BatchGetItem, 3 BatchWriteItem, 1 PutItem; 4 RU, 46 WU",
        "adjusted stock": "1 BatchGetItem, 1 GetItem, 1 TransactWriteItems; 2 RU, 5 WU",
        "counted stock": "1 BatchGetItem, 2 GetItem, 1 TransactWriteItems; 3 RU, 5 WU",
        "stock": "2 BatchGetItem, 1 Query; 2 RU, 0 WU",
        "products": "1 BatchGetItem, 1 Query; 1.5 RU, 0 WU",
        "product": "1 BatchGetItem; 1.5 RU, 0 WU",
        "also bought": "1 BatchGetItem, 1 GetItem; 2.5 RU, 0 WU",
        "categories": "1 Query; 0.5 RU, 0 WU",
    }


class Buyer:
    """A guest with a cart; or the customer Ada."""

    def __init__(self, api, claims=None):
        self._api = api
        self._claims = claims
        self.headers = {}

    def put(self, sku):
        made = self._api("PUT", f"/cart/items/{sku}", {"quantity": 1}, self._claims, **self.headers)
        if made.get("cart_token"):
            self.headers = {"X_Cart_Token": made["cart_token"]}

    def place(self, key):
        placed = self._api("POST", "/orders", CHECKOUT, self._claims, Idempotency_Key=key, **self.headers)
        self.order = placed["order_id"]
        self.order_token = placed.get("order_token")


@pytest.fixture
def sold(api):
    """Two products with stock."""
    for sku in ("MUG-1", "MUG-2"):
        api("PUT", f"/admin/products/{sku}", PRODUCT, OPERATOR)
        api("POST", f"/admin/stock/{sku}", {"delta": 100}, OPERATOR)


def test_guests_cart_and_checkout_use_these_units(api, sold):
    guest = Buyer(api)
    calls = {
        "first item": lambda: guest.put("MUG-1"),
        "second item": lambda: guest.put("MUG-2"),
        "cart": lambda: api("GET", "/cart", **guest.headers),
        "removed item": lambda: api("DELETE", "/cart/items/MUG-2", **guest.headers),
        "checkout": lambda: guest.place("key-1"),
        "repeated checkout": lambda: guest.place("key-1"),
        "order": lambda: api("GET", f"/orders/{guest.order}", X_Order_Token=guest.order_token),
        "cancellation": lambda: api("POST", f"/orders/{guest.order}/cancel", X_Order_Token=guest.order_token),
    }
    assert bills_of(api, calls) == {
        "first item": "1 BatchGetItem, 1 PutItem; 1.5 RU, 1 WU",
        "second item": "1 BatchGetItem, 1 GetItem, 1 PutItem; 4 RU, 1 WU",
        "cart": "1 BatchGetItem, 1 GetItem; 4 RU, 0 WU",
        "removed item": "1 BatchGetItem, 1 GetItem, 1 PutItem; 2.5 RU, 1 WU",
        "checkout": "1 BatchGetItem, 1 GetItem, 1 TransactWriteItems; 2 RU, 15 WU",
        "repeated checkout": "3 GetItem; 3 RU, 0 WU",
        "order": "1 BatchGetItem; 3 RU, 0 WU",
        "cancellation": "1 GetItem, 1 TransactWriteItems; 1 RU, 5 WU",
    }


def test_customers_pages_use_these_units(api, sold):
    guest, ada = Buyer(api), Buyer(api, ADA)
    guest.put("MUG-1")
    # The index of idle carts sorts by the second, so that a claim in a later second also moves an entry.
    time.sleep(1 - time.time() % 1)
    ada.put("MUG-2")
    calls = {
        "claimed cart": lambda: api("POST", "/cart/claim", claims=ADA, **guest.headers),
        "checkout": lambda: ada.place("key-2"),
        "orders": lambda: api("GET", "/orders", claims=ADA),
        "claimable orders": lambda: api("GET", "/orders/claimable", claims=ADA),
        "documents": lambda: api("GET", f"/orders/{ada.order}/documents", claims=ADA),
        "points": lambda: api("GET", "/me/points", claims=ADA),
        "preferences": lambda: api("GET", "/me/email-preferences", claims=ADA),
        "changed preferences": lambda: api("PUT", "/me/email-preferences", {"cart_reminders": True}, ADA),
    }
    assert bills_of(api, calls) == {
        "claimed cart": "2 BatchGetItem, 1 TransactWriteItems; 5 RU, 4 WU",
        "checkout": "1 BatchGetItem, 1 GetItem, 1 TransactWriteItems; 3 RU, 16 WU",
        "orders": "1 BatchGetItem, 1 Query; 1.5 RU, 0 WU",
        "claimable orders": "1 Query; 0.5 RU, 0 WU",
        "documents": "1 GetItem, 1 Query; 2 RU, 0 WU",
        "points": "1 GetItem; 1 RU, 0 WU",
        "preferences": "1 GetItem; 1 RU, 0 WU",
        "changed preferences": "1 PutItem; 0 RU, 1 WU",
    }


def test_console_pages_use_these_units(api, sold):
    ada = Buyer(api, ADA)
    ada.put("MUG-2")
    ada.place("key-3")
    note = {"text": "Wants a gift wrap."}
    calls = {
        "orders": lambda: api("GET", "/admin/orders", claims=OPERATOR),
        "orders of a status": lambda: api("GET", "/admin/orders?status=PLACED", claims=OPERATOR),
        "note": lambda: api("POST", f"/admin/orders/{ada.order}/notes", note, OPERATOR, Idempotency_Key="key-4"),
        "insights": lambda: api("GET", "/admin/insights", claims=OPERATOR),
        "documents": lambda: api("GET", "/admin/documents", claims=OPERATOR),
        "imports": lambda: api("GET", "/admin/imports", claims=OPERATOR),
    }
    assert bills_of(api, calls) == {
        "orders": "1 BatchGetItem, 8 Query; 5 RU, 0 WU",
        "orders of a status": "1 BatchGetItem, 1 Query; 1.5 RU, 0 WU",
        "note": "2 GetItem, 1 PutItem; 2 RU, 1 WU",
        "insights": "1 GetItem, 9 Query; 10 RU, 0 WU",
        "documents": "1 Query; 0.5 RU, 0 WU",
        "imports": "1 Query; 0.5 RU, 0 WU",
    }


def test_split_stock_uses_these_units(api, sold):
    """An order of one line costs as much as without shards. An execution environment that does not know their number
    makes one transaction more, once."""
    wiring.inventory().split("MUG-1", 4)
    hold = timedelta(minutes=15)
    inventory = Inventory(InventoryStore(aws.dynamodb(), settings().inventory_table), TestClock(), hold)
    first, second, third = [each for each in (f"ord_{n}" for n in range(99)) if shard_of(each, 4) == 1][:3]
    used = {}
    for name, work in {
        "first reservation of an environment": lambda: inventory.reserve(first, {"MUG-1": 1}),
        "reservation": lambda: inventory.reserve(second, {"MUG-1": 1}),
        "reservation of another shard's units": lambda: inventory.reserve(third, {"MUG-1": 24}),
        "commit": lambda: inventory.commit(first),
        "sale": lambda: inventory.sell(first),
        "release": lambda: inventory.release(second),
        "product": lambda: api("GET", "/products/MUG-1"),
        "products": lambda: api("GET", "/products"),
        "adjusted stock": lambda: api("POST", "/admin/stock/MUG-1", {"delta": 10}, OPERATOR),
    }.items():
        api.meter.start()
        work()
        used[name] = str(api.meter.bill)
    assert used == {
        "first reservation of an environment": "2 TransactWriteItems; 0 RU, 9 WU",
        "reservation": "1 TransactWriteItems; 0 RU, 5 WU",
        "reservation of another shard's units": "1 BatchGetItem, 1 GetItem, 2 TransactWriteItems; 4 RU, 9 WU",
        "commit": "1 UpdateItem; 0 RU, 2 WU",
        "sale": "1 GetItem, 1 TransactWriteItems; 1 RU, 4 WU",
        "release": "1 GetItem, 1 TransactWriteItems; 1 RU, 5 WU",
        "product": "2 BatchGetItem; 3 RU, 0 WU",
        "products": "2 BatchGetItem, 1 Query; 3 RU, 0 WU",
        "adjusted stock": "3 BatchGetItem, 2 GetItem, 2 TransactWriteItems; 9 RU, 15 WU",
    }


def test_saga_steps_use_these_units(api, sold):
    ada = Buyer(api, ADA)
    ada.put("MUG-1")
    ada.place("key-5")
    dynamodb, clock = aws.dynamodb(), TestClock()
    payments = Payments(PaymentStore(dynamodb, settings().payments_table), FakePaymentProvider())
    shipments = ShipmentStore(dynamodb, settings().shipments_table)
    shipping = Shipping(shipments, FakeWarehouse(), FakeWaitingTask(), clock, LIMITS)
    steps = SagaSteps(wiring.orders(), wiring.inventory(), payments, shipping)
    cancellation = Cancellation(wiring.orders(), shipping, None, None)

    def reply(outcome):
        return lambda: cancellation.process_warehouse_reply(WarehouseReply(order_id=ada.order, outcome=outcome))

    used, written = {}, {}
    for name, step in {
        "reserve": lambda: steps.reserve_inventory(ada.order),
        "authorize": lambda: steps.authorize_payment(ada.order),
        "ship": lambda: steps.ship_order(ada.order, "token-1"),
        "accepted": reply("accepted"),
        "dispatched": reply("dispatched"),
        "capture": lambda: steps.capture_payment(ada.order),
        "complete": lambda: steps.complete_order(ada.order),
    }.items():
        bill = api.meter.start()
        step()
        used[name], written[name] = str(bill), bill.write
    assert used == {
        "reserve": "1 GetItem, 2 TransactWriteItems; 1 RU, 12 WU",
        "authorize": "2 GetItem, 3 PutItem, 1 TransactWriteItems; 2 RU, 10 WU",
        "ship": "1 GetItem, 2 PutItem, 1 TransactWriteItems, 1 UpdateItem; 1 RU, 11 WU",
        "accepted": "1 GetItem, 1 PutItem; 1 RU, 1 WU",
        "dispatched": "2 GetItem, 1 PutItem, 1 TransactWriteItems; 2 RU, 6 WU",
        "capture": "1 GetItem, 1 PutItem; 1 RU, 1 WU",
        "complete": "2 GetItem, 2 TransactWriteItems; 2 RU, 12 WU",
    }
    reply_units = (written.pop("accepted") + written.pop("dispatched")) / 2
    planned = {name: work.units()["write_unit"] for name, work in measured().functions.items()}
    assert planned["ProcessWarehouseReply"] == reply_units
    steps_of_plan = ("ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder")
    assert [planned[name] for name in steps_of_plan] == list(written.values()), "infra/capacity/measured.yaml"
