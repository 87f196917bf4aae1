"""Operator console: an open order, a compensated saga and a dead letter."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from chalicelib.orders.numbers import number_of
from chalicelib.platform.ids import OrderId
from infra.commands.client import Buyer
from infra.local import shop
from tests.browser.buyer import DESKTOP, PATIENCE_MS, PHONE


@pytest.fixture
def enter(page: Page, storefront_url: str) -> Callable[..., None]:
    """Return a function that signs a person in on the way to a page of the console."""

    def enter(path: str, person: shop.Person = shop.ADMIN) -> None:
        page.goto(f"{storefront_url}{path}")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_test_id("sign-in-email").fill(person.email)
        page.get_by_test_id("sign-in-password").fill(person.password)
        page.get_by_test_id("sign-in-submit").click()
        page.wait_for_url(f"{storefront_url}{path}")

    return enter


@pytest.fixture
def guest(opened: dict[str, Any]) -> Buyer:
    return Buyer(opened["api_url"])


@pytest.fixture
def sku(guest: Buyer) -> str:
    products = guest.must("GET", "/products?category=kitchen")["items"]
    return next(product["sku"] for product in products if product["available"] > 5)


@pytest.fixture
def dead_letters(engine: Any) -> Callable[[str, dict[str, Any]], None]:
    """Return a function that sends a message to a dead-letter queue."""
    cloudformation, sqs = engine.session.client("cloudformation"), engine.session.client("sqs")

    def put(logical_id: str, body: dict[str, Any]) -> None:
        described = cloudformation.describe_stack_resource(StackName=shop.STACK, LogicalResourceId=logical_id)
        queue = described["StackResourceDetail"]["PhysicalResourceId"]
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    return put


def state(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid="saga-state"][data-state="{name}"]')


def expect_states(page: Page, standing: str, *names: str) -> None:
    for name in names:
        expect(state(page, name)).to_have_attribute("data-standing", standing)


def moments(page: Page, kind: str) -> Locator:
    return page.locator(f'[data-testid="moment"][data-kind="{kind}"]')


def act(page: Page, name: str, button: str, field: str, text: str) -> None:
    """Fill in the form of an action on the order, and send it."""
    actions = page.get_by_test_id("order-actions")
    actions.locator("summary").get_by_text(name, exact=True).click()
    actions.get_by_role("textbox", name=field).fill(text)
    actions.get_by_test_id(button).click()


def test_admin_follows_an_order_from_placed_to_completed(page: Page, enter: Any, guest: Buyer, sku: str) -> None:
    """The list and the order's page are opened before the order exists and are never reloaded."""
    enter("/admin/orders")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    order_id = guest.buy(sku)
    number = number_of(OrderId(order_id))
    row = page.get_by_test_id("order-row").filter(has_text=number)
    row.get_by_role("link").click()
    expect(page.get_by_test_id("order-facts").get_by_test_id("status")).to_have_attribute("data-status", "COMPLETED")
    forward = ("ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder")
    expect_states(page, "done", *forward)
    expect_states(page, "ahead", "CancelOrder", "VoidPayment", "ParkOrder")
    expect(state(page, "CapturePayment")).to_contain_text(re.compile(r"\d m?s"))
    for kind in ("call", "order", "event", "queue", "workflow", "state", "payment", "email", "log"):
        expect(moments(page, kind).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("buyer-name")).to_have_text("Ida Sand")
    expect(page.get_by_test_id("buyer-email")).to_have_text("ida@sagasupply.example")
    expect(page.get_by_test_id("shipping-label")).to_contain_text("Havnegata 1")
    bought = guest.must("GET", f"/products/{sku}")["name"]
    expect(page.get_by_test_id("order-lines").get_by_role("row").nth(1)).to_contain_text(bought)
    act(page, "Add a note", "add-note", "Note", "Wants a gift wrap")
    expect(moments(page, "action")).to_contain_text("Wants a gift wrap")
    page.get_by_test_id("trace").get_by_role("heading").click()
    for name in ("POST /orders", "OrderPlaced", "StartFulfilment", "ReserveInventory", "WriteInvoice"):
        expect(page.get_by_test_id("span").filter(has_text=name).first).to_contain_text(re.compile(r"\d m?s"))
    expect(page.get_by_test_id("span").filter(has_text="StartFulfilment")).to_contain_text("waits")
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    act(page, "Refund", "refund-order", "Why", "Scratched")
    expect(page.get_by_test_id("order-facts").get_by_test_id("status")).to_have_attribute("data-status", "RETURNED")
    expect(moments(page, "action")).to_have_count(2)
    page.locator("a.crumb").click()
    for text in (number.lower().replace("-", ""), "ida sand", "IDA@sagasupply.example"):
        page.get_by_test_id("search").fill(text)
        page.get_by_role("button", name="Find").click()
        expect(row).to_be_visible()
    assert not {"sagasupply", "sand"} & set(re.split(r"\W", page.url.partition("/admin/")[2]))
    with page.expect_download() as download:
        page.get_by_test_id("export").click()
    assert f"{number},{order_id},20" in download.value.path().read_text()
    page.get_by_test_id("to").fill("2001-01-01")
    page.get_by_test_id("filter-dates").click()
    expect(page.get_by_text("No orders.")).to_be_visible()
    assert page.url.endswith("/admin/orders?to=2001-01-01")


def test_entry_of_the_timeline_opens_to_its_raw_document(page: Page, enter: Any, guest: Buyer, sku: str) -> None:
    page.set_viewport_size(PHONE)
    order_id = guest.buy(sku)
    guest.ended(order_id)
    enter(f"/admin/orders/{order_id}")
    placed = moments(page, "event").first
    document = placed.locator("pre")
    expect(document).to_be_hidden()
    placed.locator("summary").click()
    expect(document).to_be_visible()
    envelope = json.loads(document.inner_text())
    assert (envelope["type"], envelope["correlation_id"]) == ("OrderPlaced", order_id)
    entered = moments(page, "state").filter(has_text="ReserveInventory")
    entered.locator("summary").click()
    assert json.loads(entered.locator("pre").inner_text())[0]["type"] == "TaskStateEntered"
    page.wait_for_timeout(2_500)
    expect(document, "what was opened stays open when the page looks again").to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.locator(".kind-chip[data-kind='event']").click()
    expect(moments(page, "event")).to_have_count(0)


def test_cancelled_order_shows_where_it_failed_and_the_way_back(page: Page, enter: Any, guest: Buyer, sku: str) -> None:
    order_id = guest.buy(sku, line2="sandbox:silent")
    enter(f"/admin/orders/{order_id}")
    expect_states(page, "current", "ShipOrder")
    act(page, "Cancel", "cancel-order", "Why", "Called by phone")
    expect(moments(page, "action")).to_contain_text("Called by phone (keeper@")
    status = page.get_by_test_id("order-facts").get_by_test_id("status")
    expect(status).to_have_attribute("data-status", "CANCELLED")
    expect_states(page, "failed", "ShipOrder")
    expect_states(page, "done", "ReserveInventory", "AuthorizePayment")
    expect_states(page, "done", "RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder")
    expect_states(page, "ahead", "CapturePayment", "CompleteOrder", "RefundPayment")
    expect(page.locator(".saga-line.is-back[marker-end]")).to_have_count(4)
    expect(page.get_by_text("CancellationRequested").first).to_be_visible()
    state(page, "ShipOrder").press("Enter")
    expect(page.get_by_test_id("state-details")).to_contain_text("errors: CancellationRequested")


def test_dead_letters_are_shown_on_the_map_and_redriven_or_dropped(page: Page, enter: Any, dead_letters: Any) -> None:
    page.set_viewport_size(PHONE)
    enter("/admin/system")
    queue = page.locator('[data-testid="part"][data-part="WarehouseRepliesQueue"]')
    expect(queue).to_have_attribute("aria-label", re.compile("0 waiting"))
    dead_letters("WarehouseRepliesDeadLetters", {"order_id": "ord_nobody", "task_token": "x", "outcome": "accepted"})
    dead_letters("WarehouseRepliesDeadLetters", {"poison": True})
    expect(queue).to_have_attribute("aria-label", re.compile("2 dead letters"))
    queue.click()
    panel = page.get_by_test_id("part-panel")
    shown = panel.get_by_test_id("letter")
    expect(shown).to_have_count(2)
    poison = shown.filter(has_not_text="ord_nobody")
    poison.get_by_role("button", name="Drop").click()
    expect(shown).to_have_count(2)
    poison.get_by_role("button", name="Confirm: drop").click()
    expect(shown).to_have_count(1)
    panel.get_by_test_id("redrive-all").click()
    expect(page.get_by_role("status").filter(has_text="1 redriven.")).to_be_visible()
    expect(shown).to_have_count(0)
    expect(panel.get_by_test_id("dead-letters")).to_have_text("0")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(queue).to_be_focused()


def test_console_rejects_a_user_who_is_no_admin(page: Page, enter: Any, storefront_url: str) -> None:
    page.goto(f"{storefront_url}/admin/system")
    refusal = page.get_by_test_id("console-refusal")
    expect(refusal).to_have_attribute("data-refusal", "guest")
    enter("/admin/system", shop.CUSTOMER)
    expect(refusal).to_have_attribute("data-refusal", "customer")
    expect(page.get_by_role("navigation", name="Console").get_by_role("link")).to_have_count(0)
    page.get_by_role("button", name="Use another account").click()
    page.wait_for_url("**/sign-in?next=%2Fadmin%2Fsystem")


def test_shop_loads_nothing_of_the_console(page: Page, storefront_url: str) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))

    def scripts_of(path: str) -> set[str]:
        loaded.clear()
        page.goto(f"{storefront_url}{path}", wait_until="networkidle")
        return {url for url in loaded if url.endswith((".js", ".css")) and "theme-early" not in url}

    shops, consoles = scripts_of("/") | scripts_of("/checkout"), scripts_of("/admin/orders")
    assert shops and consoles and not shops & consoles
