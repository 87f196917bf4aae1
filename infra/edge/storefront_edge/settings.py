"""What the functions are told: Lambda@Edge has no environment variables, so a file in the package says it."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

BAKED = Path(__file__).parent / "settings.json"


@dataclass(frozen=True)
class Settings:
    """`token_keys` are the user pool's public keys, as its JWKS lists them. URLs have no slash at the end."""

    storefront_url: str
    api_url: str
    token_issuer: str
    token_audience: str
    token_keys: list[dict[str, Any]]


@cache
def settings() -> Settings:
    return Settings(**json.loads(BAKED.read_text()))
