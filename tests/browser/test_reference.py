"""The API and event reference at both widths, from the storefront's own host only."""

from playwright.sync_api import expect

from tests.browser.buyer import DESKTOP, PHONE
from tests.browser.conftest import NewBuyer


def test_api_reference_shows_an_operation_without_leaving_the_host(new_buyer: NewBuyer, storefront_url: str) -> None:
    page = new_buyer().page
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))

    page.goto(f"{storefront_url}/reference/api.html")
    operation = page.locator("#operations-Orders-place_order")
    operation.locator(".opblock-summary-control").click()

    expect(operation).to_contain_text("Price the cart, create the order and start its fulfilment.")
    expect(operation).to_contain_text("pm_card_visa")
    assert [url for url in requested if not url.startswith((storefront_url, "data:"))] == []
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), viewport


def test_event_reference_shows_the_fields_of_an_event(new_buyer: NewBuyer, storefront_url: str) -> None:
    page = new_buyer(viewport=PHONE).page

    page.goto(f"{storefront_url}/reference/events.html")
    page.get_by_text("OrderPlaced.v1").click()

    expect(page.get_by_role("cell", name="total.currency").first).to_be_visible()
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.locator("#operations-Cart-get_cart")).to_be_visible()
