"""A cart holds skus and quantities only. Names and prices are the catalog's, read when they are shown."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.platform.errors import Conflict, Unauthenticated, UnprocessableRequest
from chalicelib.platform.ids import CustomerId, OrderId, Sku

MAX_QUANTITY = 20
"""Units of one product in one cart, at most."""
MAX_LINES = 30
LIFETIME = timedelta(days=30)
"""From the last change."""
TOKEN_PATTERN = r"cart_[0-9a-f]{64}"


class CartTokenInvalid(Unauthenticated):
    """There is no cart for this X-Cart-Token; it may have expired. Drop it and start a new cart."""


class CartFull(UnprocessableRequest):
    """A cart holds at most 30 different products."""


class CartBusy(Conflict):
    """This cart is being changed from elsewhere at the same time. Please try again."""


@dataclass(frozen=True)
class LastOrder:
    """The order that a cart's contents became: `checkout` names the checkout that took them, and `version` is the
    version of the cart that it left behind."""

    order_id: OrderId
    checkout: str
    version: int


@dataclass(frozen=True)
class Cart:
    """`version` counts the saves; 0 was never saved. `expires_at` is past for a cart that is no more.

    `names` holds the name of each line's product as of when it was put in, by sku: the catalog may lose it.
    `email` is where its owner can be reminded of it: a customer's, never a guest's.
    """

    id: str
    lines: dict[Sku, int]
    version: int
    expires_at: datetime
    email: str | None = None
    names: dict[Sku, str] = field(default_factory=dict)
    last_order: LastOrder | None = None

    @property
    def changed_at(self) -> datetime:
        return self.expires_at - LIFETIME

    @property
    def customer_id(self) -> CustomerId | None:
        kind, _, owner = self.id.partition("#")
        return CustomerId(owner) if kind == "customer" else None

    @property
    def was_just_ordered(self) -> bool:
        """Return whether nothing was changed since the contents became an order."""
        return self.last_order is not None and self.last_order.version == self.version

    def is_abandoned(self, untouched_since: datetime) -> bool:
        return bool(self.lines and self.email) and self.changed_at <= untouched_since

    def with_quantity(self, sku: Sku, quantity: int, name: str | None = None) -> "Cart":
        """Sets, never adds: repeating it changes nothing. Raises CartFull."""
        if sku not in self.lines and len(self.lines) >= MAX_LINES:
            raise CartFull
        names = self.names | ({sku: name} if name else {})
        return replace(self, lines=self.lines | {sku: quantity}, names=names)

    def without(self, sku: Sku) -> "Cart":
        return self._with_lines({s: q for s, q in self.lines.items() if s != sku})

    def emptied(self) -> "Cart":
        return self._with_lines({})

    def ordered(self, order_id: OrderId, checkout: str) -> "Cart":
        """Return the cart that is left once its contents became this order."""
        return replace(self.emptied(), last_order=LastOrder(order_id, checkout, self.version + 1))

    def merged_with(self, other: "Cart") -> tuple["Cart", "Cart"]:
        """Return this cart with what it has room for of the other one, and the other with what is left over.

        Quantities add up to the limit of a line, and lines up to the limit of lines.
        """
        merged, left = dict(self.lines), dict(other.lines)
        for sku, quantity in other.lines.items():
            if sku in merged or len(merged) < MAX_LINES:
                taken = min(quantity, MAX_QUANTITY - merged.get(sku, 0))
                merged[sku] = merged.get(sku, 0) + taken
                left[sku] -= taken
        left = {sku: quantity for sku, quantity in left.items() if quantity > 0}
        return replace(self, names=other.names | self.names)._with_lines(merged), other._with_lines(left)

    def _with_lines(self, lines: dict[Sku, int]) -> "Cart":
        return replace(self, lines=lines, names={sku: name for sku, name in self.names.items() if sku in lines})


def new_token() -> str:
    """256 random bits. Only the guest keeps it."""
    return f"cart_{secrets.token_hex(32)}"


def is_token(text: str) -> bool:
    return re.fullmatch(TOKEN_PATTERN, text) is not None


def guest_cart_id(token: str) -> str:
    """Return the id of a guest's cart: a hash of the token, so that the table holds no token."""
    return f"guest#{hashlib.sha256(token.encode()).hexdigest()}"


def customer_cart_id(customer_id: CustomerId) -> str:
    return f"customer#{customer_id}"
