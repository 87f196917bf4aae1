"""All pages: allowed hosts, caching, metadata and offline behavior."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Response, expect

from tests.browser.buyer import DESKTOP, Buyer


def test_storefront_requests_no_other_host(new_buyer: Any, bought: Any, opened: Any) -> None:
    """In sandbox mode: neither for a script, nor a font, nor a picture."""
    buyer = new_buyer(storage_state=bought["state"])
    asked = []
    buyer.page.on("request", lambda request: asked.append(urlsplit(request.url)))
    buyer.add_to_cart("PAPER-MAP-01")
    for path in (
        "/",
        "/category/wear",
        "/search?q=wool",
        "/cart",
        "/checkout",
        f"/orders/{bought['order_id']}",
        "/sign-in",
    ):
        buyer.open(path)
        buyer.page.wait_for_load_state("networkidle")
    own = {urlsplit(opened[name]).netloc for name in ("storefront_url", "engine_url")}
    own |= {f"localhost:{urlsplit(opened['engine_url']).port}"}
    assert {url.netloc for url in asked} <= own
    assert len(asked) > 50


def test_assets_with_a_content_hash_are_cached_forever(buyer: Buyer) -> None:
    answers: list[Response] = []
    buyer.page.on("response", lambda answer: answers.append(answer))
    buyer.open("/")
    buyer.page.wait_for_load_state("networkidle")
    kept = {urlsplit(answer.url).path: answer.headers.get("cache-control") for answer in answers}
    assets = [path for path in kept if re.search(r"\.(js|css|woff2)$", path)]
    assert {path.rsplit(".", 1)[1] for path in assets} == {"js", "css", "woff2"}
    for path in assets:
        assert re.fullmatch(r"/assets/[\w-]+-[A-Z0-9]{8}\.\w+", path)
        assert kept[path] == "public, max-age=31536000, immutable"
    scripts = [answer for answer in answers if re.search(r"\.(js|css)$", answer.url)]
    assert {answer.headers.get("content-encoding") for answer in scripts} == {"gzip"}
    assert kept["/"] == kept["/config.json"] == "no-cache"
    pictures = {answer.headers.get("cache-control") for answer in answers if answer.ok and "/images/" in answer.url}
    assert pictures == {"public, max-age=3600"}


def test_public_pages_have_a_title_a_description_and_a_canonical_url(buyer: Buyer) -> None:
    page, heads = buyer.page, {}
    for path in ("/", "/category/camp", "/category/wear", "/products/CAMP-KETTLE-01", "/cart", "/checkout", "/search"):
        buyer.open(path)
        page.wait_for_load_state("networkidle")
        heads[path] = (page.title(), page.locator("meta[name=description]").get_attribute("content"))
        canonical = urlsplit(page.locator("link[rel=canonical]").get_attribute("href") or "")
        assert (canonical.netloc, canonical.path) == (urlsplit(page.url).netloc, path)
        assert page.locator("meta[name=robots]").get_attribute("content") == "index, follow"
    assert len({title for title, _ in heads.values()}) == len({words for _, words in heads.values()}) == len(heads)
    assert "fjord-blue enamel" in heads["/products/CAMP-KETTLE-01"][1]


@pytest.mark.parametrize("path", ["/no/such/page", "/products/NO-SUCH-THING", "/orders", "/account"])
def test_private_page_is_not_indexed(buyer: Buyer, path: str) -> None:
    buyer.open(path)
    expect(buyer.page.locator("meta[name=robots]")).to_have_attribute("content", "noindex")


def test_home_page_shows_items_first_to_variant_b(new_buyer: Any, storefront_url: str) -> None:
    for hand, first in (("a", re.compile("shelves$")), ("b", "On the counter")):
        buyer = new_buyer()
        buyer.page.context.add_cookies([{"name": "saga_ab", "value": hand, "url": storefront_url}])
        buyer.open("/")
        expect(buyer.page.locator("main h2").first).to_have_text(first)


def test_offline_visitor_gets_the_offline_page(new_buyer: Any) -> None:
    buyer = new_buyer(service_workers="allow")
    page = buyer.page
    buyer.open("/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    expect(page.get_by_test_id("offline")).to_be_visible()
    page.goto(page.url.rstrip("/") + "/category/camp")
    expect(page.get_by_role("heading", level=1)).to_have_text("No signal out here")
    assert page.evaluate("getComputedStyle(document.querySelector('.button')).borderRadius") == "999px"
    page.context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Camp")


def test_failed_page_load_shows_an_error_and_a_retry(buyer: Buyer) -> None:
    """This happens when the shop was deployed after the page was opened."""
    page = buyer.page
    buyer.open("/")
    page.route("**/assets/order-pages-*.js", lambda route: route.fulfill(status=404, body=""))
    page.get_by_role("link", name="Your orders", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("That page is stuck")
    page.unroute("**/assets/order-pages-*.js")
    page.get_by_role("button", name="Load it anew").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your orders")


def test_page_that_waits_for_the_api_never_scrolls_sideways(new_buyer: Any, bought: Any) -> None:
    """Placeholders fit too: one of a fixed width beside a picture does not shrink."""
    waiting = new_buyer(storage_state=bought["state"])
    waiting.page.add_init_script(
        "for (const it of ['cart-token', 'signed-in']) localStorage.setItem(`saga.${it}`, 'true')"
    )
    waiting.page.route("**/api/**", lambda route: None)
    for path in (
        "/",
        "/category/camp",
        "/products/CAMP-AXE-01",
        "/search?q=wool",
        "/cart",
        "/checkout",
        "/orders",
        f"/orders/{bought['order_id']}",
        "/account",
        "/account/settings",
    ):
        waiting.open(path)
        expect(waiting.page.locator("main .skeleton").first).to_be_attached()
        waiting.expect_no_sideways_scroll(path)


@pytest.mark.parametrize("path", ["/category/camp", "/products/CAMP-AXE-01", "/orders"])
def test_unreachable_shop_can_be_requested_again(new_buyer: Any, bought: Any, path: str) -> None:
    buyer = new_buyer(viewport=DESKTOP, storage_state=bought["state"])
    page = buyer.page
    page.route("**/api/**", lambda route: route.abort())
    buyer.open(path)
    expect(page.get_by_role("alert")).to_contain_text("No signal out here")
    page.unroute("**/api/**")
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_role("alert").filter(has_text="No signal")).to_have_count(0)


def test_gallery_is_operated_by_keys_and_thumbnails(buyer: Buyer) -> None:
    page = buyer.page
    buyer.open("/products/CAMP-KETTLE-01")
    thumbs = page.get_by_test_id("gallery-thumb")
    expect(thumbs).to_have_count(4)
    thumbs.nth(3).click()
    expect(thumbs.nth(3)).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("img", name="Fjord Camp Kettle, picture 4 of 4")).to_be_in_viewport(ratio=0.9)
    page.locator(".gallery-strip").press("ArrowLeft")
    expect(thumbs.nth(2)).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("img", name="Fjord Camp Kettle, picture 3 of 4")).to_be_in_viewport(ratio=0.9)
