"""Identifiers: generates ids in Stripe's format, and derives the account from a secret key."""

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    return f"{prefix}_{random_text(24)}"


def random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def account_of(secret_key: str) -> str:
    """Return the account of a secret key: each key has its own. The key itself is never stored."""
    return f"acct_{hashlib.sha256(secret_key.encode()).hexdigest()[:16]}"
