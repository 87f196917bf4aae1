"""Emails as pages: they fit phones and desktops, and axe finds nothing in the light or in the dark."""

import pytest
from playwright.sync_api import Browser

from chalicelib.notifications import rendering
from chalicelib.notifications.model import Email, Item, Occasion, cart_reminder, compose
from chalicelib.orders.model import Status
from chalicelib.shipping.model import Shipment, ShipmentStatus
from tests.browser.axe import violations
from tests.builders import NOW, a_line, an_order_in

OF_PAGES = ("region", "landmark-one-main")
"""Rules about landmarks, which mail programs remove."""
WIDTHS = (320, 1024)
UNBROKEN = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"
DRAWN = "/images/products/CAMP-AXE-01.svg"


def _emails(shop: str) -> list[Email]:
    lines = [a_line("A", name=UNBROKEN, price=99_999_900), a_line("B", name="كوب للتخييم", quantity=20)]
    lines = [line.model_copy(update={"image": DRAWN}) for line in lines]
    order = an_order_in(Status.COMPLETED, "ord_0123456789abcdef01234567", name=UNBROKEN, lines=lines)
    shipment = Shipment(
        order_id=order.id, version=1, status=ShipmentStatus.DISPATCHED, carrier="Post", tracking_number="N" * 40
    )
    returned = order.return_requested("ret_1", None, NOW)
    return [
        compose(Occasion.COMPLETED, order, f"{shop}/orders/{order.id}", shop, shipment=shipment),
        compose(Occasion.REFUNDED, returned, f"{shop}/orders/{order.id}", shop, "ret_1"),
        cart_reminder("ada@example.com", [Item(2, UNBROKEN, DRAWN)], shop, "link_x"),
    ]


@pytest.mark.parametrize("number", range(3), ids=["order", "return", "cart"])
def test_email_fits_its_window_and_axe_finds_nothing(
    browser: Browser, storefront_url: str, axe: str, number: int
) -> None:
    page = browser.new_page(bypass_csp=True)
    page.set_content(_emails(storefront_url)[number].html, wait_until="load")
    page.add_script_tag(url=axe)
    assert page.evaluate("[...document.images].filter((each) => !each.naturalWidth).map((each) => each.src)") == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for theme, colours in (("light", rendering.LIGHT), ("dark", rendering.DARK)):
            assert violations(page, theme, without=OF_PAGES) == [], (width, theme)
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == _rgb(colours["ground"])
    page.close()


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[start : start + 2], 16)) for start in (1, 3, 5))})"
