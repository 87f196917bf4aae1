"""Checkout: a cart becomes an order, at the catalog's prices, once per idempotency key."""

import hashlib
import json
import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from chalicelib.cart.model import Cart
from chalicelib.cart.service import Carts
from chalicelib.catalog.service import Catalog
from chalicelib.orders.model import (
    Address,
    CartEmpty,
    Email,
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    Order,
    OrderLine,
    ProductUnavailable,
    guest_order_token,
    new_order_id,
    placed,
)
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import ValidationFailed
from chalicelib.platform.identity import Caller

KEY_LIFETIME = timedelta(days=2)


class CheckoutRequest(BaseModel):
    email: Email | None = None
    shipping_address: Address
    payment_method: Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,120}$")]


class Checkout:
    def __init__(self, store: OrderStore, carts: Carts, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._carts = carts
        self._catalog = catalog
        self._clock = clock

    def place(
        self, caller: Caller, cart_token: str | None, key: str | None, request: CheckoutRequest
    ) -> tuple[Order, str | None]:
        """Returns the order, and the token that opens it if the caller is a guest.

        Raises IdempotencyKeyInvalid, IdempotencyConflict, CartTokenInvalid, CartEmpty,
        ProductUnavailable, ValidationFailed. Nothing is written when it raises.
        """
        cart_id = self._carts.cart_id(caller, cart_token)
        if cart_id is None:
            raise CartEmpty
        scope = _scope(cart_id, key)
        fingerprint = _fingerprint(request)
        order = self._placed_before(scope, fingerprint)
        if order is None:
            cart = self._carts.read(caller, cart_token)
            order = self._place_new(caller, cart_token, cart, scope, fingerprint, request)
            self._carts.empty_if_unchanged(cart.id, cart.version)
        return order, _order_token(caller, cart_token, order.id)

    def _placed_before(self, scope: str, fingerprint: str) -> Order | None:
        record = self._store.checkout(scope)
        if record is None:
            return None
        if record.fingerprint != fingerprint:
            raise IdempotencyConflict
        return self._store.get(record.order_id)

    def _place_new(
        self,
        caller: Caller,
        cart_token: str | None,
        cart: Cart,
        scope: str,
        fingerprint: str,
        request: CheckoutRequest,
    ) -> Order:
        now = self._clock()
        order_id = new_order_id()
        order = placed(
            order_id=order_id,
            customer_id=caller.customer_id,
            token=_order_token(caller, cart_token, order_id),
            email=_email(caller, request),
            shipping_address=request.shipping_address,
            payment_method=request.payment_method,
            lines=self._priced(cart),
            at=now,
        )
        record = CheckoutRecord(scope, fingerprint, order_id, int((now + KEY_LIFETIME).timestamp()))
        if self._store.place(order, record):
            return order
        # The same checkout ran beside this one and was first.
        return self._placed_before(scope, fingerprint) or order

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
    if not key or not re.fullmatch(r"[!-~]{1,128}", key):
        raise IdempotencyKeyInvalid
    return f"{cart_id}#{hashlib.sha256(key.encode()).hexdigest()}"


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
