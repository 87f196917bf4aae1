"""Screenshots: writes one of every page of the storefront and the console, in two widths and two themes."""

import shutil
from collections.abc import Callable
from typing import Any, Literal

from rich.console import Console

from infra.commands import browser
from infra.local import run

FOLDER = run.HOME / "screenshots"
WIDTHS = {"phone": (390, 844), "desktop": (1440, 900)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PATIENCE_MS = 60_000
CARD = "pm_card_visa"
ADDRESS = {
    "email": "ida@example.com",
    "name": "Ida Sand",
    "line1": "Havnegata 1",
    "city": "Oslo",
    "postal-code": "0150",
}
PENDING_PRODUCTS = """
  const { fetch } = window;
  const never = new Promise(() => undefined);
  window.fetch = (to, ...rest) => (String(to).includes('/api/products') ? never : fetch(to, ...rest));
"""

Pages = dict[str, Callable[[Any], None]]


def screenshots(console: Console) -> int:
    """Write the screenshots of all pages."""
    from playwright.sync_api import sync_playwright

    outputs, path = run.outputs(), browser.chromium()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=browser.FLAGS)
        for width, (x, y) in WIDTHS.items():
            for theme in THEMES:
                console.print(f"  {width}, {theme} …")
                context = chromium.new_context(
                    base_url=outputs["storefront_url"],
                    viewport={"width": x, "height": y},
                    color_scheme=theme,
                    reduced_motion="reduce",
                    service_workers="block",
                )
                context.set_default_timeout(PATIENCE_MS)
                _take(context.new_page(), f"{width}-{theme}", _pages(outputs))
                context.close()
        chromium.close()
    console.print(f"  {len(list(FOLDER.iterdir()))} screenshots in {FOLDER.relative_to(run.ROOT)}")
    return 0


def _take(page: Any, name: str, pages: Pages) -> None:
    for number, (title, go) in enumerate(pages.items(), start=1):
        go(page)
        page.wait_for_load_state("networkidle")
        _load_images(page)
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        is_overlay = page.locator("dialog[open], .drawer:popover-open").count() > 0
        page.screenshot(path=FOLDER / f"{number:02}-{title}-{name}.png", full_page=not is_overlay)


def _load_images(page: Any) -> None:
    """Load lazy images now: a screenshot of the whole page shows all of them."""
    page.evaluate("""async () => {
      const late = [...document.images].filter((image) => !image.complete);
      for (const image of late) image.loading = 'eager';
      await Promise.all(late.map((image) => image.decode().catch(() => undefined)));
    }""")


def _pages(outputs: dict[str, Any]) -> Pages:
    """Return the pages in the order of a visit: the cart that one page fills is paid for on a later one."""
    return {
        "home": lambda page: page.goto("/"),
        "category": lambda page: page.goto("/category/kitchen"),
        "search": _search,
        "search-page": lambda page: page.goto("/search?q=wool"),
        "nothing-found": lambda page: page.goto("/search?q=submarine"),
        "product": lambda page: page.goto("/products/CAMP-KETTLE-01"),
        "empty-cart": lambda page: page.goto("/cart"),
        "drawer": _pack,
        "cart": lambda page: page.goto("/cart"),
        "checkout": _check_out,
        "order-underway": _place,
        "order": lambda page: page.locator("[data-status=COMPLETED]").wait_for(),
        "return": lambda page: page.get_by_test_id("open-return").click(),
        "order-cancelled": _decline,
        "orders": lambda page: page.goto("/orders"),
        "sign-up": lambda page: page.goto("/sign-up"),
        "confirm": lambda page: page.goto("/confirm?email=ida@example.com"),
        "sign-in": lambda page: page.goto("/sign-in?next=/account"),
        "account": lambda page: _shop_as(page, outputs["customer"]),
        "account-settings": lambda page: _open(page, "/account/settings", "add-address"),
        "console-orders": lambda page: _enter_console(page, outputs["admin"]),
        "console-order": lambda page: _follow(page, "COMPLETED"),
        "console-order-undone": lambda page: _follow(page, "CANCELLED"),
        "console-system-map": lambda page: _open(page, "/admin/system", "part"),
        "console-insights": lambda page: _open(page, "/admin/insights", "funnel"),
        "console-catalog": lambda page: _open(page, "/admin/catalog", "product-row"),
        "console-product": lambda page: _open(page, "/admin/catalog/CAMP-KETTLE-01", "save"),
        "console-imports": lambda page: _open(page, "/admin/catalog/imports", "import-send"),
        "console-lab": lambda page: _open(page, "/admin/lab", "verdict"),
        "not-found": lambda page: page.goto("/off/the/map"),
        "offline": lambda page: page.goto("/offline.html"),
        "no-answer": _disconnect,
        "waiting": _wait_for_products,
    }


def _search(page: Any) -> None:
    page.goto("/")
    page.get_by_test_id("open-search").click()
    page.get_by_test_id("search-input").fill("brass")
    page.get_by_test_id("search-option").first.wait_for()


def _pack(page: Any) -> None:
    for sku in ("KITCHEN-MUG-01", "LIGHT-LANTERN-01", "CAMP-KETTLE-01"):
        page.goto(f"/products/{sku}")
        page.get_by_test_id("add-to-cart").click()
        page.get_by_test_id("go-to-checkout").wait_for()


def _check_out(page: Any) -> None:
    page.goto("/checkout")
    page.get_by_test_id("checkout-country").select_option("NO")
    for field, value in ADDRESS.items():
        page.get_by_test_id(f"checkout-{field}").fill(value)


def _place(page: Any) -> None:
    page.get_by_test_id("place-order").click()
    page.get_by_test_id("order-status").wait_for()


def _decline(page: Any) -> None:
    page.goto("/products/WEAR-BEANIE-01")
    page.get_by_test_id("add-to-cart").click()
    page.get_by_test_id("go-to-checkout").wait_for()
    _check_out(page)
    page.locator("label", has=page.get_by_test_id("card-pm_card_visa_chargeDeclined")).click()
    _place(page)
    page.locator("[data-status=CANCELLED]").wait_for()


def _sign_in(page: Any, person: dict[str, str]) -> None:
    for field, value in person.items():
        page.get_by_test_id(f"sign-in-{field}").fill(value)
    page.get_by_test_id("sign-in-submit").click()


def _shop_as(page: Any, customer: dict[str, str]) -> None:
    _sign_in(page, customer)
    page.get_by_test_id("points").wait_for()
    _pack(page)
    _check_out(page)
    _place(page)
    page.locator("[data-status=COMPLETED]").wait_for()
    page.goto("/account")
    page.get_by_test_id("points").wait_for()


def _enter_console(page: Any, admin: dict[str, str]) -> None:
    page.goto("/account")
    page.get_by_test_id("sign-out").click()
    page.locator("home-page").wait_for()
    page.goto("/sign-in?next=/admin/orders")
    _sign_in(page, admin)
    page.get_by_test_id("order-row").first.wait_for()


def _follow(page: Any, status: str) -> None:
    """Open the newest order with this status."""
    page.goto("/admin/orders")
    page.get_by_test_id("order-row").filter(has_text=status).first.get_by_role("link").click()
    page.get_by_test_id("saga-state").first.wait_for()
    page.get_by_test_id("moment").first.wait_for()


def _open(page: Any, path: str, sight: str) -> None:
    page.goto(path)
    page.get_by_test_id(sight).first.wait_for()


def _disconnect(page: Any) -> None:
    page.route("**/api/**", lambda route: route.abort())
    page.goto("/category/camp")
    page.get_by_role("alert").wait_for()
    page.unroute("**/api/**")


def _wait_for_products(page: Any) -> None:
    page.add_init_script(PENDING_PRODUCTS)
    page.goto("/category/camp")
    page.locator(".skeleton").first.wait_for()
