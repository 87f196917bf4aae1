"""Token verification: checks an id token of the shop's user pool with the standard library only.

Checking an RSA signature uses no secret, so it needs neither constant time nor a native library: it compares one
modular power with the only block that PKCS#1 v1.5 allows (RFC 8017, 8.2.2). It builds this block and never parses one,
because verifiers that parse it have accepted forgeries.
"""

import base64
import hashlib
import json
import re
from typing import Any

LARGEST = 8192
"""Characters. Browsers send no larger cookie."""

SMALLEST_KEY_BITS = 2048
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class TokenRefused(Exception):
    """The token is not a valid id token of this pool for this client."""


def verified_claims(token: str, keys: list[dict[str, Any]], issuer: str, audience: str, now: float) -> dict[str, Any]:
    """Return the claims of a valid token. `now` is in seconds since 1970. Raises TokenRefused."""
    parts = token.split(".")
    if len(token) > LARGEST or len(parts) != 3:
        raise TokenRefused("not a token")
    header, payload, signature = parts
    # Verify the signature before reading the claims. The key determines the algorithm, not the token.
    _verify(f"{header}.{payload}".encode(), _decoded(signature), _key_for(_json_object(header), keys))
    claims = _json_object(payload)
    expected = {"iss": issuer, "aud": audience, "token_use": "id"}
    if any(claims.get(name) != value for name, value in expected.items()):
        raise TokenRefused("not for us")
    if not _is_number(claims.get("exp")) or claims["exp"] <= now:
        raise TokenRefused("expired")
    return claims


def _key_for(header: dict[str, Any], keys: list[dict[str, Any]]) -> dict[str, Any]:
    if header.get("alg") != "RS256" or "crit" in header:
        raise TokenRefused("not signed as the pool signs")
    for key in keys:
        if key["kid"] == header.get("kid") and (key["kty"], key.get("alg"), key.get("use")) == ("RSA", "RS256", "sig"):
            return key
    raise TokenRefused("signed with a key that is not the pool's")


def _verify(message: bytes, signature: bytes, key: dict[str, Any]) -> None:
    modulus, exponent = _number(key["n"]), _number(key["e"])
    length = (modulus.bit_length() + 7) // 8
    value = int.from_bytes(signature, "big")
    if modulus.bit_length() < SMALLEST_KEY_BITS or len(signature) != length or value >= modulus:
        raise TokenRefused("bad signature")
    digest_info = SHA256_DIGEST_INFO + hashlib.sha256(message).digest()
    padding = b"\xff" * (length - len(digest_info) - 3)
    if pow(value, exponent, modulus).to_bytes(length, "big") != b"\x00\x01" + padding + b"\x00" + digest_info:
        raise TokenRefused("bad signature")


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _decoded(text: str) -> bytes:
    if not BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise TokenRefused("not a token")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(text))
    except (ValueError, RecursionError):
        raise TokenRefused("not a token") from None
    if not isinstance(value, dict):
        raise TokenRefused("not a token")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
