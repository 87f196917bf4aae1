"""Request execution: runs a request once per idempotency key, applies a planned fault, and answers. See https://docs.stripe.com/api/idempotent_requests."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from infra.stripe_sandbox import faults, operations
from infra.stripe_sandbox.admission import Execution, Request, admit
from infra.stripe_sandbox.answers import (
    API_VERSION,
    Answer,
    Refusal,
    Silence,
    internal_error,
    key_in_use,
    key_used_elsewhere,
)
from infra.stripe_sandbox.events import Cause, Journal
from infra.stripe_sandbox.faults import Fault, Faults
from infra.stripe_sandbox.ids import new_id
from infra.stripe_sandbox.ledger import Books, Closed, Ledger
from infra.stripe_sandbox.operations import Call
from infra.stripe_sandbox.targets import aim

_LOG = logging.getLogger(__name__)


class Sandbox:
    def __init__(self, ledger: Ledger, journal: Journal, planned_faults: Faults, url: str):
        """`url` is the address of the sandbox."""
        self._ledger = ledger
        self._journal = journal
        self._faults = planned_faults
        self._url = url
        self._closing = threading.Event()
        self._keys_in_use: set[tuple[str, str]] = set()
        self._keys_turn = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Return the response to a request. A delayed response holds neither its key nor the ledger. Raises Silence, or
        Closed if the sandbox closes during the delay."""
        request_id = new_id("req")
        try:
            answer = self._execute_once(admit(request, request_id, self._url))
        except Refusal as refusal:
            answer = refusal.answer
        except Silence as silence:
            self._closing.wait(silence.seconds)
            raise
        if answer.delay and self._closing.wait(answer.delay):
            raise Closed
        version = request.headers.get("Stripe-Version", API_VERSION)
        headers = {"Request-Id": request_id, "Stripe-Version": version, **answer.headers}
        return replace(answer, headers=headers)

    def close(self) -> None:
        """End all delays."""
        self._closing.set()

    def _execute_once(self, execution: Execution) -> Answer:
        if execution.idempotency_key is None:
            return self._execute_under_fault(execution, None)
        with self._holding_key(execution.account, execution.idempotency_key):
            return self._execute_under_fault(execution, self._replay(execution, execution.idempotency_key))

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

    def _replay(self, execution: Execution, key: str) -> Answer | None:
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

    def _execute_under_fault(self, execution: Execution, replayed: Answer | None) -> Answer:
        fault = self._strike(execution, replayed)
        if fault is None:
            return replayed or self._execute(execution, None)
        if refused := self._fail_before(execution, fault):
            return refused
        instead = internal_error() if fault.kind == faults.STICKY_ERROR_AFTER else None
        return self._fail_after(execution, fault, replayed or self._execute(execution, instead))

    def _fail_before(self, execution: Execution, fault: Fault) -> Answer | None:
        """Apply a fault that comes before the request's effect. Return the answer of one that replaces the effect."""
        if fault.kind in faults.REFUSALS:
            raise faults.REFUSALS[fault.kind]()
        if fault.kind == faults.TIMEOUT:
            raise Silence(fault.seconds)
        if fault.kind == faults.STICKY_ERROR:
            return self._remember(execution, internal_error())
        if fault.kind == faults.HOLD_EXPIRES and fault.operation == "capture":
            self._expire_hold(execution.account, execution.call.object_id)
        return None

    def _fail_after(self, execution: Execution, fault: Fault, answer: Answer) -> Answer:
        """Apply a fault that comes after the request's effect, and return what is left of the answer."""
        if fault.kind == faults.ERROR_AFTER:
            raise Silence
        if fault.kind == faults.HOLD_EXPIRES and fault.operation == "confirm" and answer.status == 200:
            self._expire_hold_later(execution.account, answer.body["id"], fault.seconds)
        return replace(answer, delay=fault.seconds) if fault.kind == faults.SLOW else answer

    def _strike(self, execution: Execution, replayed: Answer | None) -> Fault | None:
        try:
            with self._ledger.books(execution.account) as books:
                target = aim(books, execution)
        except ValueError:
            return None  # the execution fails for the same reason, and its response is stored
        return self._faults.strike(target, replayed=replayed is not None)

    def _execute(self, execution: Execution, instead: Answer | None) -> Answer:
        """Execute a request and store its response (or `instead`) under its key, in one transaction."""
        cause = Cause(execution.call.now, execution.request_id, execution.idempotency_key)
        try:
            with self._journal.entry(execution.account, cause) as books:
                answer = execution.operation.answer(books, execution.call)
                return _remembered(books, execution, instead or answer)
        except Refusal as refusal:
            answer = refusal.answer
        except Closed:
            raise
        except Exception:
            _LOG.exception("%s failed", execution.path)
            answer = internal_error()
        return self._remember(execution, instead or answer)

    def _remember(self, execution: Execution, answer: Answer) -> Answer:
        with self._ledger.books(execution.account) as books:
            return _remembered(books, execution, answer)

    def _expire_hold(self, account: str, intent_id: str) -> None:
        now = int(time.time())
        with suppress(Refusal), self._journal.entry(account, Cause(now)) as books:
            operations.expire_hold(books, Call(intent_id, {}, now))

    def _expire_hold_later(self, account: str, intent_id: str, seconds: float) -> None:
        def expire() -> None:
            with suppress(Closed):
                if not self._closing.wait(seconds):
                    self._expire_hold(account, intent_id)

        threading.Thread(target=expire, daemon=True).start()


def _remembered(books: Books, execution: Execution, answer: Answer) -> Answer:
    key, request_id = execution.idempotency_key, execution.request_id
    if key is None:
        return answer
    books.remember(key, execution.path, execution.fingerprint, answer, request_id)
    return replace(answer, headers=_key_headers(key, request_id))


def _key_headers(key: str, first_request_id: str) -> dict[str, str]:
    return {"Idempotency-Key": key, "Original-Request": first_request_id}
