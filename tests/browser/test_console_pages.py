"""Pages of the operator console: insights, catalog, imports and lab."""

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from chalicelib.orders.model import Reason
from infra.audit.invariants import INVARIANTS
from infra.commands import run_reports
from infra.commands.client import Buyer
from infra.local import shop
from testbed import report
from tests.auditor import Auditor
from tests.browser.buyer import PATIENCE_MS
from tests.browser.buyer import Buyer as Visitor
from tests.browser.conftest import DEFAULTS
from tests.run_records import EVERYTHING

ONE_MORE_ATTEMPT = 180
"""Seconds after which a queue has shown a message again whose consumer failed."""

SLIDE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }"


@pytest.fixture(scope="module")
def signed_in(browser: Browser, storefront_url: str) -> Iterator[BrowserContext]:
    """Return a page that is signed in as an admin."""
    context = browser.new_context(**DEFAULTS)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{storefront_url}/sign-in?next=/admin/orders")
    page.get_by_label("Email").fill(shop.ADMIN.email)
    page.get_by_label("Password").fill(shop.ADMIN.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """Fail the test on any script error of the page."""
    opened, errors = signed_in.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()
    assert errors == []


@pytest.fixture
def guest(opened: dict[str, Any]) -> Buyer:
    return Buyer(opened["api_url"])


@pytest.fixture
def admin(opened: dict[str, Any]) -> Buyer:
    return Buyer(opened["api_url"]).signed_in(shop.ADMIN.email, shop.ADMIN.password)


@pytest.fixture
def product(admin: Buyer) -> str:
    """Return the sku of a product at 12.50 with ten units in stock."""
    sku = f"CONSOLE-{uuid.uuid4().hex[:8].upper()}"
    admin.must(
        "PUT",
        f"/admin/products/{sku}",
        {
            "name": f"Console piece {sku}",
            "description": "Made by a test.",
            "price": {"amount": 1250, "currency": "EUR"},
            "category": "console",
            "image": "/images/products/none.svg",
        },
    )
    admin.must("POST", f"/admin/stock/{sku}", {"delta": 10})
    return sku


def cells(page: Page, test_id: str, row: str) -> list[str]:
    found = page.get_by_test_id(test_id).get_by_role("row").filter(has_text=row)
    return [text for text in found.get_by_role("cell").all_inner_texts() if text]


def test_insights_show_a_sale_with_its_country_and_variant(
    page: Page, storefront_url: str, guest: Buyer, admin: Buyer, product: str
) -> None:
    def in_norway() -> int:
        countries = admin.must("GET", "/admin/insights?days=7")["countries"]
        return next((view["orders"] for view in countries if view["country"] == "NO"), 0)

    before = in_norway()
    for step in ("visit", "visit", "cart"):
        guest.must("POST", "/steps", {"step": step, "variant": "b"})
    guest.put_in_cart(product, 2)
    guest.ended(guest.check_out(variant="b").body["order_id"])
    guest.ended(guest.buy(product))

    while in_norway() < before + 2:
        page.wait_for_timeout(200)
    page.goto(f"{storefront_url}/admin/insights")

    found = admin.must("GET", "/admin/insights?days=7")
    norway = next(view for view in found["countries"] if view["country"] == "NO")
    best = found["top_products"][0]
    sold = page.get_by_role("row").filter(has_text=best["name"] or best["sku"])
    expect(sold.first, "other products may have its name").to_contain_text(f"€{best['revenue'] / 100:,.2f}")
    assert cells(page, "countries", "Norway") == [str(norway["orders"]), f"€{norway['revenue'] / 100:,.2f}"]
    placed = {v: sum(day["by_variant"][v]["placed"] for day in found["funnel"]) for v in ("a", "b", "-")}
    assert cells(page, "funnel", "Orders placed")[0] == str(placed["a"] + placed["b"])
    expect(page.get_by_test_id("orders-elsewhere")).to_contain_text(str(placed["-"]))
    b = next(view for view in found["experiment"]["variants"] if view["variant"] == "b")
    assert b["visit"] >= 2 and b["placed"] >= 1
    assert cells(page, "experiment", "Visits")[1] == str(b["visit"])
    assert cells(page, "experiment", "Orders placed")[1] == str(b["placed"])
    expect(page.get_by_test_id("experiment"), "it is about all orders of the shop").to_contain_text(
        found["experiment"]["in_words"]
    )


def test_steps_of_a_visit_are_reported_once(browser: Browser, storefront_url: str, admin: Buyer, product: str) -> None:
    """A buyer's, not a keeper's; the edge has dealt them the half `a`."""

    def counted() -> dict[str, int]:
        steps = admin.must("GET", "/admin/insights?days=1")["funnel"][-1]["by_variant"]["a"]
        return {step: steps[step] for step in ("visit", "cart", "checkout", "placed")}

    before = counted()
    context = browser.new_context(**DEFAULTS)
    context.add_cookies([{"name": "saga_ab", "value": "a", "url": storefront_url}])
    buyer = context.new_page()
    buyer.set_default_timeout(PATIENCE_MS)
    for units in ("1", "2"):
        buyer.goto(f"{storefront_url}/products/{product}")
        buyer.get_by_test_id("add-to-cart").click()
        expect(buyer.get_by_test_id("cart-count").first).to_have_text(units)
        buyer.reload()
    with buyer.expect_response(lambda answer: "checkout" in (answer.request.post_data or "")):
        buyer.goto(f"{storefront_url}/checkout")
    context.close()

    after = counted()

    assert {step: after[step] - before[step] for step in after} == {"visit": 1, "cart": 1, "checkout": 1, "placed": 0}


def test_product_is_found_edited_and_counted(page: Page, storefront_url: str, guest: Buyer, product: str) -> None:
    page.goto(f"{storefront_url}/admin/catalog")
    page.get_by_test_id("search").fill(product.lower())
    page.keyboard.press("Enter")
    page.get_by_test_id("product-row").get_by_role("link", name=product).click()
    expect(page.get_by_test_id("stock-available")).to_have_text("10")

    page.get_by_label("Name", exact=True).fill("Console piece, signed")
    page.get_by_label("Price, EUR").fill("13,5")
    page.get_by_label("Further pictures").fill("/images/knit.svg\n\n /images/products/CAMP-AXE-01.svg \n")
    page.get_by_test_id("save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Console piece, signed")
    page.get_by_test_id("delta").fill("-4")
    page.get_by_test_id("note").fill("broken on the way")
    page.get_by_test_id("move-stock").click()
    expect(page.get_by_test_id("stock-available")).to_have_text("6")
    movements = page.get_by_test_id("movements").get_by_role("listitem")
    expect(movements.nth(0)).to_contain_text(re.compile(rf"−4\s+broken on the way.*{re.escape(shop.ADMIN.email)}"))
    expect(movements.nth(1)).to_contain_text("+10")
    page.get_by_test_id("shards").fill("4")
    page.get_by_test_id("split-stock").click()
    expect(page.get_by_test_id("shards-now")).to_contain_text("Counted by 4 shards.")
    expect(movements.nth(0)).to_contain_text(re.compile(rf"÷4\s+Split into 4 shards.*{re.escape(shop.ADMIN.email)}"))
    expect(page.get_by_test_id("stock-available")).to_have_text("6")

    sold = guest.must("GET", f"/products/{product}")
    assert (sold["name"], sold["price"]["amount"], sold["available"]) == ("Console piece, signed", 1350, 6)
    assert sold["images"] == ["/images/knit.svg", "/images/products/CAMP-AXE-01.svg"]


def test_concurrent_product_edits_lose_no_change(page: Page, storefront_url: str, admin: Buyer, product: str) -> None:
    page.goto(f"{storefront_url}/admin/catalog/{product}")
    page.get_by_label("Description").fill("Written here.")
    admin.must("PATCH", f"/admin/products/{product}", {"price": {"amount": 9900, "currency": "EUR"}})
    page.get_by_test_id("save").click()
    conflict = page.get_by_test_id("conflict")
    expect(conflict).to_contain_text("12.50 is now 99.00")
    page.get_by_test_id("keep-mine").click()
    expect(page.get_by_label("Price, EUR")).to_have_value("99.00")
    expect(page.get_by_label("Description")).to_have_value("Written here.")
    page.get_by_test_id("save").click()
    expect(conflict).to_have_count(0)
    page.get_by_test_id("archive").click()
    expect(page.get_by_test_id("is-archived")).to_be_visible()

    stored = admin.must("GET", f"/admin/products/{product}")
    assert (stored["price"]["amount"], stored["description"], stored["archived"]) == (9900, "Written here.", True)
    page.goto(f"{storefront_url}/products/{product}")
    expect(page.get_by_test_id("archived")).to_be_visible()
    expect(page.get_by_test_id("add-to-cart")).to_have_count(0)


def test_invalid_value_of_a_product_is_shown_beside_the_field(
    page: Page, storefront_url: str, guest: Buyer, product: str
) -> None:
    page.goto(f"{storefront_url}/admin/catalog/{product}")
    page.get_by_label("Price, EUR").fill("free")
    page.get_by_test_id("save").click()
    expect(page.get_by_label("Price, EUR")).to_be_focused()
    expect(page.get_by_label("Price, EUR")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Price, EUR").fill("10")
    page.get_by_label("Picture", exact=True).fill("javascript:alert(1)")
    page.get_by_test_id("save").click()
    expect(page.get_by_label("Picture", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Picture", exact=True).fill("/images/knit.svg")
    pictures = page.get_by_label("Further pictures")
    for found, complaint in {
        "/images/knit.svg\nhttps://other.example/b.svg": "https://other.example/b.svg is not a path of this site.",
        "/images/knit.svg\n" * 9: "A gallery has at most 8 further pictures.",
    }.items():
        pictures.fill(found)
        page.get_by_test_id("save").click()
        expect(pictures).to_be_focused()
        expect(pictures).to_have_accessible_description(complaint)
    page.get_by_test_id("delta").fill("-11")
    page.get_by_test_id("move-stock").click()
    expect(page.get_by_text("Fewer units are available than the request removes.")).to_be_visible()

    assert guest.must("GET", f"/products/{product}")["price"]["amount"] == 1250


def test_imported_file_lists_its_invalid_rows(page: Page, storefront_url: str, guest: Buyer, admin: Buyer) -> None:
    imported_before = len(admin.must("GET", "/admin/imports")["items"])
    sku = f"FILE-{uuid.uuid4().hex[:8].upper()}"
    rows = [
        "sku,name,description,price_amount,price_currency,category,image,stock",
        f'{sku},"Lantern, small",From a file.,990,EUR,console,/images/products/none.svg,7',
        f"{sku}-B,Lantern,From a file.,nine,EUR,console,/images/products/none.svg,7",
    ]
    page.goto(f"{storefront_url}/admin/catalog/imports")
    page.get_by_test_id("import-file").set_input_files(
        {"name": "products.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()}
    )
    page.get_by_test_id("import-send").click()

    expect(page.get_by_test_id("import-row")).to_have_count(imported_before + 1)
    newest = page.get_by_test_id("import-row").first
    expect(newest.get_by_test_id("import-status")).to_have_text("DONE")
    newest.get_by_test_id("report").click()

    failed = page.get_by_test_id("failed-rows").get_by_role("row").nth(1)
    expect(failed).to_contain_text(f"{sku}-B")
    expect(failed).to_contain_text("price")
    imported = guest.must("GET", f"/products/{sku}")
    assert (imported["name"], imported["available"]) == ("Lantern, small", 7)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert f"{sku}-B" in download.value.path().read_text()


def slides(page: Page, **values: int) -> None:
    """Those that are not named have no share."""
    for slider in page.locator("input[type=range]").all():
        name = slider.get_attribute("name") or ""
        slider.evaluate(SLIDE, str(values.get(name.replace("-", "_"), 0)))


def test_lab_batch_is_placed_and_every_invariant_holds(
    page: Page, storefront_url: str, engine: Any, opened: dict[str, Any]
) -> None:
    """With each kind of trouble that is drawn: the shares are exact, and each is one thing."""
    sent: dict[str, list[str]] = {}

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/orders"):
            card = request.post_data_json["payment_method"]
            sent.setdefault(request.headers["idempotency-key"], []).append(card)

    page.on("request", note)
    assert Auditor(engine.session, opened).violations(settle_seconds=ONE_MORE_ATTEMPT) == [], "left by other tests"
    page.goto(f"{storefront_url}/admin/lab")
    expect(page.get_by_test_id("verdict")).to_have_text(f"All {len(INVARIANTS)} invariants hold")
    slides(page, orders=6, at_once=3, declined=50, throttled=15, faulty=35, doubled=50)

    page.get_by_test_id("place-batch").click()

    expect(page.get_by_test_id("batch-progress")).to_contain_text("6 of 6 placed")
    endings = page.get_by_test_id("endings")
    expect(endings).to_contain_text("6 orders, since this batch started")
    declined = endings.get_by_role("row").filter(has_text="CANCELLED PAYMENT_DECLINED")
    expect(declined).to_contain_text("3", timeout=2 * PATIENCE_MS)
    expect(endings).not_to_contain_text("under way", timeout=2 * PATIENCE_MS)
    expect(page.get_by_test_id("verdict")).to_have_text(f"All {len(INVARIANTS) + 1} invariants hold")
    cards = [kinds[0] for kinds in sent.values()]
    assert cards.count("pm_card_visa_chargeDeclined") == 3
    assert sum(card.endswith("_rateLimited") for card in cards) == 1
    assert sum(card.startswith("pm_card_fault_") for card in cards) == 3
    assert sorted(map(len, sent.values())) == [1, 1, 1, 2, 2, 2]


def test_lab_shows_two_answers_to_one_checkout_as_a_violation(page: Page, storefront_url: str) -> None:
    """Here the second copy loses its key on the way, so the shop cannot know that it is a copy."""
    keys: list[str] = []

    def lose_the_second_key(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        key = keys[0] if len(keys) == 1 else "of-another-checkout"
        route.continue_(headers=route.request.headers | {"idempotency-key": key})

    page.route("**/api/orders", lose_the_second_key)
    page.goto(f"{storefront_url}/admin/lab")
    expect(page.get_by_test_id("verdict")).to_be_visible()
    slides(page, orders=1, at_once=1, doubled=100)

    page.get_by_test_id("place-batch").click()

    expect(page.get_by_test_id("verdict")).to_have_text(f"1 of {len(INVARIANTS) + 1} invariants is violated")
    expect(page.get_by_test_id("invariants")).to_contain_text("were returned for one checkout")
    assert keys == [keys[0]] * 2


def test_webhooks_that_come_in_copies_are_set_in_the_lab_and_change_nothing(
    page: Page, storefront_url: str, guest: Buyer, admin: Buyer, product: str, opened: dict[str, Any]
) -> None:
    def control_api() -> Any:
        key = {"Authorization": f"Bearer {opened['stripe_key']}"}
        return page.request.get(f"{opened['payments_url']}/admin/webhooks", headers=key).json()

    page.goto(f"{storefront_url}/admin/lab")
    copies, normal = page.get_by_role("button", name="three copies"), page.get_by_role("button", name="normal")
    expect(normal).to_have_attribute("aria-pressed", "true")
    copies.click()
    expect(copies).to_have_attribute("aria-pressed", "true")
    try:
        assert control_api()["mode"] == "duplicate"
        before = len(control_api()["deliveries"])
        guest.ended(guest.buy(product, card="pm_card_visa_chargeDeclined"))
        new = control_api()["deliveries"][: len(control_api()["deliveries"]) - before]
        found = Counter(delivery["event"] for delivery in new if delivery["mode"] == "duplicate")
        assert found and set(found.values()) == {3}
        assert not [each for each in admin.must("POST", "/admin/audit", {})["promises"] if each["violated"]]
    finally:
        normal.click()
        expect(normal).to_have_attribute("aria-pressed", "true")


def test_lab_shows_a_failed_invariant_in_red(
    page: Page, storefront_url: str, engine: Any, opened: dict[str, Any], product: str
) -> None:
    stock = engine.session.resource("dynamodb").Table(opened["stack"]["InventoryTableName"])

    def remove(units: int) -> None:
        stock.update_item(
            Key={"pk": f"STOCK#{product}"},
            UpdateExpression="SET available = available - :units",
            ExpressionAttributeValues={":units": units},
        )

    remove(1)
    try:
        page.goto(f"{storefront_url}/admin/lab")
        expect(page.get_by_test_id("verdict")).to_have_text(f"1 of {len(INVARIANTS)} invariants is violated")
        expect(page.get_by_test_id("invariants")).to_contain_text(product)
    finally:
        remove(-1)


def test_results_of_the_lab_fit_a_narrow_window(page: Page, storefront_url: str, admin: Buyer) -> None:
    audited = admin.must("POST", "/admin/audit", {})
    audited["orders"]["endings"] = {f"CANCELLED {reason}": 1234 for reason in Reason}
    page.route("**/api/admin/audit", lambda route: route.fulfill(json=audited))
    page.goto(f"{storefront_url}/admin/lab")
    expect(page.get_by_test_id("endings")).to_contain_text(Reason.FULFILMENT_FAILED)
    Visitor(page, storefront_url).expect_no_sideways_scroll("the lab")


def test_lab_opens_the_report_of_a_run(page: Page, storefront_url: str, engine: Any, opened: dict[str, Any]) -> None:
    s3, bucket = engine.session.client("s3"), opened["stack"]["ReportsBucketName"]
    run_reports.upload(s3, bucket, "simulation-42.html", report.page(EVERYTHING))
    page.goto(f"{storefront_url}/admin/lab")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Open simulation-42").first.click()
    expect(popup.value.get_by_role("heading", level=1)).to_have_text("Simulation")
    popup.value.close()


def test_stage_without_a_lab_has_no_page_for_it(
    page: Page, storefront_url: str, engine: Any, opened: dict[str, Any]
) -> None:
    config = shop._browser_config(engine.place, opened["stack"]) | {"lab": None}
    page.route("**/config.json", lambda route: route.fulfill(json=config))

    page.goto(f"{storefront_url}/admin/lab")

    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here")
    expect(page.get_by_role("link", name="Catalog")).to_be_visible()
    expect(page.get_by_role("link", name="Lab")).to_have_count(0)
