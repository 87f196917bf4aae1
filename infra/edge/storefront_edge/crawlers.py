"""Origin request function: renders pages for search engines and link previews; browsers get the app.

Who is a crawler is decided by `viewer_request.js`, which writes the path they asked for into a header that is part of
the cache key. When the catalog does not answer they get the app, like people.
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from . import pages
from .settings import Settings, settings

CRAWLED_PATH = "x-crawled-path"
SKU = re.compile(r"[A-Z0-9][A-Z0-9-]{0,39}")
CATEGORY = re.compile(r"[a-z][a-z0-9-]{0,39}")
PATIENCE_SECONDS = 4
LISTED_AT_MOST = 1_000
"""Links of one page: the answer of an edge function is limited to 1 MB."""

Catalog = Callable[[str], Any]
"""Returns the JSON of a path of the API, or None for a 404. Raises CatalogUnavailable."""


class CatalogUnavailable(Exception):
    """The API did not answer, or answered with an error."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = event["Records"][0]["cf"]["request"]
    return answer(request, settings(), lambda path: _fetched(settings().api_url + path))


def answer(request: dict[str, Any], settings: Settings, catalog: Catalog) -> dict[str, Any]:
    """Return a rendered page, or the request unchanged for the app."""
    crawled = request["headers"].get(CRAWLED_PATH)
    if crawled is None:
        return request
    try:
        page = _page(crawled[0]["value"], settings, catalog)
    except CatalogUnavailable as trouble:
        print(json.dumps({"level": "WARNING", "message": "the catalog did not answer", "reason": str(trouble)}))
        return request
    return _response(page or pages.not_found(settings))


def _page(path: str, site: Settings, catalog: Catalog) -> pages.Page | None:
    kind, _, name = path.strip("/").partition("/")
    name = unquote(name)
    if not kind:
        return pages.home(site, _all(catalog, "/categories"), _all(catalog, "/products"))
    if kind == "products" and SKU.fullmatch(name):
        product = catalog(f"/products/{name}")
        if product and product.get("archived"):
            return pages.no_longer_sold(site, product)
        return product and pages.product(site, product)
    if kind == "category" and CATEGORY.fullmatch(name):
        products = _all(catalog, f"/products?category={quote(name)}")
        return pages.category(site, name, products) if products else None
    return None


def _all(catalog: Catalog, path: str) -> list[dict[str, Any]]:
    """Return the items of a list, following its cursors up to the limit of links of a page."""
    page = catalog(path)
    items: list[dict[str, Any]] = page["items"]
    while (cursor := page.get("next_cursor")) and len(items) < LISTED_AT_MOST:
        page = catalog(f"{path}{'&' if '?' in path else '?'}cursor={quote(cursor)}")
        items = items + page["items"]
    return items


def _response(page: pages.Page) -> dict[str, Any]:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        # Cached only at the edge, for the time that a price or stock in a search result may be stale.
        "Cache-Control": f"public, max-age=0, s-maxage={page.seconds}",
    }
    return {
        "status": str(page.status),
        "headers": {name.lower(): [{"key": name, "value": value}] for name, value in headers.items()},
        "body": page.html,
    }


def _fetched(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as found:
            return json.load(found)
    except urllib.error.HTTPError as refusal:
        if refusal.code == 404:
            return None
        raise CatalogUnavailable(str(refusal)) from refusal
    except (OSError, ValueError) as trouble:
        raise CatalogUnavailable(str(trouble)) from trouble
