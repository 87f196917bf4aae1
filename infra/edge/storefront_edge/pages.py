"""Server-side rendering for crawlers: HTML pages with title, content and structured data (schema.org)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from .settings import Settings, Shop

DESCRIPTION_LENGTH = 160
"""Characters that search results show."""


@dataclass(frozen=True)
class Page:
    """`seconds` is the time for which the edge may cache the page."""

    html: str
    status: int = 200
    seconds: int = 300


def home(site: Settings, categories: list[dict[str, Any]], products: list[dict[str, Any]]) -> Page:
    shelves = _list((f"{site.storefront_url}/category/{quote(each['id'])}", each["name"]) for each in categories)
    search = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": f"{site.storefront_url}/search?q={{search_term_string}}"},
        "query-input": "required name=search_term_string",
    }
    website = {"@type": "WebSite", "name": site.shop.name, "url": f"{site.storefront_url}/", "potentialAction": search}
    welcome = f"{site.shop.tagline}. {site.shop.description}"
    return Page(
        _document(
            site.shop,
            title=f"{site.shop.name} – {site.shop.tagline}",
            description=welcome,
            address=f"{site.storefront_url}/",
            facts=[_organization(site), website],
            body=(
                f"<h1>{escape(site.shop.name)}</h1><p>{escape(welcome)}</p><nav>{shelves}</nav>{_shelf(site, products)}"
            ),
        )
    )


def category(site: Settings, name: str, products: list[dict[str, Any]]) -> Page:
    title = name.replace("-", " ").title()
    entries = [
        {"@type": "ListItem", "position": place, "url": _address(site, product)}
        for place, product in enumerate(products, start=1)
    ]
    return Page(
        _document(
            site.shop,
            title=f"{title} – {site.shop.name}",
            description=f"{title}: " + ", ".join(product["name"] for product in products),
            address=f"{site.storefront_url}/category/{quote(name)}",
            facts=[{"@type": "ItemList", "name": title, "itemListElement": entries}],
            body=f"<h1>{escape(title)}</h1>{_shelf(site, products)}",
        )
    )


def product(site: Settings, item: dict[str, Any]) -> Page:
    address, image = _address(site, item), site.storefront_url + item["image"]
    price, currency = _amount(item["price"]["amount"], site.shop.decimals), item["price"]["currency"]
    offer = {
        "@type": "Offer",
        "url": address,
        "price": price,
        "priceCurrency": currency,
        "availability": f"https://schema.org/{'InStock' if item['available'] > 0 else 'OutOfStock'}",
        "itemCondition": "https://schema.org/NewCondition",
        "seller": {"@type": "Organization", "name": site.shop.name},
    }
    facts = {
        "@type": "Product",
        "name": item["name"],
        "description": item["description"],
        "sku": item["sku"],
        "image": image,
        "category": item["category"],
        "brand": {"@type": "Brand", "name": site.shop.name},
        "offers": offer,
    }
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in item["description"].split("\n\n"))
    return Page(
        _document(
            site.shop,
            title=f"{item['name']} – {site.shop.name}",
            description=item["description"],
            address=address,
            image=image,
            kind="product",
            more={"product:price:amount": price, "product:price:currency": currency},
            facts=[facts, _organization(site)],
            body=(
                f'<h1>{escape(item["name"])}</h1><img src="{escape(image)}" alt="{escape(item["name"])}">'
                f"<p>{price} {escape(currency)}</p>{paragraphs}"
                f"<p>{_more_like(site, item)}</p>"
            ),
        )
    )


def not_found(site: Settings) -> Page:
    """Return the page for an unknown product or category (404), so that search engines do not list it."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Not on our shelves – {escape(site.shop.name)}</title>"
        '<meta name="robots" content="noindex"></head><body><h1>Not on our shelves</h1>'
        f'<p>We do not carry this, or not any more. <a href="{escape(site.storefront_url)}/">Back to the shop</a></p>'
        "</body></html>"
    )
    return Page(html, status=404, seconds=60)


def no_longer_sold(site: Settings, item: dict[str, Any]) -> Page:
    """Return the page for a discontinued product (410), so that search engines drop it."""
    name = escape(item["name"])
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name} – {escape(site.shop.name)}</title>'
        f'<meta name="robots" content="noindex"></head><body><h1>{name}</h1><p>This product is no longer sold. '
        f"{_more_like(site, item)}</p></body></html>"
    )
    return Page(html, status=410, seconds=60)


def _document(
    shop: Shop,
    *,
    title: str,
    description: str,
    address: str,
    body: str,
    facts: list[dict[str, Any]],
    image: str | None = None,
    kind: str = "website",
    more: dict[str, str] | None = None,
) -> str:
    summary = _shortened(description)
    graph = {
        "og:site_name": shop.name,
        "og:type": kind,
        "og:title": title,
        "og:description": summary,
        "og:url": address,
        **({"og:image": image} if image else {}),
        **(more or {}),
    }
    tags = "".join(f'<meta property="{name}" content="{escape(value)}">' for name, value in graph.items())
    card = "summary_large_image" if image else "summary"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><meta name="description" content="{escape(summary)}">'
        f'<link rel="canonical" href="{escape(address)}">{tags}<meta name="twitter:card" content="{card}">'
        f"{_data(facts)}</head><body>{body}</body></html>"
    )


def _data(facts: list[dict[str, Any]]) -> str:
    """Return the data as a script element. `<` is escaped, so that no text of the catalog can close the element."""
    text = json.dumps({"@context": "https://schema.org", "@graph": facts}, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'


def _organization(site: Settings) -> dict[str, Any]:
    return {
        "@type": "Organization",
        "name": site.shop.name,
        "url": f"{site.storefront_url}/",
        "logo": f"{site.storefront_url}/favicon.svg",
    }


def _more_like(site: Settings, item: dict[str, Any]) -> str:
    return f'<a href="{escape(site.storefront_url)}/category/{quote(item["category"])}">More of this kind</a>'


def _shelf(site: Settings, products: list[dict[str, Any]]) -> str:
    return _list((_address(site, product), product["name"]) for product in products)


def _list(links: Iterable[tuple[str, str]]) -> str:
    items = "".join(f'<li><a href="{escape(address)}">{escape(name)}</a></li>' for address, name in links)
    return f"<ul>{items}</ul>"


def _address(site: Settings, product: dict[str, Any]) -> str:
    return f"{site.storefront_url}/products/{quote(product['sku'])}"


def _amount(minor_units: int, decimals: int) -> str:
    """Return for example 1250 with 2 decimals as `12.50`."""
    if not decimals:
        return str(minor_units)
    units, rest = divmod(minor_units, 10**decimals)
    return f"{units}.{rest:0{decimals}}"


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= DESCRIPTION_LENGTH:
        return words
    return words[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " …"
