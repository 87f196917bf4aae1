"""Crawlers: search engines and link previews get rendered pages, and browsers get the app."""

import json
from html.parser import HTMLParser

import pytest

from infra.edge.storefront_edge.crawlers import CatalogUnavailable, answer

from .documents import origin_request, request_of
from .pool import STOREFRONT, Pool

TENT = {
    "sku": "CAMP-TENT-01",
    "name": "Quorum Tent",
    "description": "Cotton-canvas ridge tent. " * 20,
    "price": {"amount": 24905, "currency": "EUR"},
    "category": "camp",
    "image": "/images/products/CAMP-TENT-01.svg",
    "available": 3,
}
CATALOG = {
    "/categories": {"items": [{"id": "camp", "name": "Camp"}]},
    "/products": {"items": [TENT]},
    "/products/CAMP-TENT-01": TENT,
    "/products?category=camp": {"items": [TENT]},
}
NOTHING = {"items": []}


class Reader(HTMLParser):
    """Parser of a rendered page, as a crawler reads it."""

    def __init__(self, html):
        super().__init__()
        self.metas, self.links, self.text, self.tags, self._inside = {}, [], {}, [], ""
        self.canonical, self.data = None, None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self._inside = tag
        self.tags.append(tag)
        if tag == "meta":
            self.metas[found.get("property") or found.get("name")] = found.get("content")
        if tag == "link" and found["rel"] == "canonical":
            self.canonical = found["href"]
        if tag == "a":
            self.links.append(found["href"])

    def handle_data(self, text):
        if self._inside == "script":
            self.data = json.loads(text)
        else:
            self.text[self._inside] = self.text.get(self._inside, "") + text

    def fact(self, kind):
        assert self.data["@context"] == "https://schema.org"
        return next(fact for fact in self.data["@graph"] if fact["@type"] == kind)


def crawled(path, catalog=CATALOG):
    def look_up(asked):
        return catalog.get(asked, NOTHING if "?" in asked else None)

    return answer(request_of(origin_request(crawled_path=path)), Pool().settings, look_up)


def read(path, catalog=CATALOG):
    reply = crawled(path, catalog)
    assert reply["status"] == "200"
    assert reply["headers"]["content-type"] == [{"key": "Content-Type", "value": "text/html; charset=utf-8"}]
    return Reader(reply["body"])


def test_archived_product_is_gone_and_not_indexed():
    reply = crawled("/products/CAMP-TENT-01", {"/products/CAMP-TENT-01": TENT | {"archived": True}})
    page = Reader(reply["body"])
    assert reply["status"] == "410" and page.metas["robots"] == "noindex"
    assert "Quorum Tent" in page.text["h1"] and "no longer sold" in page.text["p"]


def test_lists_are_followed_to_their_end():
    more = {"/products?category=camp": {"items": [TENT], "next_cursor": "a="}}
    more["/products?category=camp&cursor=a%3D"] = {"items": [TENT | {"sku": "CAMP-AXE-01"}], "next_cursor": None}
    assert any(link.endswith("/products/CAMP-AXE-01") for link in read("/category/camp", more).links)


def test_people_get_the_app():
    request = request_of(origin_request())
    assert answer(request, Pool().settings, lambda path: pytest.fail("asked the catalog")) == request


def test_product_page_has_title_description_and_picture():
    page = read("/products/CAMP-TENT-01")
    assert page.text["title"] == "Quorum Tent – Fjord & Sons"
    assert page.text["h1"] == "Quorum Tent"
    assert page.canonical == page.metas["og:url"] == f"{STOREFRONT}/products/CAMP-TENT-01"
    assert page.metas["og:title"] == page.text["title"]
    assert page.metas["og:type"] == "product"
    assert page.metas["og:image"] == f"{STOREFRONT}/images/products/CAMP-TENT-01.svg"
    assert page.metas["description"] == page.metas["og:description"]
    assert page.metas["description"].startswith("Cotton-canvas") and len(page.metas["description"]) <= 162
    assert page.metas["product:price:amount"] == "249.05"
    assert f"{STOREFRONT}/category/camp" in page.links


def test_product_page_has_structured_data():
    fact = read("/products/CAMP-TENT-01").fact("Product")
    assert (fact["sku"], fact["name"], fact["description"]) == (TENT["sku"], TENT["name"], TENT["description"])
    offer = fact["offers"]
    assert (offer["@type"], offer["price"], offer["priceCurrency"]) == ("Offer", "249.05", "EUR")
    assert offer["availability"] == "https://schema.org/InStock"
    assert offer["url"] == f"{STOREFRONT}/products/CAMP-TENT-01"


@pytest.mark.parametrize(("amount", "price"), [(5, "0.05"), (100, "1.00"), (0, "0.00"), (123456, "1234.56")])
def test_price_is_written_with_its_decimals(amount, price):
    item = TENT | {"price": {"amount": amount, "currency": "EUR"}}
    fact = read("/products/CAMP-TENT-01", {"/products/CAMP-TENT-01": item}).fact("Product")
    assert fact["offers"]["price"] == price


def test_sold_out_product_is_marked_as_sold_out():
    fact = read("/products/CAMP-TENT-01", {"/products/CAMP-TENT-01": TENT | {"available": 0}}).fact("Product")
    assert fact["offers"]["availability"] == "https://schema.org/OutOfStock"


def test_home_page_links_to_categories_and_products():
    page = read("/")
    assert page.canonical == f"{STOREFRONT}/"
    assert page.text["title"] == "Fjord & Sons – Rope for everyone"
    assert page.links == [f"{STOREFRONT}/category/camp", f"{STOREFRONT}/products/CAMP-TENT-01"]
    assert page.fact("Organization")["url"] == f"{STOREFRONT}/"
    assert "{search_term_string}" in page.fact("WebSite")["potentialAction"]["target"]["urlTemplate"]


def test_category_lists_its_products():
    page = read("/category/camp")
    assert page.text["title"] == "Camp – Fjord & Sons"
    assert page.canonical == f"{STOREFRONT}/category/camp"
    assert page.fact("ItemList")["itemListElement"][0]["url"] == f"{STOREFRONT}/products/CAMP-TENT-01"


@pytest.mark.parametrize(
    "path",
    [
        "/products/NO-SUCH",
        "/products/no such",
        "/products/A%2FB",
        "/products/..",
        "/category/none",
        "/category/A",
        "/x/y",
    ],
)
def test_unknown_page_is_not_indexed(path):
    reply = crawled(path)
    page = Reader(reply["body"])
    assert reply["status"] == "404"
    assert page.metas["robots"] == "noindex"


@pytest.mark.parametrize(
    "path", ["/products/%2e%2e%2fadmin", "/products/X%3Fy=1", "/products/X%0d%0aHost:y", "/category/a%26b"]
)
def test_crawler_path_cannot_request_another_api_path(path):
    def refuse(asked):
        pytest.fail(f"asked for {asked}")

    request = request_of(origin_request(crawled_path=path))
    assert answer(request, Pool().settings, refuse)["status"] == "404"


def test_unavailable_catalog_returns_the_page_of_the_app():
    def fail(path):
        raise CatalogUnavailable("it is asleep")

    request = request_of(origin_request(crawled_path="/products/CAMP-TENT-01"))
    assert answer(request, Pool().settings, fail) == request


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&<!--"


def test_catalog_text_is_escaped():
    item = TENT | {"name": EVIL, "description": EVIL, "category": EVIL, "image": f"/{EVIL}"}
    catalog = {
        "/categories": {"items": [{"id": EVIL, "name": EVIL}]},
        "/products": {"items": [item]},
        "/products/CAMP-TENT-01": item,
        "/products?category=camp": {"items": [item]},
    }
    for path in ("/", "/products/CAMP-TENT-01", "/category/camp"):
        page = read(path, catalog)
        assert page.tags.count("script") == 1
        assert page.tags.count("img") == (1 if "products" in path else 0)
        assert "onerror" not in {name for name in page.metas}
    assert read("/products/CAMP-TENT-01", catalog).fact("Product")["name"] == EVIL
    assert read("/products/CAMP-TENT-01", catalog).metas["og:title"].startswith(EVIL)


def test_crawler_page_is_cached_at_the_edge_and_not_by_browsers():
    assert crawled("/")["headers"]["cache-control"][0]["value"] == "public, max-age=0, s-maxage=300"
    assert crawled("/products/NO")["headers"]["cache-control"][0]["value"] == "public, max-age=0, s-maxage=60"


def test_largest_home_page_is_below_the_limit_of_a_generated_response():
    items = [TENT | {"sku": f"S-{n}", "name": "x" * 120, "description": "y" * 2000} for n in range(100)]
    body = crawled("/", CATALOG | {"/products": {"items": items}})["body"]
    assert len(body.encode()) < 1024 * 1024 / 10
