"""Checkout: a cart becomes an order, at the catalog's prices, once per idempotency key."""

import hashlib
import json
import time
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from chalicelib.cart.model import Cart
from chalicelib.cart.service import Carts
from chalicelib.catalog.service import Catalog
from chalicelib.events.catalogue import Variant
from chalicelib.orders.keys import guest_order_token, new_order_id
from chalicelib.orders.model import (
    CartEmpty,
    CheckoutBusy,
    Email,
    Order,
    OrderLine,
    ProductUnavailable,
    placed,
)
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import ValidationFailed
from chalicelib.platform.identity import Caller
from chalicelib.platform.request_keys import IdempotencyConflict, valid_key
from chalicelib.shipping.address import ShippingAddress

KEY_LIFETIME = timedelta(days=2)
ATTEMPTS = 4


class CheckoutRequest(BaseModel):
    email: Email | None = None
    shipping_address: ShippingAddress
    payment_method: Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,120}$")]


class Checkout:
    def __init__(self, store: OrderStore, carts: Carts, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._carts = carts
        self._catalog = catalog
        self._clock = clock

    def place(
        self,
        caller: Caller,
        cart_token: str | None,
        key: str | None,
        request: CheckoutRequest,
        variant: Variant | None = None,
    ) -> tuple[Order, str | None]:
        """Returns the order, and the token that opens it if the caller is a guest. `variant` is not a part of what is
        asked for, so a repetition that brings another one is a repetition still.

        Raises IdempotencyKeyInvalid, IdempotencyConflict, CartTokenInvalid, CartEmpty,
        CheckoutBusy, ProductUnavailable, ValidationFailed. Nothing is written when it raises.
        """
        cart_id = self._carts.cart_id(caller, cart_token)
        if cart_id is None:
            raise CartEmpty
        scope, fingerprint = _scope(cart_id, key), _fingerprint(request)
        for _ in range(ATTEMPTS):
            order = self._placed_before(cart_id, scope, fingerprint)
            order = order or self._place_new(caller, cart_token, scope, fingerprint, request, variant)
            if order:
                return order, _order_token(caller, cart_token, order.id)
            time.sleep(0.05)
        raise CheckoutBusy

    def _placed_before(self, cart_id: str, scope: str, fingerprint: str) -> Order | None:
        record = self._store.checkout(scope)
        if record is None:
            return None
        if record.fingerprint != fingerprint:
            raise IdempotencyConflict
        # The first try may have died before it came to this.
        self._carts.empty_if_unchanged(cart_id, record.cart_version)
        return self._store.get(record.order_id)

    def _place_new(
        self,
        caller: Caller,
        cart_token: str | None,
        scope: str,
        fingerprint: str,
        request: CheckoutRequest,
        variant: Variant | None,
    ) -> Order | None:
        """None if a copy of this very checkout is being placed beside it."""
        cart = self._carts.read(caller, cart_token)
        if cart is None:
            raise CartEmpty
        if not cart.lines and self._store.checkout(scope):
            return None
        now, order_id = self._clock(), new_order_id()
        order = placed(
            order_id=order_id,
            customer_id=caller.customer_id,
            token=_order_token(caller, cart_token, order_id),
            email=_email(caller, request),
            shipping_address=request.shipping_address.to_store(),
            payment_method=request.payment_method,
            lines=self._priced(cart),
            at=now,
            variant=variant,
        )
        expires_at = int((now + KEY_LIFETIME).timestamp())
        if not self._store.place(order, CheckoutRecord(scope, fingerprint, order_id, expires_at, cart.version)):
            return None
        self._carts.empty_if_unchanged(cart.id, cart.version)
        return order

    def _priced(self, cart: Cart) -> list[OrderLine]:
        if not cart.lines:
            raise CartEmpty
        products = self._catalog.products(list(cart.lines))
        gone = [sku for sku in cart.lines if sku not in products]
        if gone:
            raise ProductUnavailable(f"Not sold any more: {', '.join(gone)}. Please take it out of the cart.")
        return [
            OrderLine(
                sku=sku,
                name=products[sku].name,
                image=products[sku].image,
                quantity=quantity,
                unit_price=products[sku].price,
            )
            for sku, quantity in cart.lines.items()
        ]


def _scope(cart_id: str, key: str | None) -> str:
    """Keys of different buyers never meet."""
    return f"{cart_id}#{hashlib.sha256(valid_key(key).encode()).hexdigest()}"


def _fingerprint(request: CheckoutRequest) -> str:
    canonical = json.dumps(request.model_dump(), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _email(caller: Caller, request: CheckoutRequest) -> str:
    email = request.email or caller.email
    if not email:
        raise ValidationFailed("Please correct the named fields.", {"email": "Guests must give an email address."})
    return email


def _order_token(caller: Caller, cart_token: str | None, order_id: str) -> str | None:
    return None if caller.customer_id or not cart_token else guest_order_token(cart_token, order_id)
