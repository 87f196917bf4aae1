"""Texts that would be a script if a page let them, and addresses that would lead out of the shop."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from infra.commands.client import Buyer as Client
from infra.local import shop
from tests.browser.buyer import Buyer

EVIL = '"><img src=x onerror="pwned=1"><script>pwned=1</script>'
TEXTS = {"name": f"N{EVIL}", "line1": f"L{EVIL}", "line2": f"M{EVIL}", "city": f"C{EVIL}"}


@pytest.fixture
def evil_product(opened: dict[str, Any]) -> Iterator[str]:
    admin = Client(opened["api_url"]).signed_in(shop.ADMIN.email, shop.ADMIN.password)
    sku = f"EVIL-{uuid.uuid4().hex[:8].upper()}"
    details = {
        "name": f"P{EVIL}",
        "description": f"D{EVIL}",
        "price": {"amount": 1000, "currency": "EUR"},
        "category": "test",
        "image": "/images/products/none.svg",
    }
    admin.must("PUT", f"/admin/products/{sku}", details)
    admin.must("POST", f"/admin/stock/{sku}", {"delta": 5})
    yield sku
    admin.must("PUT", f"/admin/products/{sku}", details | {"name": "Harmless", "description": ""})


def shows_only_text(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_text(text).filter(visible=True).first).to_be_visible()
    became = page.evaluate("document.querySelectorAll('img[src=x], script:not([src]), [onerror], [onload]').length")
    assert (became, page.evaluate("window.pwned")) == (0, None)


def test_markup_in_any_field_is_shown_as_it_was_written(buyer: Buyer, evil_product: str) -> None:
    page = buyer.page
    buyer.open(f"/products/{evil_product}")
    shows_only_text(page, f"P{EVIL}", f"D{EVIL}")
    buyer.open(f"/search?q={quote(EVIL)}")
    shows_only_text(page, f"P{EVIL}")
    buyer.add_to_cart(evil_product)
    shows_only_text(page, f"P{EVIL}")
    buyer.open("/checkout")
    buyer.fill_in("pm_card_visa")
    for field, text in TEXTS.items():
        page.get_by_test_id(f"checkout-{field}").fill(text)
    shows_only_text(page, f"P{EVIL}")
    page.get_by_test_id("place-order").click()
    buyer.expect_order("COMPLETED")
    shows_only_text(page, f"P{EVIL}", *TEXTS.values())
    order_id = buyer.order_id

    buyer.sign_in_by_form(shop.ADMIN.email, shop.ADMIN.password)
    buyer.open(f"/admin/orders/{order_id}")
    placed = page.locator('[data-testid="moment"][data-kind="event"]').first
    placed.locator("summary").click()
    expect(placed.locator("pre")).to_be_visible()
    shows_only_text(page)
    buyer.open(f"/admin/catalog/{evil_product}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"P{EVIL}")
    shows_only_text(page)


@pytest.mark.parametrize("path", [f"/{EVIL}", f"/products/{EVIL}", f"/category/{EVIL}", f"/orders/{EVIL}"])
def test_markup_in_an_address_stays_an_address(buyer: Buyer, path: str) -> None:
    buyer.open(quote(path))
    expect(buyer.page.get_by_role("heading", level=1)).to_be_visible()
    shows_only_text(buyer.page)


AWAY = [
    "https://evil.example/admin",
    "/.//evil.example/admin",
    "/\\evil.example/admin",
    "javascript:pwned=1",
    "http://",
]
"""Those with `/admin` are left to the browser to open; `http://` is no address at all."""


def test_sign_in_redirects_only_inside_the_shop(buyer: Buyer, storefront_url: str) -> None:
    """Who is signed in already is led on at once."""
    buyer.sign_in(shop.CUSTOMER)
    for next_ in AWAY:
        buyer.open(f"/sign-in?next={quote(next_, safe='')}")
        buyer.page.wait_for_url(lambda url: "/sign-in" not in url)
        assert buyer.page.url.startswith(f"{storefront_url}/"), next_
        assert buyer.page.evaluate("window.pwned") is None, next_
