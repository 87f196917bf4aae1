"""Identity: a token is accepted only if it is a current id token of the user pool for this client."""

import base64
import json
import time
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.platform import identity
from chalicelib.platform.identity import (
    CLOCK_SKEW_SECONDS,
    GUEST,
    Caller,
    IdentityProviderUnavailable,
    TokenInvalid,
    identify,
)

POOL, CLIENT = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_ours", "our-client"
KID = "key-1"
AN_HOUR = 3600


@cache
def key_of(pool):
    """Make no key when tests are collected: each worker of a run collects all of them."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims(**changes):
    now = int(time.time())
    ours = {
        "sub": "ada", "iss": POOL, "aud": CLIENT, "token_use": "id", "iat": now, "exp": now + AN_HOUR,
        "email": "ada@example.com",
    }  # fmt: skip
    return {name: value for name, value in (ours | changes).items() if value is not None}


def signed(claims, pool="ours", algorithm="RS256", **header):
    return jwt.encode(claims, key_of(pool), algorithm=algorithm, headers={"kid": KID, **header})


def unsigned(claims, **header):
    def encoded(part):
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    return f"{encoded({'kid': KID, **header})}.{encoded(claims)}."


def signed_with_the_public_key(claims):
    """Sign with the public key as a symmetric secret: a verifier that trusts the token's algorithm would accept it."""
    import hashlib
    import hmac

    public = (
        key_of("ours")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    head = unsigned(claims, alg="HS256", typ="JWT").rstrip(".")
    signature = hmac.new(public, head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


class Published:
    """The pool's keys, as they are published."""

    def __init__(self):
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key_of("ours").public_key())) | {"kid": KID, "use": "sig"}
        self._keys = jwt.PyJWKSet.from_dict({"keys": [jwk]})

    def get_signing_key_from_jwt(self, token):
        kid = jwt.get_unverified_header(token).get("kid")
        found = [key for key in self._keys.keys if key.key_id == kid]
        if not found:
            raise jwt.PyJWKClientError("no such key")
        return found[0]


@pytest.fixture(autouse=True)
def pool(monkeypatch):
    class Settings:
        token_issuer = POOL
        user_pool_client_id = CLIENT

    monkeypatch.setattr(identity, "settings", Settings)
    monkeypatch.setattr(identity, "_pool_keys", Published)


def of(token):
    return identify({"authorization": f"Bearer {token}"})


def test_anonymous_call_without_a_token_is_accepted():
    assert identify({}) == GUEST and GUEST.role == "guest"


def test_claims_of_a_customer_are_read():
    ada = of(signed(claims()))
    assert ada == Caller("ada", "ada@example.com") and ada.role == "customer"


def test_token_issued_slightly_ahead_of_the_clock_is_accepted():
    assert of(signed(claims(iat=int(time.time()) + CLOCK_SKEW_SECONDS - 1))).customer_id == "ada"


def test_claims_of_an_admin_are_read():
    assert of(signed(claims(**{"cognito:groups": ["admin"]}))).role == "admin"


@pytest.mark.parametrize("groups", [[], ["customer"], ["admins"], ["Admin"]])
def test_other_groups_give_no_admin_rights(groups):
    assert of(signed(claims(**{"cognito:groups": groups}))).role == "customer"


ADMIN = {"cognito:groups": ["admin"]}
FORGED = {
    "another pool's key": lambda: signed(claims(), pool="theirs"),
    "another pool's key, under a name of its own": lambda: signed(claims(), pool="theirs", kid="key-2"),
    "another pool, with our key": lambda: signed(claims(iss=POOL.replace("ours", "theirs"))),
    "an issuer that only begins like ours": lambda: signed(claims(iss=f"{POOL}.example.com")),
    "another client of our pool": lambda: signed(claims(aud="their-client")),
    "several audiences, none of them us": lambda: signed(claims(aud=["their-client", "others"])),
    "an access token": lambda: signed(claims(token_use="access", aud=None, client_id=CLIENT)),
    "an access token that names an audience": lambda: signed(claims(token_use="access", client_id=CLIENT)),
    "a refresh token": lambda: signed(claims(token_use="refresh", aud=None, client_id=CLIENT)),
    "no use": lambda: signed(claims(token_use=None)),
    "expired": lambda: signed(claims(exp=int(time.time()) - CLOCK_SKEW_SECONDS - 1)),
    "without an end": lambda: signed(claims(exp=None)),
    "an end that is no number": lambda: signed(claims(exp="never")),
    "issued in the future": lambda: signed(claims(iat=int(time.time()) + AN_HOUR)),
    "nobody's": lambda: signed(claims(sub=None)),
    "no algorithm": lambda: unsigned(claims(**ADMIN), alg="none"),
    "no algorithm, shouted": lambda: unsigned(claims(**ADMIN), alg="NONE"),
    "our public key as a secret": lambda: signed_with_the_public_key(claims(**ADMIN)),
    "no signature": lambda: signed(claims()).rpartition(".")[0] + ".",
    "two parts": lambda: signed(claims()).rpartition(".")[0],
    "claims that were changed": lambda: ".".join(
        [signed(claims()).split(".")[0], unsigned(claims(**ADMIN)).split(".")[1], signed(claims()).split(".")[2]]
    ),
    "nothing": lambda: "",
    "a list": lambda: "WyJhIl0.WyJhIl0.eA",
    "no text": lambda: "\x00.\x00.\x00",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_foreign_token_is_refused_and_not_treated_as_a_guest(forge):
    token = forge()
    with pytest.raises(TokenInvalid):
        of(token)


@pytest.mark.parametrize("authorization", ["Basic YWRhOmFkYQ==", "Bearer", "Bearer  ", "AWS4-HMAC-SHA256 x"])
def test_other_ways_to_say_who_one_is_are_refused(authorization):
    with pytest.raises(TokenInvalid):
        identify({"authorization": authorization})


def test_unreachable_user_pool_keys_refuse_each_token(monkeypatch):
    class Silent:
        def get_signing_key_from_jwt(self, token):
            raise jwt.PyJWKClientConnectionError("timed out")

    monkeypatch.setattr(identity, "_pool_keys", Silent)
    with pytest.raises(IdentityProviderUnavailable):
        of(signed(claims()))
