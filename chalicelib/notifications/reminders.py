"""Cart reminders: scheduled emails to customers who consented to them. Without consent nothing is sent."""

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
    """Return whether a reminder was sent. One that fails is logged and must not keep the others from theirs."""
    customer_id = cart.customer_id
    if customer_id is None or cart.email is None:
        return False

    def has_consent() -> bool:
        return wiring.reminder_consent().is_given(customer_id)

    try:
        if not has_consent() or _has_ordered_since(cart):
            return False
        products = wiring.catalog().products(list(cart.lines))
        items = [(quantity, products[sku].name) for sku, quantity in cart.lines.items() if is_sold(products.get(sku))]
        return bool(items) and wiring.notifications().cart_left(cart, cart.email, items, has_consent)
    except Exception:
        log.exception("not reminded")
        return False


def _has_ordered_since(cart: Cart) -> bool:
    if cart.customer_id is None:
        return False
    newest, _ = wiring.orders().of_customer(cart.customer_id, None)
    return bool(newest) and newest[0].placed_at > iso(cart.changed_at)
