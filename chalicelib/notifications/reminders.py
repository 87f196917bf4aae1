"""Cart reminders: scheduled emails to customers who consented to them. Without consent nothing is sent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from chalicelib.cart.model import Cart
from chalicelib.cart.service import Carts
from chalicelib.catalog.model import is_sold
from chalicelib.catalog.service import Catalog
from chalicelib.notifications.model import Item
from chalicelib.orders.service import Orders
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.ids import CustomerId
from chalicelib.platform.log import log


class Consent(Protocol):
    def is_given(self, customer_id: CustomerId) -> bool: ...


class ReminderEmails(Protocol):
    def cart_left(self, cart: Cart, to: str, items: list[Item], has_consent: Callable[[], bool]) -> bool:
        """Return whether a reminder was sent now."""


class CartReminders:
    """`idle` is how long a cart must be unchanged before its owner is reminded of it."""

    def __init__(
        self,
        carts: Carts,
        consent: Consent,
        orders: Orders,
        catalog: Catalog,
        notifications: ReminderEmails,
        clock: Clock,
        idle: timedelta,
    ) -> None:
        self._carts = carts
        self._consent = consent
        self._orders = orders
        self._catalog = catalog
        self._notifications = notifications
        self._clock = clock
        self._idle = idle

    def send(self) -> int:
        """Send one email for each version of a cart; return how many were sent."""
        return sum(self._reminded(cart) for cart in self._carts.abandoned(self._clock() - self._idle))

    def _reminded(self, cart: Cart) -> bool:
        """Return whether a reminder was sent. One that fails is logged and must not keep the others from theirs."""
        customer_id = cart.customer_id
        if customer_id is None or cart.email is None:
            return False

        def has_consent() -> bool:
            return self._consent.is_given(customer_id)

        try:
            if not has_consent() or self._has_ordered_since(customer_id, cart):
                return False
            products = self._catalog.products(list(cart.lines))
            items = [
                Item(count, products[sku].name, products[sku].image)
                for sku, count in cart.lines.items()
                if is_sold(products.get(sku))
            ]
            return bool(items) and self._notifications.cart_left(cart, cart.email, items, has_consent)
        except Exception:
            log.exception("not reminded")
            return False

    def _has_ordered_since(self, customer_id: CustomerId, cart: Cart) -> bool:
        return self._orders.has_ordered(customer_id, iso(cart.changed_at))
