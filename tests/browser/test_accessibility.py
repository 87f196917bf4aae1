"""axe finds nothing on any page, on a phone and on a desktop, and no page scrolls sideways.

Each page is checked in both themes, one at each width. Which is at which width alternates from page to page, so that
what pages share is checked in all four combinations.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from infra.build.storefront import FRONTEND
from infra.commands.client import Buyer as Client
from infra.local import shop
from tests.browser.buyer import DESKTOP, PHONE, Buyer

pytestmark = pytest.mark.takes_long

AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"

Step = Callable[[Buyer, Any], None]


def _opens(path: str, sight: str) -> Step:
    """Goes to a page, and waits for what shows that it is whole."""

    def step(buyer: Buyer, bought: Any) -> None:
        buyer.open(path.format(**bought))
        expect(buyer.page.locator(sight).first).to_be_visible()

    return step


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
    _opens("/cart", ".is-gone")(buyer, bought)


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
    _opens("/orders/{order_id}", "[data-status=COMPLETED]")(buyer, bought)
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
    _opens("/account/settings", "[data-testid=add-address]")(buyer, bought)
    buyer.page.get_by_test_id("add-address").click()
    buyer.page.get_by_test_id("keep-address").click()
    expect(buyer.page.locator(".error").first).to_be_visible()


def _account(buyer: Buyer, bought: Any) -> None:
    """With an order of more things than have room beside each other."""
    customer = Client(bought["api_url"], token=buyer.sign_in(shop.CUSTOMER))
    for sku in ("CAMP-AXE-01", "CARRY-TOTE-01", "PAPER-INK-01", "LIGHT-CANDLE-01", "WEAR-SOCK-01"):
        assert customer.put_in_cart(sku).status == 200
    customer.check_out()
    _opens("/account", "[data-testid=points]")(buyer, bought)


def _in_the_console(path: str, sight: str) -> Step:
    def step(buyer: Buyer, bought: Any) -> None:
        buyer.sign_in(shop.ADMIN)
        _opens(path, sight)(buyer, bought)

    return step


def _failed(buyer: Buyer, bought: Any) -> None:
    buyer.page.route("**/api/**", lambda route: route.abort())
    _opens("/category/camp", "[role=alert]")(buyer, bought)


def _stuck(buyer: Buyer, bought: Any) -> None:
    buyer.page.route("**/assets/buying-pages-*.js", lambda route: route.abort())
    _opens("/cart", "error-page h1")(buyer, bought)


def _waiting(buyer: Buyer, bought: Any) -> None:
    buyer.page.add_init_script("window.fetch = () => new Promise(() => undefined)")
    _opens("/products/CAMP-KETTLE-01", ".skeleton")(buyer, bought)


PAGES: dict[str, Step] = {
    "home": _opens("/", "[data-testid=product-card]"),
    "category": _opens("/category/kitchen", "[data-testid=product-card]"),
    "product": _opens("/products/CAMP-AXE-01", "[data-testid=add-to-cart]"),
    "search": _search,
    "search page": _opens("/search?q=wool", "[data-testid=product-card]"),
    "nothing found": _opens("/search?q=submarine", ".state"),
    "drawer": _drawer,
    "cart": _cart,
    "empty cart": _opens("/cart", ".state"),
    "checkout": _checkout,
    "order": _opens("/orders/{order_id}", "[data-status=COMPLETED]"),
    "order to confirm": _confirmation,
    "3-D Secure": _challenge,
    "return": _return,
    "hidden order": _opens("/orders/ord_0123456789abcdef01234567", ".state"),
    "orders": _opens("/orders", ".order-row"),
    "account": _account,
    "account settings": _account_settings,
    "account of nobody": _opens("/account", ".state"),
    "sign-in": _opens("/sign-in", "[data-testid=sign-in-submit]"),
    "sign-up": _opens("/sign-up", "[data-testid=sign-up-submit]"),
    "confirm": _opens("/confirm?email=ida@example.com", "[data-testid=confirm-submit]"),
    "not found": _opens("/no/such/page", ".hero-lost"),
    "offline": _opens("/offline.html", ".state"),
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
    "console, for nobody": _opens("/admin/orders", "[data-testid=console-refusal]"),
    "waiting": _waiting,
}


THEMES = (("light", "dark"), ("dark", "light"))


@pytest.mark.parametrize(("name", "themes"), [(name, THEMES[place % 2]) for place, name in enumerate(PAGES)])
def test_axe_finds_nothing(new_buyer: Any, bought: Any, name: str, themes: tuple[str, str]) -> None:
    buyer = new_buyer(storage_state=bought["state"], bypass_csp=True)
    PAGES[name](buyer, bought)
    buyer.page.add_script_tag(path=AXE)
    found = []
    for viewport, theme in zip((DESKTOP, PHONE), themes, strict=True):
        buyer.page.set_viewport_size(viewport)
        assert buyer.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, viewport
        found += [(viewport["width"], theme, violation) for violation in _violations(buyer.page, theme)]
    assert found == []


def _violations(page: Page, theme: Any) -> list[str]:
    page.emulate_media(color_scheme=theme)
    answer = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert answer["passes"], "axe looked at nothing"
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in answer["violations"]
        for node in rule["nodes"]
    ]
