"""A fake user pool that signs valid and forged tokens."""

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from infra.edge.storefront_edge.settings import Settings, Shop

NOW = 1_795_000_000
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool"
AUDIENCE = "the-shops-client"
STOREFRONT = "https://shop.example"
SHOP = Shop(name="Fjord & Sons", tagline="Rope for everyone", description="Rope and hooks.", decimals=2)


@cache
def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same for the same name, because making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def encoded(value: Any) -> str:
    return base64url(json.dumps(value).encode())


@dataclass(frozen=True)
class Pool:
    name: str = "ours"
    kid: str = "key-1"
    bits: int = 2048
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> rsa.RSAPrivateKey:
        return private_key(self.name, self.bits)

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        modulus = base64url(numbers.n.to_bytes(self.bits // 8, "big"))
        return {"kid": self.kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": modulus, "e": "AQAB"}

    @property
    def settings(self) -> Settings:
        return Settings(STOREFRONT, "https://api.example/api", ISSUER, AUDIENCE, [self.jwk], SHOP)

    def unsigned(self, **claims: Any) -> str:
        """The part that is signed."""
        header = {"alg": "RS256", "kid": self.kid} | self.header
        honest = {
            "sub": "3f0a",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "token_use": "id",
            "exp": NOW + 3600,
            "cognito:groups": ["admin"],
        }
        return f"{encoded(header)}.{encoded(honest | claims)}"

    def token(self, **claims: Any) -> str:
        """An admin's, except for what `claims` say."""
        message = self.unsigned(**claims)
        signature = self.key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{message}.{base64url(signature)}"

    def with_block(self, message: str, block: bytes) -> str:
        """Sign a given block, as only the key's owner can: a verifier that is not strict would accept it."""
        numbers = self.key.private_numbers()
        value = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
        return f"{message}.{base64url(value.to_bytes(self.bits // 8, 'big'))}"
