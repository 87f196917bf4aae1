"""Ids, tokens and idempotency keys of orders: what is random, and what is derived so that a repetition meets it."""

import hashlib
import hmac
import json
import secrets

from chalicelib.platform.ids import OrderId, ReturnId, Sku


def new_order_id() -> OrderId:
    return OrderId(f"ord_{secrets.token_hex(12)}")


def guest_order_token(cart_token: str, order_id: OrderId) -> str:
    """Derived from the guest's secret, so that a repeated checkout can answer the same and no table stores it."""
    return f"order_{hmac.new(cart_token.encode(), order_id.encode(), hashlib.sha256).hexdigest()}"


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def new_return_id(order_id: OrderId, key: str | None, wanted: dict[Sku, int] | None) -> ReturnId:
    """The same for the same key, or without a key for the same units: a repeated request is one return."""
    source = f"key {key}" if key else f"pieces {fingerprint(wanted)}"
    return ReturnId(f"ret_{hashlib.sha256(f'{order_id} {source}'.encode()).hexdigest()[:24]}")


def fingerprint(wanted: dict[Sku, int] | None) -> str:
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def link_request(order_id: OrderId, email: str) -> str:
    """Return what a request for a link to an order is compared by. Letter case of the address makes no difference."""
    return f"{order_id} {email.casefold()}"
