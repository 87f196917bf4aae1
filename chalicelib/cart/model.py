"""A cart holds skus and quantities only. Names and prices are the catalog's, read when they are shown."""

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.platform.errors import Conflict, Unacceptable, Unauthenticated

MAX_QUANTITY = 20
"""Pieces of one product."""
MAX_LINES = 30
LIFETIME = timedelta(days=30)
"""From the last change."""
TOKEN_PATTERN = r"cart_[0-9a-f]{64}"


class CartTokenInvalid(Unauthenticated):
    """There is no cart for this X-Cart-Token; it may have expired. Drop it and start a new cart."""


class CartFull(Unacceptable):
    """A cart holds at most 30 different products."""


class CartBusy(Conflict):
    """This cart is being changed from elsewhere at the same time. Please try again."""


@dataclass(frozen=True)
class Cart:
    """`version` counts the saves; 0 was never saved. `expires_at` is past for a cart that is no more.

    `email` is where its owner can be reminded of it: a customer's, never a guest's.
    """

    id: str
    lines: dict[str, int]
    version: int
    expires_at: datetime
    email: str | None = None

    @property
    def changed_at(self) -> datetime:
        return self.expires_at - LIFETIME

    @property
    def customer_id(self) -> str | None:
        kind, _, owner = self.id.partition("#")
        return owner if kind == "customer" else None

    def is_abandoned(self, untouched_since: datetime) -> bool:
        return bool(self.lines and self.email) and self.changed_at <= untouched_since

    def with_quantity(self, sku: str, quantity: int) -> "Cart":
        """Sets, never adds: repeating it changes nothing. Raises CartFull."""
        if sku not in self.lines and len(self.lines) >= MAX_LINES:
            raise CartFull
        return replace(self, lines=self.lines | {sku: quantity})

    def without(self, sku: str) -> "Cart":
        return replace(self, lines={s: q for s, q in self.lines.items() if s != sku})

    def emptied(self) -> "Cart":
        return replace(self, lines={})

    def merged_with(self, other: "Cart") -> "Cart":
        """Quantities add up to the limit; lines beyond the limit of lines are left out."""
        merged = dict(self.lines)
        for sku, quantity in other.lines.items():
            if sku in merged or len(merged) < MAX_LINES:
                merged[sku] = min(merged.get(sku, 0) + quantity, MAX_QUANTITY)
        return replace(self, lines=merged)


def new_token() -> str:
    """256 random bits. Only the guest keeps it."""
    return f"cart_{secrets.token_hex(32)}"


def is_token(text: str) -> bool:
    return re.fullmatch(TOKEN_PATTERN, text) is not None


def guest_cart_id(token: str) -> str:
    """The cart is stored under the hash, so that reading the table gives nobody a token."""
    return f"guest#{hashlib.sha256(token.encode()).hexdigest()}"


def customer_cart_id(customer_id: str) -> str:
    return f"customer#{customer_id}"
