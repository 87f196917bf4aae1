"""Events: records each change that Stripe reports in the same transaction as the change
(https://docs.stripe.com/api/events)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.stripe_sandbox import deliveries, webhooks
from infra.stripe_sandbox.answers import API_VERSION
from infra.stripe_sandbox.charges import FAILED_REFUNDS
from infra.stripe_sandbox.disputes import CLOSED, OPEN, WON
from infra.stripe_sandbox.ids import new_id
from infra.stripe_sandbox.intents import CANCELED, REQUIRES_ACTION, REQUIRES_CAPTURE, SUCCEEDED
from infra.stripe_sandbox.ledger import Books, Ledger

# Conditions on an object's state before a change ({} for a new object) and after it.
_Happened = Callable[[dict, dict], bool]


def _made(before: dict, _: dict) -> bool:
    return not before


def _reached(*statuses: str) -> _Happened:
    return lambda before, after: after["status"] in statuses and before.get("status") != after["status"]


def _reached_later(*statuses: str) -> _Happened:
    return lambda before, after: bool(before) and _reached(*statuses)(before, after)


def _failed_again(before: dict, after: dict) -> bool:
    return after["last_payment_error"] not in (None, before.get("last_payment_error"))


_EVENTS: dict[str, dict[str, _Happened]] = {
    "payment_intent": {
        "payment_intent.created": _made,
        "payment_intent.requires_action": _reached(REQUIRES_ACTION),
        "payment_intent.amount_capturable_updated": _reached(REQUIRES_CAPTURE),
        "payment_intent.payment_failed": _failed_again,
        "payment_intent.succeeded": _reached(SUCCEEDED),
        "payment_intent.canceled": _reached(CANCELED),
    },
    "charge": {
        "charge.succeeded": lambda before, after: not before and after["paid"],
        "charge.failed": lambda before, after: not before and not after["paid"],
        "charge.captured": lambda before, after: bool(before) and after["captured"] > before["captured"],
        "charge.refunded": lambda before, after: after["amount_refunded"] > before.get("amount_refunded", 0),
    },
    "refund": {
        "refund.created": _made,
        "charge.refund.updated": _reached_later(*FAILED_REFUNDS),
        "refund.updated": _reached_later(*FAILED_REFUNDS),
        "refund.failed": _reached_later("failed"),
    },
    "dispute": {
        "charge.dispute.created": _made,
        "charge.dispute.funds_withdrawn": lambda before, after: not before and after["status"] == OPEN,
        "charge.dispute.closed": _reached(*CLOSED),
        "charge.dispute.funds_reinstated": _reached(WON),
    },
}


@dataclass(frozen=True)
class Cause:
    """The cause of a change: an API request or, without a request id, an automatic change."""

    now: int
    request_id: str | None = None
    idempotency_key: str | None = None


class Journal:
    """Change an account: the change, its events and their deliveries are one transaction."""

    def __init__(self, ledger: Ledger, notify: Callable[[], None]):
        self._ledger = ledger
        self._notify = notify

    @contextmanager
    def entry(self, account: str, cause: Cause) -> Iterator[Books]:
        with self._ledger.books(account) as books:
            yield books
            _announce(books, cause)
        if books.deliveries_planned:
            self._notify()


def _announce(books: Books, cause: Cause) -> None:
    changes = tuple(books.changes)
    for before, after in changes:
        for kind, happened in _EVENTS.get(after["object"], {}).items():
            if happened(before or {}, after):
                event = _event(kind, after, cause)
                books.save(event)
                deliveries.plan(books, event, webhooks.listeners(books, kind), deliveries.mode_of(books))


def _event(kind: str, subject: dict, cause: Cause) -> dict:
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": cause.now,
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
        "type": kind,
    }
