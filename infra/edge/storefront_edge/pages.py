"""Pages for those who run no scripts: what they are called, what they show, and the same as data (schema.org)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

SHOP = "Saga Supply"
SLOGAN = "Goods for long stories"
WELCOME = "Goods for long stories. A small general store for camp, kitchen and the long dark."
DESCRIPTION_LENGTH = 160
"""Characters. Search results show no more."""


@dataclass(frozen=True)
class Page:
    """`seconds` is how long the edge may keep it."""

    html: str
    status: int = 200
    seconds: int = 300


def home(origin: str, categories: list[dict[str, Any]], products: list[dict[str, Any]]) -> Page:
    shelves = _list((f"{origin}/category/{quote(each['id'])}", each["name"]) for each in categories)
    search = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": f"{origin}/search?q={{search_term_string}}"},
        "query-input": "required name=search_term_string",
    }
    site = {"@type": "WebSite", "name": SHOP, "url": f"{origin}/", "potentialAction": search}
    return Page(
        _document(
            title=f"{SHOP} – {SLOGAN}",
            description=WELCOME,
            address=f"{origin}/",
            facts=[_organization(origin), site],
            body=f"<h1>{SHOP}</h1><p>{escape(WELCOME)}</p><nav>{shelves}</nav>{_shelf(origin, products)}",
        )
    )


def category(origin: str, name: str, products: list[dict[str, Any]]) -> Page:
    title = name.replace("-", " ").title()
    entries = [
        {"@type": "ListItem", "position": place, "url": _address(origin, product)}
        for place, product in enumerate(products, start=1)
    ]
    return Page(
        _document(
            title=f"{title} – {SHOP}",
            description=f"{title}: " + ", ".join(product["name"] for product in products),
            address=f"{origin}/category/{quote(name)}",
            facts=[{"@type": "ItemList", "name": title, "itemListElement": entries}],
            body=f"<h1>{escape(title)}</h1>{_shelf(origin, products)}",
        )
    )


def product(origin: str, item: dict[str, Any]) -> Page:
    address, image = _address(origin, item), origin + item["image"]
    price, currency = _amount(item["price"]), item["price"]["currency"]
    offer = {
        "@type": "Offer",
        "url": address,
        "price": price,
        "priceCurrency": currency,
        "availability": f"https://schema.org/{'InStock' if item['available'] > 0 else 'OutOfStock'}",
        "itemCondition": "https://schema.org/NewCondition",
        "seller": {"@type": "Organization", "name": SHOP},
    }
    facts = {
        "@type": "Product",
        "name": item["name"],
        "description": item["description"],
        "sku": item["sku"],
        "image": image,
        "category": item["category"],
        "brand": {"@type": "Brand", "name": SHOP},
        "offers": offer,
    }
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in item["description"].split("\n\n"))
    return Page(
        _document(
            title=f"{item['name']} – {SHOP}",
            description=item["description"],
            address=address,
            image=image,
            kind="product",
            more={"product:price:amount": price, "product:price:currency": currency},
            facts=[facts, _organization(origin)],
            body=(
                f'<h1>{escape(item["name"])}</h1><img src="{escape(image)}" alt="{escape(item["name"])}">'
                f"<p>{price} {escape(currency)}</p>{paragraphs}"
                f'<p><a href="{escape(origin)}/category/{quote(item["category"])}">More of this kind</a></p>'
            ),
        )
    )


def not_found(origin: str) -> Page:
    """So that nothing that is not there is listed in a search."""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not on our shelves – {SHOP}</title>'
        '<meta name="robots" content="noindex"></head><body><h1>Not on our shelves</h1>'
        f'<p>We do not carry this, or not any more. <a href="{escape(origin)}/">Back to the shop</a></p></body></html>'
    )
    return Page(html, status=404, seconds=60)


def no_longer_sold(origin: str, item: dict[str, Any]) -> Page:
    """Say what the product was. Gone for good (410), so that search engines drop it."""
    name = escape(item["name"])
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name} – {SHOP}</title>'
        f'<meta name="robots" content="noindex"></head><body><h1>{name}</h1><p>This product is no longer sold. '
        f'<a href="{escape(origin)}/category/{quote(item["category"])}">More of this kind</a></p></body></html>'
    )
    return Page(html, status=410, seconds=60)


def _document(
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
        "og:site_name": SHOP,
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
    """Nothing in a catalog can end the script element: `<` is written as an escape of JSON."""
    text = json.dumps({"@context": "https://schema.org", "@graph": facts}, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'


def _organization(origin: str) -> dict[str, Any]:
    return {"@type": "Organization", "name": SHOP, "url": f"{origin}/", "logo": f"{origin}/favicon.svg"}


def _shelf(origin: str, products: list[dict[str, Any]]) -> str:
    return _list((_address(origin, product), product["name"]) for product in products)


def _list(links: Iterable[tuple[str, str]]) -> str:
    items = "".join(f'<li><a href="{escape(address)}">{escape(name)}</a></li>' for address, name in links)
    return f"<ul>{items}</ul>"


def _address(origin: str, product: dict[str, Any]) -> str:
    return f"{origin}/products/{quote(product['sku'])}"


def _amount(price: dict[str, Any]) -> str:
    """From minor units of a currency with two decimals, as the shop's is."""
    return f"{price['amount'] // 100}.{price['amount'] % 100:02}"


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= DESCRIPTION_LENGTH:
        return words
    return words[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " …"
