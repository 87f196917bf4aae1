"""Identifiers that look like Stripe's, and the account a secret key opens."""

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    return f"{prefix}_{random_text(24)}"


def random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def account_of(secret_key: str) -> str:
    """Every secret key is an account of its own; the key itself is never stored."""
    return f"acct_{hashlib.sha256(secret_key.encode()).hexdigest()[:16]}"
