"""axe finds nothing on any page, on a phone and on a desktop, and no page scrolls sideways.

Each page is checked in both themes, one at each width. Which is at which width alternates from page to page, so that
what pages share is checked in all four combinations.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from infra.commands.client import Buyer as Client
from infra.local import shop
from testbed import report
from tests.browser.axe import violations
from tests.browser.buyer import DESKTOP, PHONE, Buyer
from tests.browser.conftest import DEFAULTS, watch
from tests.run_records import EVERYTHING

pytestmark = pytest.mark.takes_long

Step = Callable[[Buyer, Any], None]


@dataclass(frozen=True)
class Opens:
    """Goes to a page, and waits for what shows that it is whole. It changes nothing, so readers share a browser."""

    path: str
    sight: str
    reader: str = "guest"

    def __call__(self, buyer: Buyer, bought: Any) -> None:
        buyer.open(self.path.format(**bought))
        expect(buyer.page.locator(self.sight).first).to_be_visible()


def _search(buyer: Buyer, bought: Any) -> None:
    buyer.open("/cart")
    buyer.page.get_by_test_id("open-search").click()
    buyer.page.get_by_test_id("search-input").fill("brass")
    expect(buyer.page.get_by_test_id("search-option").first).to_be_visible()
    buyer.page.get_by_test_id("search-input").press("ArrowDown")


def _drawer(buyer: Buyer, bought: Any) -> None:
    buyer.add_to_cart("CAMP-AXE-01")


def _cart(buyer: Buyer, bought: Any) -> None:
    """With a line that is not sold any more."""
    buyer.add_to_cart("CAMP-AXE-01")
    buyer.page.route("**/api/cart", _with_a_line_that_is_gone)
    Opens("/cart", ".is-gone")(buyer, bought)


def _with_a_line_that_is_gone(route: Route) -> None:
    nothing, price = {"amount": 0, "currency": "EUR"}, {"amount": 4900, "currency": "EUR"}
    usual = {"image": "/images/products/CAMP-AXE-01.svg", "quantity": 1, "unavailable": False}
    there = {"sku": "CAMP-AXE-01", "name": "Axe", "unit_price": price, "total": price, "available": 9}
    gone = {"sku": "GONE-01", "name": "Old kettle", "unit_price": None, "total": nothing, "available": 0}
    lines = [usual | there, usual | gone | {"unavailable": True}]
    route.fulfill(json={"lines": lines, "total": price, "expires_at": None})


def _checkout(buyer: Buyer, bought: Any) -> None:
    """With every error beside its field, and the mishaps unfolded."""
    buyer.add_to_cart("CAMP-AXE-01")
    buyer.open("/checkout")
    buyer.page.get_by_test_id("place-order").click()
    buyer.page.get_by_test_id("mishaps").locator("summary").click()
    expect(buyer.page.locator(".error").first).to_be_visible()


def _return(buyer: Buyer, bought: Any) -> None:
    Opens("/orders/{order_id}", "[data-status=COMPLETED]")(buyer, bought)
    buyer.page.get_by_test_id("open-return").click()
    buyer.page.get_by_test_id("return-everything").click()


def _confirmation(buyer: Buyer, bought: Any) -> None:
    """An order that waits for its buyer to confirm the payment."""
    buyer.add_to_cart("KITCHEN-JAR-01")
    buyer.check_out("pm_card_threeDSecure2Required")
    buyer.expect_visible("confirm-payment")


def _challenge(buyer: Buyer, bought: Any) -> None:
    """The page of the payment sandbox on which they do."""
    _confirmation(buyer, bought)
    buyer.page.get_by_test_id("confirm-payment").click()
    expect(buyer.page.get_by_role("button", name="Complete authentication")).to_be_visible()


def _account_settings(buyer: Buyer, bought: Any) -> None:
    """With an address, another one being typed, and an error beside a field."""
    buyer.sign_in(shop.CUSTOMER)
    Opens("/account/settings", "[data-testid=add-address]")(buyer, bought)
    buyer.page.get_by_test_id("add-address").click()
    buyer.page.get_by_test_id("keep-address").click()
    expect(buyer.page.locator(".error").first).to_be_visible()


def _account(buyer: Buyer, bought: Any) -> None:
    """With an order of more things than have room beside each other."""
    customer = Client(bought["api_url"], token=buyer.sign_in(shop.CUSTOMER))
    for sku in ("CAMP-AXE-01", "CARRY-TOTE-01", "PAPER-INK-01", "LIGHT-CANDLE-01", "WEAR-SOCK-01"):
        assert customer.put_in_cart(sku).status == 200
    customer.check_out()
    Opens("/account", "[data-testid=points]")(buyer, bought)


def _in_the_console(path: str, sight: str) -> Step:
    return Opens(path, sight, reader="admin")


def _failed(buyer: Buyer, bought: Any) -> None:
    buyer.page.route("**/api/**", lambda route: route.abort())
    Opens("/category/camp", "[role=alert]")(buyer, bought)


def _stuck(buyer: Buyer, bought: Any) -> None:
    buyer.page.route("**/assets/buying-pages-*.js", lambda route: route.abort())
    Opens("/cart", "error-page h1")(buyer, bought)


def _waiting(buyer: Buyer, bought: Any) -> None:
    buyer.page.add_init_script("window.fetch = () => new Promise(() => undefined)")
    Opens("/products/CAMP-KETTLE-01", ".skeleton")(buyer, bought)


PAGES: dict[str, Step] = {
    "home": Opens("/", "[data-testid=product-card]"),
    "category": Opens("/category/kitchen", "[data-testid=product-card]"),
    "product": Opens("/products/CAMP-AXE-01", "[data-testid=add-to-cart]"),
    "search": _search,
    "search page": Opens("/search?q=wool", "[data-testid=product-card]"),
    "nothing found": Opens("/search?q=submarine", ".state"),
    "drawer": _drawer,
    "cart": _cart,
    "empty cart": Opens("/cart", ".state"),
    "checkout": _checkout,
    "order": Opens("/orders/{order_id}", "[data-status=COMPLETED]"),
    "order to confirm": _confirmation,
    "3-D Secure": _challenge,
    "return": _return,
    "hidden order": Opens("/orders/ord_0123456789abcdef01234567", ".state"),
    "orders": Opens("/orders", ".order-row"),
    "account": _account,
    "account settings": _account_settings,
    "account of nobody": Opens("/account", ".state"),
    "sign-in": Opens("/sign-in", "[data-testid=sign-in-submit]"),
    "sign-up": Opens("/sign-up", "[data-testid=sign-up-submit]"),
    "confirm": Opens("/confirm?email=ida@example.com", "[data-testid=confirm-submit]"),
    "not found": Opens("/no/such/page", ".hero-lost"),
    "offline": Opens("/offline.html", ".state"),
    "no answer": _failed,
    "stuck": _stuck,
    "console, orders": _in_the_console("/admin/orders", "[data-testid=order-row]"),
    "console, order": _in_the_console("/admin/orders/{order_id}", "[data-testid=saga-state]"),
    "console, system map": _in_the_console("/admin/system", "[data-testid=part]"),
    "console, insights": _in_the_console("/admin/insights", "[data-testid=funnel]"),
    "console, reports": _in_the_console("/admin/insights/reports", "[data-testid=reporting-off]"),
    "console, catalog": _in_the_console("/admin/catalog", "[data-testid=product-row]"),
    "console, product": _in_the_console("/admin/catalog/CAMP-AXE-01", "[data-testid=save]"),
    "console, imports": _in_the_console("/admin/catalog/imports", "[data-testid=import-send]"),
    "console, lab": _in_the_console("/admin/lab", "[data-testid=verdict]"),
    "console, for nobody": Opens("/admin/orders", "[data-testid=console-refusal]"),
    "waiting": _waiting,
}


THEMES = (("light", "dark"), ("dark", "light"))


@pytest.fixture(scope="module")
def reader(browser: Browser, storefront_url: str, bought: Any) -> Iterator[Callable[[str], Buyer]]:
    """Return a function that gives the guest's or the admin's page, one for all tests that only read: a browser context
    of its own takes as much of the processor as the page."""
    errors: list[str] = []
    readers: dict[str, Buyer] = {}

    def of(kind: str) -> Buyer:
        if kind not in readers:
            context = browser.new_context(**DEFAULTS, storage_state=bought["state"], bypass_csp=True)
            readers[kind] = Buyer(context.new_page(), storefront_url)
            watch(readers[kind].page, errors)
            if kind == "admin":
                readers[kind].sign_in(shop.ADMIN)
        readers[kind].page.set_viewport_size(DESKTOP)
        return readers[kind]

    yield of
    for each in readers.values():
        each.page.context.close()
    assert errors == []


@pytest.mark.parametrize(("name", "themes"), [(name, THEMES[place % 2]) for place, name in enumerate(PAGES)])
def test_axe_finds_nothing(
    new_buyer: Any, reader: Any, bought: Any, axe: str, name: str, themes: tuple[str, str]
) -> None:
    step = PAGES[name]
    is_reader = isinstance(step, Opens)
    buyer = reader(step.reader) if is_reader else new_buyer(storage_state=bought["state"], bypass_csp=True)
    step(buyer, bought)
    buyer.page.add_script_tag(url=axe)
    found = []
    for viewport, theme in zip((DESKTOP, PHONE), themes, strict=True):
        buyer.page.set_viewport_size(viewport)
        assert buyer.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, viewport
        found += [(viewport["width"], theme, each) for each in violations(buyer.page, theme)]
    assert found == []


def test_axe_finds_nothing_in_the_report_of_a_run(browser: Browser, axe: str, tmp_path: Path) -> None:
    path = report.write(EVERYTHING, tmp_path / "run.html")
    context = browser.new_context(bypass_csp=True)
    page, found = context.new_page(), []
    for viewport, theme in ((DESKTOP, "light"), (PHONE, "dark")):
        page.set_viewport_size(viewport)
        page.goto(path.as_uri())
        page.add_script_tag(url=axe)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, viewport
        found += violations(page, theme)
    context.close()
    assert found == []
