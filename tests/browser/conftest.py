"""Fixtures: one browser for each worker, and buyers with a page each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from infra.commands import browser as local_browser
from tests.browser.axe import served
from tests.browser.buyer import DESKTOP, PATIENCE_MS, Buyer

DEFAULTS: Any = {"viewport": DESKTOP, "service_workers": "block", "reduced_motion": "reduce"}
NewBuyer = Callable[..., Buyer]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=local_browser.chromium(), args=local_browser.FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe() -> Iterator[str]:
    """Return the address of axe-core's script."""
    with served() as address:
        yield address


def watch(page: Page, errors: list[str]) -> None:
    """Collect script errors of a page and violations of its content security policy."""
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None,
    )


@pytest.fixture
def new_buyer(browser: Browser, storefront_url: str) -> Iterator[NewBuyer]:
    """Fail the test on any script error of a page and on any violation of its content security policy.

    Pages reduce motion unless a test asks for it: without a GPU, animations take half of the processor.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def enters(**options: Any) -> Buyer:
        context = browser.new_context(**DEFAULTS | options)
        contexts.append(context)
        page = context.new_page()
        watch(page, errors)
        return Buyer(page, storefront_url)

    yield enters
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def buyer(new_buyer: NewBuyer) -> Buyer:
    return new_buyer()


@pytest.fixture
def page(buyer: Buyer) -> Page:
    return buyer.page


@pytest.fixture(scope="session")
def bought(browser: Browser, storefront_url: str, opened: dict[str, Any]) -> dict[str, Any]:
    """Return the browser `state` of a guest with a completed order of two products, and the `order_id`.

    The state has no cart token, so that each test that starts with it has a cart of its own.
    """
    context = browser.new_context(**DEFAULTS)
    guest = Buyer(context.new_page(), storefront_url)
    guest.add_to_cart("CAMP-KETTLE-01")
    guest.add_to_cart("KITCHEN-MUG-01")
    guest.check_out()
    guest.expect_order("COMPLETED")
    state = context.storage_state()
    for origin in state["origins"]:
        origin["localStorage"] = [kept for kept in origin["localStorage"] if kept["name"] == "saga.order-tokens"]
    found = {"state": state, "order_id": guest.order_id, "api_url": opened["api_url"]}
    context.close()
    return found
