"""The answer that begins or ends a browser's session: an id token for the page, and its cookies."""

import time
from typing import Annotated

from pydantic import Field

from chalicelib.accounts.model import Tokens
from chalicelib.platform import identity
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Answer

REFRESH_COOKIE, ADMIN_COOKIE = "saga_refresh", "saga_admin"
SESSION_PATH, ADMIN_PATH = "/api/session", "/admin"
SESSION_DAYS = 30
"""Equal to the refresh token validity of the user pool client in the template."""


class SessionView(BaseModel):
    id_token: Annotated[str, Field(description="Send it as `Authorization: Bearer …`. Keep it in memory only.")]
    expires_in: Annotated[int, Field(description="Seconds.")]


def begun(tokens: Tokens) -> Answer:
    claims = identity.verified_claims(tokens.id_token)
    seconds = max(0, claims["exp"] - int(time.time()))
    cookies = []
    if tokens.refresh_token:
        cookies.append(_refresh_cookie(tokens.refresh_token, SESSION_DAYS * 24 * 3600))
    if identity.caller_of(claims).is_admin:
        cookies.append(_admin_cookie(tokens.id_token, seconds))
    return Answer(SessionView(id_token=tokens.id_token, expires_in=seconds), {"Set-Cookie": cookies})


def ended(answer: BaseModel) -> Answer:
    return Answer(answer, {"Set-Cookie": [_refresh_cookie("", 0), _admin_cookie("", 0)]})


def _refresh_cookie(value: str, seconds: int) -> str:
    return f"{REFRESH_COOKIE}={value}; Path={SESSION_PATH}; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict"


def _admin_cookie(value: str, seconds: int) -> str:
    """Lax, so that a link to the console in an email opens it."""
    return f"{ADMIN_COOKIE}={value}; Path={ADMIN_PATH}; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax"
