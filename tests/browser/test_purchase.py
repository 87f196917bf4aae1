"""Purchases in a real browser: order, cancellation, return and live status."""

from typing import Any

import pytest
from playwright.sync_api import Page, TimeoutError, WebSocketRoute, expect

from infra.local import shop
from tests.browser.buyer import DESKTOP, PHONE, Buyer

pytestmark = pytest.mark.takes_long


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_guest_buys_a_product(new_buyer: Any, viewport: Any) -> None:
    """From the product page to the parcel, and then the invoice, with all animations."""
    buyer = new_buyer(viewport=viewport, reduced_motion="no-preference")
    page = buyer.page
    buyer.open("/category/kitchen")
    page.get_by_test_id("product-card").first.click()
    page.get_by_test_id("add-to-cart").click()
    page.get_by_test_id("go-to-checkout").click()
    buyer.fill_in("pm_card_visa")
    page.get_by_test_id("place-order").click()
    buyer.expect_order("COMPLETED")
    expect(page.get_by_test_id("shipment")).to_have_attribute("data-status", "DISPATCHED")
    assert page.get_by_test_id("tracking-number").inner_text().startswith("SIM")
    number = page.get_by_test_id("order-number").inner_text()
    assert number in _invoice(page)


def _invoice(page: Page) -> str:
    """It may be written a moment after the order is completed; until then the shop asks for patience."""
    for _ in range(20):
        with page.context.expect_page() as opening:
            page.get_by_test_id("open-invoice").click()
        opened = opening.value
        try:
            opened.wait_for_url("**/invoices/**", timeout=3_000)
            return opened.locator("body").inner_text()
        except TimeoutError:
            page.wait_for_timeout(300)
    raise AssertionError("no invoice")


def test_declined_card_is_reported_and_another_one_succeeds(new_buyer: Any) -> None:
    buyer = new_buyer(viewport=PHONE)
    buyer.add_to_cart("WEAR-BEANIE-01")
    buyer.check_out("pm_card_visa_chargeDeclined")
    buyer.expect_order("CANCELLED")
    buyer.page.get_by_role("button", name="Try another card").click()
    buyer.choose_card("pm_card_visa")
    buyer.page.get_by_test_id("place-order").click()
    buyer.expect_order("COMPLETED")


def test_guest_cancels_while_the_warehouse_is_slow(new_buyer: Any) -> None:
    buyer = new_buyer(viewport=PHONE)
    buyer.add_to_cart("KITCHEN-PAN-01")
    buyer.check_out(line2="sandbox:silent")
    buyer.page.get_by_test_id("open-cancel").click()
    buyer.page.get_by_test_id("cancel-confirm").click()
    buyer.expect_order("CANCELLED")
    expect(buyer.page.get_by_role("heading", level=1)).to_have_text("Stopped, as you asked")


def test_order_page_receives_live_updates_without_polling(buyer: Buyer) -> None:
    """The warehouse is silent for ten seconds, in which a page that polls would ask about ten times."""
    page, frames, asked = buyer.page, [], []
    page.on("websocket", lambda line: line.on("framereceived", lambda frame: frames.append(frame)))
    order_with_a_silent_warehouse(buyer)
    status = page.get_by_test_id("order-status")
    expect(status).to_have_attribute("data-live", "true")
    already_received = len(frames)
    page.on("request", lambda request: asked.append(request.url) if "/api/orders/ord_" in request.url else None)
    buyer.expect_order("CANCELLED")
    assert 1 <= len(asked) <= len(frames) - already_received + 1


@pytest.mark.parametrize("is_reached_first", [False, True], ids=["blocked", "broken"])
def test_order_page_polls_without_live_updates(buyer: Buyer, is_reached_first: bool) -> None:
    def meet(line: WebSocketRoute) -> None:
        lines.append(line)
        if is_reached_first and len(lines) == 1:
            line.connect_to_server()
        else:
            line.close()

    lines: list[WebSocketRoute] = []
    buyer.page.route_web_socket("**/_aws/execute-api/**", meet)
    order_with_a_silent_warehouse(buyer)
    status = buyer.page.get_by_test_id("order-status")
    if is_reached_first:
        expect(status).to_have_attribute("data-live", "true")
        lines[0].close()
    expect(status).to_have_attribute("data-live", "false")
    buyer.expect_order("CANCELLED")
    assert lines


def order_with_a_silent_warehouse(buyer: Buyer) -> None:
    buyer.add_to_cart("KITCHEN-PAN-01")
    buyer.check_out(line2="sandbox:silent")


def test_guest_returns_a_whole_order(new_buyer: Any) -> None:
    buyer = new_buyer()
    buyer.add_to_cart("KITCHEN-JAR-01")
    buyer.check_out()
    buyer.expect_order("COMPLETED")
    buyer.page.get_by_test_id("open-return").click()
    buyer.page.get_by_test_id("return-everything").click()
    buyer.page.get_by_test_id("return-submit").click()
    buyer.expect_order("RETURNED")
    expect(buyer.page.get_by_test_id("return")).to_have_attribute("data-status", "REFUNDED")


def test_customer_signs_in_keeps_the_cart_and_earns_points(new_buyer: Any) -> None:
    buyer = new_buyer(viewport=PHONE)
    page = buyer.page
    buyer.add_to_cart("LIGHT-MATCH-01")
    buyer.sign_in_by_form(shop.CUSTOMER.email, shop.CUSTOMER.password)
    buyer.check_out("pm_card_mastercard")
    buyer.expect_order("COMPLETED")
    order_id = buyer.order_id
    buyer.open("/orders")
    expect(page.locator(f"a[href$='/orders/{order_id}']").first).to_be_visible()
    buyer.open("/account")
    expect(page.get_by_test_id("account-email")).to_have_text(shop.CUSTOMER.email)
    expect(page.locator(f"a[href$='/orders/{order_id}']")).to_be_visible()
    _reload_until(page, lambda: page.get_by_test_id("points").inner_text() not in ("", "0"))
    page.get_by_test_id("sign-out").click()
    expect(page.locator("home-page")).to_be_visible()
    buyer.open("/account")
    expect(page.get_by_role("heading", name="Who goes there?")).to_be_visible()


def test_product_page_offers_items_bought_together(new_buyer: Any, bought: Any) -> None:
    buyer = new_buyer()
    page = buyer.page
    buyer.open("/products/CAMP-KETTLE-01")
    buyer.expect_visible("add-to-cart")
    _reload_until(page, lambda: page.get_by_test_id("bought-together").count() == 1)
    expect(page.get_by_test_id("bought-together")).to_contain_text("Idempotent Mug")
    page.get_by_test_id("add-together").click()
    expect(page.get_by_test_id("cart-count")).to_have_text("2")


def _reload_until(page: Page, is_so: Any) -> None:
    """Points and invoice follow shortly after the order, and the pages that show them receive no live update."""
    for _ in range(20):
        page.wait_for_load_state("networkidle")
        if is_so():
            return
        page.reload()
    raise AssertionError("it never came")
