"""What a buyer sees when a cart cannot be ordered as it is: a line is gone, the total has changed, it was ordered."""

import json
import urllib.request
import uuid
from typing import Any

import pytest
from playwright.sync_api import expect

from infra.commands.client import Buyer as Api
from infra.local import shop
from tests.browser.buyer import PHONE, Buyer

KEEP_TOKEN = "token => localStorage.setItem('saga.cart-token', JSON.stringify(token))"


class Keeper:
    """Client of an admin, who changes the catalog through the API."""

    def __init__(self, api_url: str) -> None:
        self._api = Api(api_url, token=sign_in(api_url, shop.ADMIN))

    def makes(self, name: str, price: int, units: int = 50) -> str:
        sku = f"TEST-{uuid.uuid4().hex[:8].upper()}"
        self.prices(sku, name, price)
        self._does("POST", f"/admin/stock/{sku}", {"delta": units})
        return sku

    def prices(self, sku: str, name: str, price: int) -> None:
        details = {"name": name, "description": "Made by a test.", "category": "test", "image": "/images/none.svg"}
        self._does("PUT", f"/admin/products/{sku}", details | {"price": {"amount": price, "currency": "EUR"}})

    def archives(self, sku: str) -> None:
        self._does("PATCH", f"/admin/products/{sku}", {"archived": True})

    def _does(self, method: str, path: str, body: dict[str, Any]) -> None:
        reply = self._api.call(method, path, body, {"Idempotency-Key": str(uuid.uuid4())})
        assert reply.status < 300, reply.body


def sign_in(api_url: str, person: shop.Person) -> str:
    body = json.dumps({"email": person.email, "password": person.password}).encode()
    headers = {"Content-Type": "application/json", "X-Session-Request": "1"}
    with urllib.request.urlopen(urllib.request.Request(f"{api_url}/session", body, headers)) as answer:
        return str(json.load(answer)["id_token"])


@pytest.fixture(scope="module")
def keeper(opened: Any) -> Keeper:
    return Keeper(opened["api_url"])


@pytest.fixture
def carries(opened: Any) -> Any:
    """Return a function that gives a browser a guest's cart with units of each sku."""

    def fill(buyer: Buyer, **units: int) -> Api:
        api = Api(opened["api_url"])
        for sku, quantity in units.items():
            assert api.put_in_cart(sku, quantity).status == 200
        buyer.open("/offline.html")
        buyer.page.evaluate(KEEP_TOKEN, api.cart_token)
        return api

    return fill


def test_line_that_is_gone_is_shown_and_removed_by_keys(new_buyer: Any, keeper: Any, carries: Any) -> None:
    gone, there = keeper.makes("Old kettle", 1500), keeper.makes("Camp mug", 1000)
    buyer = new_buyer(viewport=PHONE)
    carries(buyer, **{gone: 2, there: 1})
    keeper.archives(gone)

    buyer.open("/cart")

    page = buyer.page
    expect(page.get_by_test_id("unavailable-line")).to_contain_text("Old kettle")
    expect(page.get_by_test_id("cart-obstacle")).to_contain_text("Old kettle")
    expect(page.locator(".total")).to_contain_text("10.00")
    expect(page.get_by_test_id("go-to-checkout")).to_have_count(0)
    page.get_by_role("button", name="Remove Old kettle").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("unavailable-line")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_test_id("go-to-checkout")).to_be_visible()


def test_changed_total_is_shown_beside_the_old_one_and_confirmed(new_buyer: Any, keeper: Any, carries: Any) -> None:
    mug = keeper.makes("Camp mug", 1000)
    buyer = new_buyer()
    carries(buyer, **{mug: 1})
    buyer.open("/checkout")
    buyer.fill_in("pm_card_visa")
    keeper.prices(mug, "Camp mug", 9000)

    buyer.page.get_by_test_id("place-order").click()

    trouble = buyer.page.get_by_test_id("checkout-trouble")
    expect(trouble).to_contain_text("10.00")
    expect(trouble).to_contain_text("90.00")
    expect(buyer.page.get_by_test_id("place-order")).to_contain_text("90.00")
    buyer.page.get_by_test_id("place-order").click()
    buyer.expect_order("COMPLETED")


def test_free_order_asks_for_no_card_and_is_ordered_by_one_tab(new_buyer: Any, keeper: Any, carries: Any) -> None:
    gift = keeper.makes("Sticker", 0)
    buyer = new_buyer()
    carries(buyer, **{gift: 1})
    other = Buyer(buyer.page.context.new_page(), buyer._address)
    for tab in (buyer, other):
        tab.open("/checkout")
        expect(tab.page.get_by_test_id("nothing-to-pay")).to_be_visible()
        tab.fill_in(None)

    buyer.page.get_by_test_id("place-order").click()
    buyer.expect_visible("order-status")
    other.page.get_by_test_id("place-order").click()

    expect(other.page.get_by_test_id("already-ordered")).to_be_visible()
    other.page.get_by_role("link", name="See that order").click()
    other.expect_order("COMPLETED")
    assert other.order_id == buyer.order_id


def test_cart_merge_shows_the_remainder_and_moves_it_later(
    new_buyer: Any, opened: Any, keeper: Any, carries: Any
) -> None:
    pegs = keeper.makes("Tent peg", 300)
    mine = Api(opened["api_url"], token=sign_in(opened["api_url"], shop.CUSTOMER))
    mine.put_in_cart(pegs, 15)
    buyer = new_buyer()
    carries(buyer, **{pegs: 15})

    buyer.sign_in_by_form(shop.CUSTOMER.email, shop.CUSTOMER.password)
    buyer.open("/cart")

    left = buyer.page.get_by_test_id("left-behind")
    expect(left).to_contain_text("10 × Tent peg")
    mine.call("DELETE", f"/cart/items/{pegs}")
    left.get_by_role("button", name="Bring them over").click()
    expect(left).to_have_count(0)
    expect(buyer.page.get_by_role("textbox", name="Quantity of Tent peg")).to_have_value("10")
    mine.call("DELETE", f"/cart/items/{pegs}")


def test_tabs_show_the_same_cart_until_it_is_ordered(new_buyer: Any, keeper: Any, storefront_url: str) -> None:
    sku = keeper.makes("Camp mug", 1000)
    buyer = new_buyer()
    other = buyer.page.context.new_page()
    other.goto(storefront_url)

    buyer.add_to_cart(sku)
    expect(other.get_by_test_id("cart-count")).to_have_text("1")
    buyer.check_out()
    buyer.expect_order("COMPLETED")
    expect(other.get_by_test_id("cart-count")).to_have_text("0")
