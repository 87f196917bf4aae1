"""Idempotency keys of requests: one effect and one answer for each key, however often the request is sent."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.platform.errors import Conflict, UnprocessableRequest

if TYPE_CHECKING:
    from chalicelib.platform.http import Call

IDEMPOTENCY_KEY = "Idempotency-Key"


class IdempotencyKeyInvalid(UnprocessableRequest):
    """Send an Idempotency-Key header: 1 to 128 visible ASCII characters, new for each thing you want done."""


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used for something else."""


class RequestInProgress(Conflict):
    """A request with this Idempotency-Key is still being worked on. Repeat it a little later."""


def valid_key(key: str | None) -> str:
    """Raises IdempotencyKeyInvalid."""
    if not key or not re.fullmatch(r"[!-~]{1,128}", key):
        raise IdempotencyKeyInvalid
    return key


@dataclass(frozen=True)
class RequestKey:
    """An operator's key for one kind of request. `id` (64 hex digits) is unique to operator, kind and key;
    `fingerprint` stands for what was asked."""

    id: str
    fingerprint: str

    def check(self, fingerprint: str) -> None:
        """Compare with what the key was first used for. Raises IdempotencyConflict."""
        if fingerprint != self.fingerprint:
            raise IdempotencyConflict


def request_key(call: "Call", kind: str, asked: Any) -> RequestKey | None:
    """Return the key of an operator's request, None where none was sent. `asked` is what JSON can hold.

    Raises IdempotencyKeyInvalid.
    """
    key = call.headers.get(IDEMPOTENCY_KEY.lower())
    if key is None:
        return None
    return RequestKey(
        id=_hash([call.caller.customer_id, kind, valid_key(key)]),
        fingerprint=_hash(asked),
    )


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
