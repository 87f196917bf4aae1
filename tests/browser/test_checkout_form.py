"""The address form knows the country, and says beside a field what is wrong with it."""

import pytest
from playwright.sync_api import expect

from tests.browser.buyer import ADDRESS, Buyer


@pytest.fixture
def at_checkout(buyer: Buyer) -> Buyer:
    buyer.add_to_cart("KITCHEN-MUG-01")
    buyer.open("/checkout")
    buyer.expect_visible("place-order")
    return buyer


def test_postal_code_is_validated_by_country(at_checkout: Buyer) -> None:
    page = at_checkout.page
    country, code = page.get_by_test_id("checkout-country"), page.get_by_test_id("checkout-postal-code")
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    for field, value in ADDRESS.items():
        page.get_by_test_id(f"checkout-{field}").fill(value)
    country.select_option("NL")
    expect(page.locator("#postal_code-note")).to_contain_text("1234 AB")
    page.get_by_test_id("place-order").click()
    expect(code).to_be_focused()
    expect(code).to_have_attribute("aria-invalid", "true")
    assert sent == []
    country.select_option("US")
    expect(page.get_by_label("ZIP code")).to_be_visible()
    expect(page.get_by_label("State")).to_have_attribute("autocomplete", "shipping address-level1")
    expect(code).to_have_attribute("aria-invalid", "true")
    country.select_option("NO")
    expect(code).to_have_attribute("aria-invalid", "false")
    expect(code).to_have_attribute("inputmode", "numeric")


def test_fields_follow_the_country(at_checkout: Buyer) -> None:
    page = at_checkout.page
    country, region = page.get_by_test_id("checkout-country"), page.get_by_test_id("checkout-region")
    for field, value in ADDRESS.items():
        page.get_by_test_id(f"checkout-{field}").fill(value)
    country.select_option("US")
    page.get_by_test_id("checkout-postal-code").fill("62701")
    page.get_by_test_id("place-order").click()
    expect(region).to_be_focused()
    expect(page.locator("#region-note")).to_have_text("Please choose your state.")
    region.select_option("Illinois")
    country.select_option("AE")
    expect(region).to_have_value("")
    expect(page.get_by_label("Emirate")).to_be_visible()
    expect(page.get_by_test_id("checkout-postal-code")).to_have_count(0)
    region.select_option("Dubai")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("shipping-label")).to_contain_text("UNITED ARAB EMIRATES")
    expect(page.get_by_test_id("shipping-label")).to_contain_text("Dubai")


def test_address_field_has_an_autocomplete_hint(at_checkout: Buyer) -> None:
    at_checkout.page.get_by_test_id("checkout-country").select_option("US")
    tokens = at_checkout.page.eval_on_selector_all(
        "form.checkout-form :is(input:not([type=radio]), select)", "all => all.map((e) => [e.name, e.autocomplete])"
    )
    assert dict(tokens) == {
        "email": "email",
        "country": "shipping country",
        "name": "shipping name",
        "line1": "shipping address-line1",
        "line2": "shipping address-line2",
        "postal_code": "shipping postal-code",
        "city": "shipping address-level2",
        "region": "shipping address-level1",
        "phone": "shipping tel",
    }


def test_fields_of_one_line_are_aligned_although_a_label_is_long(at_checkout: Buyer) -> None:
    page = at_checkout.page
    page.set_viewport_size({"width": 960, "height": 900})
    page.get_by_test_id("checkout-country").select_option("BG")
    expect(page.get_by_text("Postal code optional")).to_be_visible()
    boxes = [page.get_by_test_id(f"checkout-{name}").bounding_box() for name in ("city", "postal-code")]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_checkout_form_keeps_its_text_after_a_reload(at_checkout: Buyer) -> None:
    page = at_checkout.page
    page.get_by_test_id("checkout-name").fill("Ida Sand")
    page.reload()
    expect(page.get_by_test_id("checkout-name")).to_have_value("Ida Sand")


def test_checkout_shows_the_delivery_with_its_price(at_checkout: Buyer) -> None:
    expect(at_checkout.page.get_by_test_id("delivery")).to_contain_text("Tracked post")
    expect(at_checkout.page.get_by_test_id("delivery")).to_contain_text("Included")
