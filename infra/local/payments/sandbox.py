"""How a request to the API is executed: authenticated, read, run once per idempotency key, and
answered. See https://docs.stripe.com/api/idempotent_requests."""

import base64
import binascii
import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from infra.local.payments.answers import (
    Answer,
    Refusal,
    internal_error,
    invalid_request,
    key_in_use,
    key_used_elsewhere,
    unauthorized,
)
from infra.local.payments.ids import account_of, new_id
from infra.local.payments.ledger import Books, Ledger
from infra.local.payments.operations import Call
from infra.local.payments.parameters import Pairs, decode, nest
from infra.local.payments.routes import Operation, route

_LOG = logging.getLogger(__name__)

# What the pinned SDK expects; other versions are echoed but change nothing.
_API_VERSION = "2026-10-28.endive"
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
    """A request that passed every check that needs no state."""

    account: str
    operation: Operation
    call: Call
    request_id: str
    idempotency_key: str | None
    path: str
    fingerprint: str


class Sandbox:
    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._keys_in_use: set[tuple[str, str]] = set()
        self._keys_turn = threading.Lock()

    def answer(self, request: Request) -> Answer:
        request_id = new_id("req")
        try:
            answer = self._execute_once(_admit(request, request_id))
        except Refusal as refusal:
            answer = refusal.answer
        version = request.headers.get("Stripe-Version", _API_VERSION)
        headers = {"Request-Id": request_id, "Stripe-Version": version, **answer.headers}
        return replace(answer, headers=headers)

    def _execute_once(self, execution: Execution) -> Answer:
        if execution.idempotency_key is None:
            return self._execute(execution)
        with self._holding_key(execution.account, execution.idempotency_key):
            return self._replay(execution) or self._execute(execution)

    @contextmanager
    def _holding_key(self, account: str, key: str) -> Iterator[None]:
        held = (account, key)
        with self._keys_turn:
            if held in self._keys_in_use:
                raise key_in_use(key)
            self._keys_in_use.add(held)
        try:
            yield
        finally:
            with self._keys_turn:
                self._keys_in_use.discard(held)

    def _replay(self, execution: Execution) -> Answer | None:
        key = execution.idempotency_key
        with self._ledger.books(execution.account) as books:
            first = books.answered(key)
        if first is None:
            return None
        if first["path"] != execution.path:
            raise key_used_elsewhere(key, "endpoint")
        if first["parameters"] != execution.fingerprint:
            raise key_used_elsewhere(key, "parameters")
        headers = {**_key_headers(key, first["request_id"]), "Idempotent-Replayed": "true"}
        return Answer(first["status"], json.loads(first["body"]), headers)

    def _execute(self, execution: Execution) -> Answer:
        """The effect and the memory of its answer are one transaction: neither exists alone."""
        try:
            with self._ledger.books(execution.account) as books:
                answer = execution.operation.answer(books, execution.call)
                return _remembered(books, execution, answer)
        except Refusal as refusal:
            answer = refusal.answer
        except Exception:
            _LOG.exception("%s failed", execution.path)
            answer = internal_error()
        with self._ledger.books(execution.account) as books:
            return _remembered(books, execution, answer)


def _remembered(books: Books, execution: Execution, answer: Answer) -> Answer:
    key, request_id = execution.idempotency_key, execution.request_id
    if key is None:
        return answer
    books.remember(key, execution.path, execution.fingerprint, answer, request_id)
    return replace(answer, headers=_key_headers(key, request_id))


def _key_headers(key: str, first_request_id: str) -> dict[str, str]:
    return {"Idempotency-Key": key, "Original-Request": first_request_id}


def _admit(request: Request, request_id: str) -> Execution:
    account = account_of(secret_key(request.headers))
    operation, object_id = route(request.method, request.path)
    pairs = decode(request.query) + decode(_form_of(request))
    call = Call(object_id, operation.read(nest(pairs)), now=int(time.time()))
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
    """Only POST requests have one; GET repeats itself safely anyway."""
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or not key:
        return None
    if len(key) > _LONGEST_KEY:
        raise invalid_request(f"Idempotency keys can have up to {_LONGEST_KEY} characters.")
    return key


def _fingerprint(pairs: Pairs) -> str:
    return hashlib.sha256(json.dumps(sorted(pairs)).encode()).hexdigest()
