"""Long names in any script: none makes a page wider than its window, and each has its own text direction."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from infra.commands.client import Buyer as Client
from infra.local import shop
from tests.browser.buyer import DESKTOP, WHOLE_ORDER_MS, Buyer

NewBuyer = Callable[..., Buyer]

NAMES = {
    "UNBROKEN": "W" * 120,
    "HEBREW": "שולחןעץאלוןגדול" * 8,
    "CHINESE": "橡木大书桌" * 24,
    "EMOJI": "👩‍👩‍👧‍👦" * 10,
    "MARKS": "e\u0301\u0323" * 40,
}
LONG = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogochuchafdrefwynion"
ADDRESS_OF_LONG_WORDS = {"name": LONG, "line1": LONG, "line2": LONG, "city": LONG[:70]}


@pytest.fixture(scope="module")
def skus(opened: dict[str, Any]) -> Iterator[list[str]]:
    """Create products in a category of their own, one for each name, and withdraw them afterwards."""
    admin = Client(opened["api_url"]).signed_in(shop.ADMIN.email, shop.ADMIN.password)
    category = f"wide-{uuid.uuid4().hex[:6]}"
    found = []
    for kind, name in NAMES.items():
        sku = f"WIDE-{kind}-{uuid.uuid4().hex[:6].upper()}"
        details = {
            "name": name,
            "description": "x" * 1900,
            "price": {"amount": 1000, "currency": "EUR"},
            "category": category,
            "image": "/images/products/none.svg",
        }
        admin.must("PUT", f"/admin/products/{sku}", details)
        admin.must("POST", f"/admin/stock/{sku}", {"delta": 5})
        found.append(sku)
    yield found
    for sku in found:
        admin.must(
            "PUT", f"/admin/products/{sku}", details | {"name": "Harmless", "description": "", "category": "test"}
        )


def test_shop_pages_never_scroll_sideways_with_long_names(
    new_buyer: Callable[..., Buyer], skus: list[str], opened: Any
) -> None:
    buyer = new_buyer()
    page = buyer.page
    category = Client(opened["api_url"]).must("GET", f"/products/{skus[0]}")["category"]
    for sku in skus:
        page.set_viewport_size(DESKTOP)
        buyer.open(f"/products/{sku}")
        expect(page.locator("h1[dir=auto]")).to_be_visible()
        buyer.expect_no_sideways_scroll(sku)
        page.set_viewport_size(DESKTOP)
        buyer.add_shown_to_cart()
        buyer.expect_no_sideways_scroll(f"the drawer over {sku}")
    for path, sight in {
        f"/category/{category}": ".card h3",
        f"/search?q={'W' * 80}": "h2",
        f"/search?q={quote(NAMES['HEBREW'][:15])}": ".card h3",
        "/cart": ".cart-line",
        "/find-order": "[data-testid=find-submit]",
    }.items():
        buyer.open(path)
        expect(page.locator(sight).first).to_be_visible()
        buyer.expect_no_sideways_scroll(path)
    page.set_viewport_size(DESKTOP)
    buyer.open("/checkout")
    buyer.fill_in("pm_card_visa")
    for field, text in ADDRESS_OF_LONG_WORDS.items():
        page.get_by_test_id(f"checkout-{field}").fill(text)
    page.get_by_test_id("checkout-email").fill(f"{'w' * 60}@{'w' * 60}.example")
    buyer.expect_no_sideways_scroll("the checkout")
    page.set_viewport_size(DESKTOP)
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-status")).to_be_visible(timeout=WHOLE_ORDER_MS)
    buyer.expect_no_sideways_scroll("the order")
    order_id = buyer.order_id
    buyer.open("/orders")
    expect(page.locator(".order-row").first).to_be_visible()
    buyer.expect_no_sideways_scroll("the orders")

    keeper = new_buyer()
    keeper.sign_in(shop.ADMIN)
    for path, sight in {
        f"/admin/catalog?category={category}": "tbody tr",
        f"/admin/catalog/{skus[0]}": "form",
        "/admin/catalog/imports": "form",
        "/admin/orders": "tbody tr",
        f"/admin/orders/{order_id}": "[data-testid=order-facts]",
        "/admin/insights": "h1",
    }.items():
        keeper.open(path)
        expect(keeper.page.locator(sight).first).to_be_visible()
        keeper.expect_no_sideways_scroll(path)


def test_user_text_is_shown_in_its_own_direction(buyer: Buyer, skus: list[str]) -> None:
    buyer.open(f"/products/{skus[list(NAMES).index('HEBREW')]}")

    heading = buyer.page.locator("h1")
    expect(heading).to_have_css("direction", "rtl")
