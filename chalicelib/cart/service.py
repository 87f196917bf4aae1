"""Carts: read, change, claim, and hand over to an order."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice

from chalicelib.cart.model import (
    LIFETIME,
    Cart,
    CartBusy,
    CartTokenInvalid,
    customer_cart_id,
    guest_cart_id,
    is_token,
    new_token,
)
from chalicelib.cart.store import CartStore
from chalicelib.platform.clock import Clock
from chalicelib.platform.dynamo import BATCH_GET_LIMIT, Write
from chalicelib.platform.identity import Caller
from chalicelib.platform.ids import CustomerId, OrderId, Sku
from chalicelib.platform.retries import retry_on_conflict

ATTEMPTS = 4


class Carts:
    def __init__(self, store: CartStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def cart_id(self, caller: Caller, token: str | None) -> str | None:
        """The customer's cart, else the one of the guest's token, else None. Raises CartTokenInvalid."""
        if caller.customer_id:
            return customer_cart_id(caller.customer_id)
        if token is None:
            return None
        if not is_token(token):
            raise CartTokenInvalid
        return guest_cart_id(token)

    def read(self, caller: Caller, token: str | None) -> Cart | None:
        """None for a guest without a token. Raises CartTokenInvalid."""
        cart_id = self.cart_id(caller, token)
        return self._load(cart_id) if cart_id else None

    def set_quantity(
        self, caller: Caller, token: str | None, sku: Sku, quantity: int, name_of: Callable[[Cart], str]
    ) -> tuple[Cart, str | None]:
        """Set how many units of a product are in the cart.

        `name_of` returns the product's name, kept for when the product is gone; it is called with the cart before the
        change. Returns the cart, and the token if one was issued. Raises CartTokenInvalid, CartFull, CartBusy, and
        what `name_of` raises.
        """
        cart_id = self.cart_id(caller, token)

        def change(cart: Cart) -> Cart:
            return cart.with_quantity(sku, quantity, name_of(cart))

        if cart_id is None:
            issued = new_token()
            fresh = change(Cart(guest_cart_id(issued), {}, 0, self._clock() + LIFETIME))
            self._store.save(fresh)
            return fresh, issued
        return self._change(cart_id, change, caller.email), None

    def remove(self, caller: Caller, token: str | None, sku: Sku) -> Cart | None:
        """Raises CartTokenInvalid, CartBusy."""
        cart_id = self.cart_id(caller, token)
        return self._change(cart_id, lambda cart: cart.without(sku), caller.email) if cart_id else None

    def claim(self, customer_id: CustomerId, token: str, email: str | None = None) -> tuple[Cart, Cart]:
        """Move the guest's lines into the customer's cart, as far as it has room, in one transaction.

        Returns the customer's cart and the guest's. What there was no room for stays in the guest's cart, so that
        repeating the claim moves nothing twice, and more when there is room. Raises CartTokenInvalid, CartBusy.
        """
        if not is_token(token):
            raise CartTokenInvalid
        for _ in retry_on_conflict(ATTEMPTS):
            guest, own = self._load_both(guest_cart_id(token), customer_cart_id(customer_id))
            merged, left = own.merged_with(guest)
            if left.lines == guest.lines:
                return own, guest
            merged = self._renewed(merged, email)
            if self._store.save_both(merged, left):
                return merged, left
        raise CartBusy

    def taking(self, cart: Cart, order_id: OrderId, checkout: str) -> Write:
        """Return the write that takes the contents of exactly this version of a cart for an order.

        The order's own transaction makes it, so that a cart becomes one order or none.
        """
        return self._store.taking(cart, order_id, checkout)

    def abandoned(self, untouched_since: datetime) -> Iterator[Cart]:
        """Those with something in them, of customers that can be written to, and that have not expired."""
        untouched = self._store.untouched(untouched_since, self._clock())
        while some := list(islice(untouched, BATCH_GET_LIMIT)):
            found = self._store.get_many(some)
            yield from (cart for cart in found.values() if cart.is_abandoned(untouched_since))

    def erase(self, customer_id: CustomerId) -> None:
        """Delete the customer's cart with all that it remembers."""
        self._store.delete(customer_cart_id(customer_id))

    def _change(self, cart_id: str, change: Callable[[Cart], Cart], email: str | None) -> Cart:
        for _ in retry_on_conflict(ATTEMPTS):
            cart = self._load(cart_id)
            changed = self._renewed(change(cart), email)
            if changed.lines == cart.lines:
                return cart
            if self._store.save(changed):
                return changed
        raise CartBusy

    def _load(self, cart_id: str) -> Cart:
        return self._current(cart_id, self._store.get(cart_id))

    def _load_both(self, guest_id: str, own_id: str) -> tuple[Cart, Cart]:
        found = self._store.get_many([guest_id, own_id])
        return self._current(guest_id, found.get(guest_id)), self._current(own_id, found.get(own_id))

    def _current(self, cart_id: str, cart: Cart | None) -> Cart:
        """A customer always has a cart; a guest's must exist. DynamoDB's TTL may be days late, so we look."""
        expired = cart is not None and cart.expires_at <= self._clock()
        if cart_id.startswith("guest#") and (cart is None or expired):
            raise CartTokenInvalid
        if cart is None:
            return Cart(cart_id, {}, 0, self._clock() + LIFETIME)
        return replace(cart.emptied(), last_order=None) if expired else cart

    def _renewed(self, cart: Cart, email: str | None) -> Cart:
        """Extend the lifetime. Without an email in the token, keep the known one."""
        return replace(cart, expires_at=self._clock() + LIFETIME, email=email or cart.email)
