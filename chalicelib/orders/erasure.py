"""Erasure of a buyer's personal data from an order. What bookkeeping needs stays: items, amounts, country, history."""

from datetime import datetime

from chalicelib.orders.events import ERASED, event_of
from chalicelib.orders.model import Order
from chalicelib.platform.clock import iso
from chalicelib.shipping.address import Address

ERASED_TEXT = "(erased)"
ERASED_EMAIL = "erased@customer.invalid"
"""No email is sent to an erased order; the domain cannot exist (RFC 2606)."""


def erased(order: Order, at: datetime) -> Order:
    """Return the order without what identifies its buyer, and without an owner. Returns itself if it was erased."""
    if order.erased_at:
        return order
    country = order.shipping_address.country
    changed = order.model_copy(
        update={
            "version": order.version + 1,
            "customer_id": None,
            "token_hash": None,
            "email": ERASED_EMAIL,
            "shipping_address": Address(name=ERASED_TEXT, line1=ERASED_TEXT, country=country),
            "payment_method": None,
            "client": None,
            "erased_at": iso(at),
        }
    )
    return changed.model_copy(update={"pending_event": event_of(changed, ERASED, at)})
