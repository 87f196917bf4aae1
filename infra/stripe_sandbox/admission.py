"""Request validation: authenticates, routes and parses a request before it is executed. It needs no state, and a
request that fails here has had no effect."""

import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from infra.stripe_sandbox.answers import invalid_request, unauthorized
from infra.stripe_sandbox.ids import account_of
from infra.stripe_sandbox.operations import Call
from infra.stripe_sandbox.parameters import Pairs, decode, nest
from infra.stripe_sandbox.routes import OPERATIONS, Operation, route

_SECRET_KEY = re.compile(r"[sr]k_test_[A-Za-z0-9_]+")
_FORM = "application/x-www-form-urlencoded"
_LONGEST_KEY = 255


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Execution:
    """A valid request, as far as that can be decided without state."""

    account: str
    operation: Operation
    call: Call
    request_id: str
    idempotency_key: str | None
    path: str
    fingerprint: str


def admit(request: Request, request_id: str, base_url: str) -> Execution:
    account = account_of(secret_key(request.headers))
    operation, object_id = route(OPERATIONS, request.method, request.path)
    pairs = decode(request.query) + decode(_form_of(request))
    call = Call(object_id, operation.read(nest(pairs)), now=int(time.time()), base_url=base_url)
    key = _idempotency_key(request)
    return Execution(account, operation, call, request_id, key, request.path, _fingerprint(pairs))


def secret_key(headers: Mapping[str, str]) -> str:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    key = _user_name(credentials) if scheme.lower() == "basic" else credentials.strip()
    if not key:
        raise unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if not _SECRET_KEY.fullmatch(key):
        raise unauthorized(f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
    return key


def _user_name(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _form_of(request: Request) -> str:
    sent_as = request.headers.get("Content-Type", _FORM).partition(";")[0].strip().lower()
    if request.body and sent_as != _FORM:
        raise invalid_request(f"Invalid request: the body must be {_FORM}, not {sent_as}.")
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        raise invalid_request("Invalid request: the body is not valid UTF-8.") from None


def _idempotency_key(request: Request) -> str | None:
    """Return the idempotency key of a POST request. Other requests need none."""
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or not key:
        return None
    if len(key) > _LONGEST_KEY:
        raise invalid_request(f"Idempotency keys can have up to {_LONGEST_KEY} characters.")
    return key


def _fingerprint(pairs: Pairs) -> str:
    return hashlib.sha256(json.dumps(sorted(pairs)).encode()).hexdigest()
