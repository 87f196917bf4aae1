"""Checkout: a cart becomes an order, at the catalog's prices, once per idempotency key and once per cart.

One DynamoDB transaction writes the order, its event and the idempotency record, and takes exactly the version of the
cart that was priced. What was added to the cart meanwhile either is in the order or stays in the cart.

The happy path is two reads and this transaction. The idempotency record is read only where there is something to
refuse, or where the transaction was lost: a repetition of an answered checkout always comes to one of the two.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from chalicelib.cart.model import Cart
from chalicelib.cart.service import Carts
from chalicelib.catalog.service import Catalog
from chalicelib.events.contracts import Variant
from chalicelib.orders.keys import guest_order_token, new_order_id
from chalicelib.orders.model import Order, OrderLine
from chalicelib.orders.placing import placed
from chalicelib.orders.quote import CartAlreadyOrdered, CartEmpty, lines_of, must_be_expected
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.payments.limits import check_total
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Clock
from chalicelib.platform.email_address import Email
from chalicelib.platform.errors import Conflict, Refusal, ValidationFailed
from chalicelib.platform.identity import Caller
from chalicelib.platform.ids import OrderId
from chalicelib.platform.money import Money
from chalicelib.platform.request_keys import IdempotencyConflict, valid_key
from chalicelib.platform.retries import retry_on_conflict
from chalicelib.pricing.model import Quote, Rule
from chalicelib.pricing.quote import quote
from chalicelib.pricing.rules import RULES
from chalicelib.shipping.address import ShippingAddress

KEY_LIFETIME = timedelta(days=2)
ATTEMPTS = 6
PAUSE_SECONDS = 0.05
"""The longest pause before the second attempt; it doubles with each further one."""


class CheckoutBusy(Conflict):
    """This checkout is being made right now. Please repeat it with the same key."""


class CheckoutRequest(BaseModel):
    email: Email | None = None
    shipping_address: ShippingAddress
    payment_method: Annotated[
        Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,120}$")] | None,
        Field(description="A Stripe PaymentMethod. Needed unless the total is 0."),
    ] = None
    expected_total: Annotated[
        Money | None,
        Field(description="The total that the buyer was shown. If it is another one now, nothing happens."),
    ] = None
    code: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=64)] | None,
        Field(description="A coupon code. Unknown codes change nothing."),
    ] = None


@dataclass(frozen=True)
class _Asked:
    """One request to place an order. `scope` names its idempotency record."""

    caller: Caller
    cart_token: str | None
    scope: str
    request: CheckoutRequest
    variant: Variant | None


class Checkout:
    def __init__(
        self, store: OrderStore, carts: Carts, catalog: Catalog, clock: Clock, rules: tuple[Rule, ...] = RULES
    ) -> None:
        self._rules = rules
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

        Raises IdempotencyKeyInvalid, IdempotencyConflict, CartTokenInvalid, CartEmpty, CartAlreadyOrdered,
        CheckoutBusy, ProductUnavailable, TotalChanged, TotalTooSmall, TotalTooLarge, ValidationFailed. Nothing is
        written when it raises.
        """
        cart_id = self._carts.cart_id(caller, cart_token)
        if cart_id is None:
            raise CartEmpty
        order = self._placed(_Asked(caller, cart_token, _scope(cart_id, key), request, variant))
        return order, _order_token(caller, cart_token, order.id)

    def _placed(self, asked: _Asked) -> Order:
        """Each attempt starts from what the tables hold then: a lost transaction means that something has changed."""
        first: Cart | None = None
        for _ in retry_on_conflict(ATTEMPTS, PAUSE_SECONDS):
            cart: Cart | None = None
            refusal: Refusal | None = None
            try:
                cart = self._cart(asked)
                first = first or cart
                order = self._new_order(asked, cart, first)
                if self._written(asked, order, cart):
                    return order
            except Refusal as refused:
                refusal = refused
            record = self._record(asked)
            earlier = self._store.get(record.order_id) if record else None
            if earlier:
                return earlier
            if refusal and not record and not _is_taken_by(asked, cart):
                raise refusal
        raise refusal or CheckoutBusy

    def _cart(self, asked: _Asked) -> Cart:
        """Raises CartTokenInvalid, CartEmpty."""
        cart = self._carts.read(asked.caller, asked.cart_token)
        if cart is None:
            raise CartEmpty
        return cart

    def _new_order(self, asked: _Asked, cart: Cart, first: Cart) -> Order:
        """`first` is the cart as this request found it: an order placed from it since is the intended one."""
        if cart.last_order and (cart.was_just_ordered or cart.last_order != first.last_order):
            raise CartAlreadyOrdered(cart.last_order.order_id)
        request = asked.request
        email = _email(asked.caller, request)
        priced = self._priced(cart, request)
        must_be_expected(priced, request.expected_total)
        check_total(priced.total)
        order_id = new_order_id()
        return placed(
            order_id=order_id,
            customer_id=asked.caller.customer_id,
            token=_order_token(asked.caller, asked.cart_token, order_id),
            email=email,
            shipping_address=request.shipping_address.to_store(),
            payment_method=_payment_method(request, priced.total),
            lines=priced.lines,
            adjustments=priced.adjustments,
            at=self._clock(),
            variant=asked.variant,
            client=asked.caller.client,
        )

    def _priced(self, cart: Cart, request: CheckoutRequest) -> Quote[OrderLine]:
        lines = lines_of(cart, self._catalog.products(list(cart.lines)))
        country = request.shipping_address.to_store().country
        return quote(lines, country, request.code, lines[0].unit_price.currency, self._rules)

    def _written(self, asked: _Asked, order: Order, cart: Cart) -> bool:
        """Return False if something that the order was made from has changed meanwhile; nothing is written then."""
        now = self._clock()
        expires_at = int((now + KEY_LIFETIME).timestamp())
        record = CheckoutRecord(asked.scope, _fingerprint(asked.request), order.id, expires_at)
        return self._store.place(order, record, now, self._carts.taking(cart, order.id, asked.scope))

    def _record(self, asked: _Asked) -> CheckoutRecord | None:
        """Return the record of this very checkout, if it was answered before. Raises IdempotencyConflict."""
        record = self._store.checkout(asked.scope, self._clock())
        if record and record.fingerprint != _fingerprint(asked.request):
            raise IdempotencyConflict
        return record


def _is_taken_by(asked: _Asked, cart: Cart | None) -> bool:
    """Return whether a copy of this very checkout took the cart: then its record and order are about to be seen.

    DynamoDB isolates a transaction from each read, but not from several: one item may show it before the others.
    """
    return bool(cart and cart.was_just_ordered and cart.last_order and cart.last_order.checkout == asked.scope)


def _scope(cart_id: str, key: str | None) -> str:
    """Keys of different buyers never meet."""
    return f"{cart_id}#{hashlib.sha256(valid_key(key).encode()).hexdigest()}"


def _fingerprint(request: CheckoutRequest) -> str:
    """Return a hash of what is asked for.

    `expected_total` is no part of it: it is a condition, and two requests that differ in it alone ask for the same
    order. A field that a later release added is no part of it while it is empty: a request may be repeated across a
    deployment. A buyer whose answer was lost and who confirms a new price meanwhile gets the order that was placed.
    """
    left_out: dict[str, Any] = {"expected_total": True} | ({} if request.code else {"code": True})
    if request.shipping_address.phone is None:
        left_out["shipping_address"] = {"phone"}
    asked = request.model_dump(exclude=left_out)
    canonical = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _email(caller: Caller, request: CheckoutRequest) -> str:
    email = request.email or caller.email
    if not email:
        raise ValidationFailed("Please correct the named fields.", {"email": "Guests must give an email address."})
    return email


def _payment_method(request: CheckoutRequest, to_pay: Money) -> str | None:
    """None where there is nothing to pay. Raises ValidationFailed."""
    if not to_pay.amount:
        return None
    if request.payment_method is None:
        problem = f"Needed, because the order comes to {to_pay}."
        raise ValidationFailed("Please correct the named fields.", {"payment_method": problem})
    return request.payment_method


def _order_token(caller: Caller, cart_token: str | None, order_id: OrderId) -> str | None:
    return None if caller.customer_id or not cart_token else guest_order_token(cart_token, order_id)
