"""Signed links: tokens (JWT, HS256) that open one thing for the recipient of an email, and keyed fingerprints.

The keys are one SSM SecureString: the current key first, then the previous one, separated by a space. Only the first
one signs, all of them verify, so rotating (`infra/deploy/link_keys.py`) keeps
links of the previous key valid.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Literal

from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import Unauthenticated
from chalicelib.platform.parameters import Parameter

ALGORITHM = "HS256"
MARK = "link_"
"""Begins every such token, so that it is never taken for a session's or a guest's."""

Use = Literal["order", "unsubscribe"]
"""What a link is for. One that was made for one use opens nothing of another."""


class LinkExpired(Unauthenticated):
    """This link has expired. Ask for a new one."""


class LinkInvalid(Unauthenticated):
    """This link does not open anything, or not any more. Ask for a new one."""


class Links:
    def __init__(self, keys: Parameter, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def sign(self, use: Use, subject: str, lifetime: timedelta) -> str:
        """Return a token that opens `subject` for this use until `lifetime` is over."""
        import jwt

        claims = {"aud": use, "sub": subject, "exp": int((self._clock() + lifetime).timestamp())}
        return MARK + jwt.encode(claims, self._keys().split()[0], algorithm=ALGORITHM)

    def subject(self, use: Use, token: str) -> str:
        """Return what the token opens. Raise LinkExpired or LinkInvalid.

        The keys are read again before a token is refused: they may just have been rotated.
        """
        claims = self._claims(use, token, self._keys()) or self._claims(use, token, self._keys.refreshed())
        if claims is None:
            raise LinkInvalid
        if datetime.fromtimestamp(int(claims["exp"]), UTC) <= self._clock():
            raise LinkExpired
        return str(claims["sub"])

    def fingerprint(self, text: str) -> str:
        """Return a keyed hash of `text`, 128 bits in hex: who lacks the key learns nothing of a text that can be
        guessed, such as an address."""
        return _fingerprint(self._keys().split()[0], text)

    def is_fingerprint(self, fingerprint: str, text: str) -> bool:
        """Return whether `fingerprint` is of `text`, under the current or the previous key."""
        return any(hmac.compare_digest(_fingerprint(key, text), fingerprint) for key in self._keys().split())

    def _claims(self, use: Use, token: str, keys: str) -> dict[str, str | int] | None:
        import jwt

        options: jwt.types.Options = {"require": ["exp", "sub", "aud"], "verify_exp": False}
        for key in keys.split():
            try:
                return jwt.decode(token.removeprefix(MARK), key, algorithms=[ALGORITHM], audience=use, options=options)
            except (jwt.PyJWTError, ValueError):
                continue
        return None


def is_link(token: str) -> bool:
    return token.startswith(MARK)


def _fingerprint(key: str, text: str) -> str:
    return hmac.new(key.encode(), f"fingerprint {text}".encode(), hashlib.sha256).hexdigest()[:32]


def edge_mark(key: str) -> str:
    """Return the mark that our distribution sends with each request (`edge_mark.py`)."""
    return hmac.new(key.encode(), b"edge mark", hashlib.sha256).hexdigest()
