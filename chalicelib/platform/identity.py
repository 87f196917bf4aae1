"""One notion of a caller for the whole API: a guest, a customer, or a customer who is an admin.

Routes serve guests and customers alike, which a gateway authorizer cannot express, so the token is
verified here: signature against the user pool's published keys, issuer, audience and expiry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from chalicelib.platform.errors import Unauthenticated, Unavailable
from chalicelib.platform.settings import settings

ADMIN_GROUP = "admin"


class TokenInvalid(Unauthenticated):
    """The bearer token is not a valid, current token of this shop."""


class IdentityProviderUnavailable(Unavailable):
    """The user pool's keys could not be fetched."""


@dataclass(frozen=True)
class Caller:
    """`customer_id` is the user pool's `sub`; None for a guest."""

    customer_id: str | None = None
    email: str | None = None
    is_admin: bool = False


GUEST = Caller()


def identify(headers: Mapping[str, str]) -> Caller:
    """No Authorization header is a guest; a bad one is refused rather than taken for a guest."""
    authorization = headers.get("authorization")
    if authorization is None:
        return GUEST
    scheme, _, token = authorization.strip().rpartition(" ")
    if scheme.lower() not in ("bearer", ""):
        raise TokenInvalid
    claims = _verified_claims(token)
    return Caller(
        customer_id=claims["sub"],
        email=claims.get("email"),
        is_admin=ADMIN_GROUP in claims.get("cognito:groups", []),
    )


def _verified_claims(token: str) -> dict[str, Any]:
    """Accepts the pool's id token (`aud`) and its access token (`client_id`), both for our client only."""
    import jwt

    try:
        claims = jwt.decode(
            token,
            _pool_keys().get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            issuer=settings().token_issuer,
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise IdentityProviderUnavailable from error
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenInvalid from error
    audience = {"id": claims.get("aud"), "access": claims.get("client_id")}.get(claims["token_use"])
    if audience != settings().user_pool_client_id:
        raise TokenInvalid
    return claims


@cache
def _pool_keys() -> Any:
    import jwt

    keys = f"{settings().identity_endpoint}/{settings().user_pool_id}/.well-known/jwks.json"
    return jwt.PyJWKClient(keys, lifespan=3600, timeout=3)
