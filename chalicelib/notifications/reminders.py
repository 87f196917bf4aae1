"""Reminding customers of carts that they seem to have forgotten. Runs by the clock."""

from datetime import timedelta

from chalicelib import wiring
from chalicelib.cart.model import Cart
from chalicelib.catalog.model import is_sold
from chalicelib.platform.clock import iso, utc_now
from chalicelib.platform.log import log
from chalicelib.platform.settings import settings


def remind_of_carts() -> int:
    """One email for each version of a cart. Returns to how many carts' owners one was sent."""
    untouched_since = utc_now() - timedelta(hours=settings().abandoned_cart_hours)
    return sum(_reminded(cart) for cart in wiring.carts().abandoned(untouched_since))


def _reminded(cart: Cart) -> bool:
    """One that fails must not keep the others from theirs; the next run tries it again."""
    try:
        if cart.email is None or _has_ordered_since(cart):
            return False
        products = wiring.catalog().products(list(cart.lines))
        pieces = [(quantity, products[sku].name) for sku, quantity in cart.lines.items() if is_sold(products.get(sku))]
        return bool(pieces) and wiring.notifications().cart_left(cart.id, cart.version, cart.email, pieces)
    except Exception:
        log.exception("not reminded")
        return False


def _has_ordered_since(cart: Cart) -> bool:
    if cart.customer_id is None:
        return False
    newest, _ = wiring.orders().of_customer(cart.customer_id, None)
    return bool(newest) and newest[0].placed_at > iso(cart.changed_at)
