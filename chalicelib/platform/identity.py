"""Authentication: turn a request's id token into a caller: a guest, a customer, or a customer who is an admin.

Each account of the user pool is a customer. Some routes serve guests and customers alike, which a gateway authorizer
cannot express, so the token is verified here: signature against the pool's published keys, issuer, audience, use and
expiry. Routes for customers or admins only have an authorizer as well (`infra/build/gateway.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from chalicelib.platform.errors import Unauthenticated, Unavailable
from chalicelib.platform.ids import CustomerId
from chalicelib.platform.settings import settings

ADMIN_GROUP = "admin"

CLOCK_SKEW_SECONDS = 5
"""A token may come from a clock that is a little ahead of ours."""

Role = Literal["guest", "customer", "admin"]


class TokenInvalid(Unauthenticated):
    """The bearer token is not a valid, current token of this shop."""


class IdentityProviderUnavailable(Unavailable):
    """The user pool's keys could not be fetched."""


@dataclass(frozen=True)
class Caller:
    """`customer_id` is the user pool's `sub`; None for a guest. `email_is_confirmed` means that they proved to
    receive mail at that address. `client` is a keyed fingerprint of the client address, on routes that cause emails."""

    customer_id: CustomerId | None = None
    email: str | None = None
    is_admin: bool = False
    email_is_confirmed: bool = False
    client: str | None = None

    @property
    def role(self) -> Role:
        if self.customer_id is None:
            return "guest"
        return "admin" if self.is_admin else "customer"


GUEST = Caller()


def identify(headers: Mapping[str, str]) -> Caller:
    """No Authorization header is a guest; a bad one is refused rather than taken for a guest."""
    authorization = headers.get("authorization")
    if authorization is None:
        return GUEST
    scheme, _, token = authorization.strip().rpartition(" ")
    if scheme.lower() not in ("bearer", ""):
        raise TokenInvalid
    return caller_of(verified_claims(token))


def caller_of(claims: Mapping[str, Any]) -> Caller:
    return Caller(
        customer_id=CustomerId(claims["sub"]),
        email=claims.get("email"),
        is_admin=ADMIN_GROUP in claims.get("cognito:groups", []),
        email_is_confirmed=str(claims.get("email_verified", "")).lower() == "true",
    )


def verified_claims(token: str) -> dict[str, Any]:
    """Return the verified claims of an id token issued for our client; access tokens are refused.

    Raises TokenInvalid, IdentityProviderUnavailable.
    """
    import jwt

    try:
        claims = jwt.decode(
            token,
            _pool_keys().get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            issuer=settings().token_issuer,
            audience=settings().user_pool_client_id,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "token_use"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise IdentityProviderUnavailable from error
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenInvalid from error
    if claims["token_use"] != "id":
        raise TokenInvalid
    return claims


@cache
def _pool_keys() -> Any:
    import jwt

    keys = f"{settings().identity_endpoint}/{settings().user_pool_id}/.well-known/jwks.json"
    return jwt.PyJWKClient(keys, lifespan=3600, timeout=3)
