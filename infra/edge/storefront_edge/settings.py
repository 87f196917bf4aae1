"""Settings of the edge functions, from a file in their package: Lambda@Edge has no environment variables."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

BAKED = Path(__file__).parent / "settings.json"


@dataclass(frozen=True)
class Shop:
    """`decimals` is how many decimal places an amount of the shop's currency has."""

    name: str
    tagline: str
    description: str
    decimals: int


@dataclass(frozen=True)
class Settings:
    """`token_keys` are the user pool's public keys, as its JWKS lists them. URLs have no slash at the end.

    `shop` is baked in from `shop.json`.
    """

    storefront_url: str
    api_url: str
    token_issuer: str
    token_audience: str
    token_keys: list[dict[str, Any]]
    shop: Shop


@cache
def settings() -> Settings:
    baked = json.loads(BAKED.read_text())
    return Settings(**baked | {"shop": Shop(**baked["shop"])})
