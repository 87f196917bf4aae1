"""A person buys something in a real browser, and watches the order become COMPLETED."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect, sync_playwright

from infra import people
from infra.local import browser as local_browser
from infra.local import mail, shop

PATIENCE_MS = 40_000
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=local_browser.chromium(), args=local_browser.FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Fails the test on any error that the page itself throws, and on whatever its security policy refuses."""
    context = browser.new_context(viewport=DESKTOP)
    opened, errors = context.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: "Content Security Policy" in said.text and errors.append(said.text))
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    context.close()
    assert errors == []


def put_first_product_in_cart(page: Page) -> None:
    page.get_by_test_id("product-card").first.click()
    page.get_by_test_id("add-to-cart").click()
    expect(page.get_by_test_id("cart-count").first).to_contain_text("1", timeout=PATIENCE_MS)


def fill_in_the_checkout(page: Page, card: str, line2: str = "") -> None:
    for field, value in {
        "email": "ida@example.com",
        "name": "Ida Sand",
        "line1": "Havnegata 1",
        "line2": line2,
        "city": "Oslo",
        "postal-code": "0150",
    }.items():
        page.get_by_test_id(f"checkout-{field}").fill(value)
    page.get_by_test_id("checkout-country").select_option("NO")
    page.get_by_test_id(f"card-{card}").check(force=True)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_guest_buys_something(page: Page, storefront_url: str, viewport: Any) -> None:
    page.set_viewport_size(viewport)
    page.goto(f"{storefront_url}/category/kitchen")
    put_first_product_in_cart(page)
    page.goto(f"{storefront_url}/checkout")
    fill_in_the_checkout(page, "pm_card_visa")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "COMPLETED", timeout=PATIENCE_MS)
    assert page.get_by_test_id("order-id").first.inner_text().strip()


def test_a_declined_card_is_told_honestly(page: Page, storefront_url: str) -> None:
    page.goto(f"{storefront_url}/category/wear")
    put_first_product_in_cart(page)
    page.goto(f"{storefront_url}/checkout")
    fill_in_the_checkout(page, "pm_card_visa_chargeDeclined")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "CANCELLED", timeout=PATIENCE_MS)


def test_a_guest_changes_their_mind_while_the_warehouse_is_slow(page: Page, storefront_url: str) -> None:
    page.goto(f"{storefront_url}/category/kitchen")
    put_first_product_in_cart(page)
    page.goto(f"{storefront_url}/checkout")
    fill_in_the_checkout(page, "pm_card_visa", line2="sandbox:silent")
    page.get_by_test_id("place-order").click()
    page.get_by_test_id("open-cancel").click()
    page.get_by_test_id("cancel-confirm").click()
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "CANCELLED", timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Stopped, as you asked")


def test_the_orders_page_is_told_of_changes_and_need_not_ask(page: Page, storefront_url: str) -> None:
    """The warehouse is silent for ten seconds, in which a page that polls would ask about ten times."""
    told, asked = [], []
    page.on("websocket", lambda line: line.on("framereceived", lambda frame: told.append(frame)))
    order_with_a_silent_warehouse(page, storefront_url)
    status = page.get_by_test_id("order-status")
    expect(status).to_have_attribute("data-live", "true", timeout=PATIENCE_MS)
    already_told = len(told)
    page.on("request", lambda request: asked.append(request.url) if "/api/orders/ord_" in request.url else None)
    expect(status).to_have_attribute("data-status", "CANCELLED", timeout=PATIENCE_MS)
    assert 1 <= len(asked) <= len(told) - already_told + 1


@pytest.mark.parametrize("is_reached_first", [False, True], ids=["blocked", "broken"])
def test_the_orders_page_asks_when_it_is_not_told(page: Page, storefront_url: str, is_reached_first: bool) -> None:
    def meet(line: WebSocketRoute) -> None:
        lines.append(line)
        if is_reached_first and len(lines) == 1:
            line.connect_to_server()
        else:
            line.close()

    lines: list[WebSocketRoute] = []
    page.route_web_socket("**/_aws/execute-api/**", meet)
    order_with_a_silent_warehouse(page, storefront_url)
    status = page.get_by_test_id("order-status")
    if is_reached_first:
        expect(status).to_have_attribute("data-live", "true", timeout=PATIENCE_MS)
        lines[0].close()
    expect(status).to_have_attribute("data-live", "false", timeout=PATIENCE_MS)
    expect(status).to_have_attribute("data-status", "CANCELLED", timeout=PATIENCE_MS)
    assert lines


def order_with_a_silent_warehouse(page: Page, storefront_url: str) -> None:
    page.goto(f"{storefront_url}/category/kitchen")
    put_first_product_in_cart(page)
    page.goto(f"{storefront_url}/checkout")
    fill_in_the_checkout(page, "pm_card_visa", line2="sandbox:silent")
    page.get_by_test_id("place-order").click()


def test_a_guest_sends_everything_back(page: Page, storefront_url: str) -> None:
    page.goto(f"{storefront_url}/category/kitchen")
    put_first_product_in_cart(page)
    page.goto(f"{storefront_url}/checkout")
    fill_in_the_checkout(page, "pm_card_visa")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "COMPLETED", timeout=PATIENCE_MS)
    page.get_by_test_id("open-return").click()
    page.get_by_test_id("return-everything").click()
    page.get_by_test_id("return-submit").click()
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "RETURNED", timeout=PATIENCE_MS)
    expect(page.get_by_test_id("return")).to_have_attribute("data-status", "REFUNDED", timeout=PATIENCE_MS)


def sign_in(page: Page, storefront_url: str, email: str, password: str) -> None:
    page.goto(f"{storefront_url}/sign-in")
    page.get_by_test_id("sign-in-email").fill(email)
    page.get_by_test_id("sign-in-password").fill(password)
    page.get_by_test_id("sign-in-submit").click()


def mailed(opened: Any, email: str, pattern: str) -> str:
    """What stands there in the last email to this address."""
    sent = [m for m in mail.messages(opened["engine_url"], opened["account"]) if email in m["To"]]
    return re.search(pattern, sent[-1]["BodyText"])[1]


def test_a_customer_signs_in_and_keeps_the_cart(page: Page, storefront_url: str) -> None:
    page.goto(f"{storefront_url}/category/light")
    put_first_product_in_cart(page)
    sign_in(page, storefront_url, shop.CUSTOMER.email, shop.CUSTOMER.password)
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.goto(f"{storefront_url}/checkout")
    fill_in_the_checkout(page, "pm_card_mastercard")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", "COMPLETED", timeout=PATIENCE_MS)
    order_id = page.url.rstrip("/").rsplit("/", 1)[-1]
    page.goto(f"{storefront_url}/orders")
    expect(page.locator(f"a[href$='/orders/{order_id}']").first).to_be_visible()


def test_scripts_see_no_token_that_outlives_the_page_and_a_reload_goes_on(page: Page, storefront_url: str) -> None:
    sign_in(page, storefront_url, shop.ADMIN.email, shop.ADMIN.password)
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.reload()
    signed_in = page.get_by_label(f"Your orders, signed in as {shop.ADMIN.email}")
    expect(signed_in).to_be_visible(timeout=PATIENCE_MS)
    kept = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie].join()")
    assert "saga.signed-in" in kept and "eyJ" not in kept
    paths = {"saga_refresh": "/api/session", "saga_admin": "/admin"}
    places = [f"{storefront_url}{path}" for path in paths.values()]
    assert {cookie["name"]: cookie["path"] for cookie in page.context.cookies(places)} == paths
    page.get_by_role("button", name="Sign out").click()
    expect(signed_in).to_be_hidden(timeout=PATIENCE_MS)
    assert page.context.cookies(places) == []


def test_a_new_customer_signs_up_with_a_code_from_an_email_and_forgets_the_password(
    page: Page, storefront_url: str, opened: Any
) -> None:
    email, forgotten, new = "new@example.com", "a-new-story-1", "another-story-2"
    page.goto(f"{storefront_url}/sign-up")
    page.get_by_test_id("sign-up-email").fill(email)
    page.get_by_test_id("sign-up-password").fill(forgotten)
    page.get_by_test_id("sign-up-submit").click()
    page.wait_for_url(lambda url: "confirm" in url)
    page.get_by_test_id("confirm-code").fill(mailed(opened, email, r"code is (\w+)"))
    page.get_by_test_id("confirm-submit").click()
    page.get_by_test_id("forgotten-password").click()
    page.get_by_test_id("reset-email").fill(email)
    page.get_by_test_id("reset-submit").click()
    page.get_by_test_id("reset-code").wait_for()
    page.get_by_test_id("reset-code").fill(mailed(opened, email, r"code is (\w+)"))
    page.get_by_test_id("reset-password").fill(new)
    page.get_by_test_id("reset-submit").click()
    page.wait_for_url(lambda url: "sign-in" in url)
    sign_in(page, storefront_url, email, forgotten)
    expect(page.get_by_role("alert")).to_contain_text("do not match", timeout=PATIENCE_MS)
    sign_in(page, storefront_url, email, new)
    page.wait_for_url(lambda url: "sign-in" not in url)


def test_an_invited_admin_chooses_a_password(page: Page, storefront_url: str, opened: Any, engine: Any) -> None:
    email = "boss@example.com"
    people.make_admin(engine.session, opened["stack"], email)
    sign_in(page, storefront_url, email, mailed(opened, email, r"password (\S+)"))
    page.get_by_test_id("sign-in-new-password").fill("a-password-of-my-own")
    page.get_by_test_id("sign-in-submit").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    expect(page.get_by_label(f"Your orders, signed in as {email}")).to_be_visible(timeout=PATIENCE_MS)
