"""Comparing the payment provider's books with the orders. Runs by the clock, and can be run at any time."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from chalicelib import wiring
from chalicelib.orders.model import Order, OrderNotFound, Status
from chalicelib.payments.movements import HOLDS_MOVE
from chalicelib.payments.provider import ProviderPayment
from chalicelib.payments.reconciliation import Claim, Mismatch, MismatchKind, mismatches
from chalicelib.platform import metrics
from chalicelib.platform.clock import iso, utc_now
from chalicelib.platform.idempotency import AlreadyInProgress
from chalicelib.platform.log import log
from chalicelib.platform.settings import settings
from chalicelib.wiring import fulfilment

OPEN = (Status.PLACED, Status.RESERVED, Status.ACTION_REQUIRED, Status.AUTHORIZED, Status.SHIPPING)


def reconcile_payments() -> list[Mismatch]:
    """Report each mismatch as an event, a metric and a line of the report, and repair what may be repaired.

    What is under way is left alone: only orders that have ended, and those that should have. Return what is new: a
    mismatch that was reported before is only logged, and repaired if it may be.
    """
    now = utc_now()
    intents, claims = _books(now)
    suspected = [mismatch for mismatch, _ in mismatches(intents, claims)]
    new = []
    for mismatch, intent in filter(None, map(_still_there, suspected)):
        log.warning("the books differ", extra={"kind": mismatch.kind, "order_id": mismatch.order_id})
        _repair_mismatch(mismatch, intent, run=f"{now:%Y-%m-%dT%H}")
        if _is_news(mismatch, now):
            new.append(mismatch)
    wiring.reconciliation_report().report(new, now)
    metrics.count("LedgerMismatch", len(new))
    return new


def _books(now: datetime) -> tuple[list[ProviderPayment], dict[str, Claim]]:
    """Return what moved lately at the provider, and the claims of those orders and of all that should have ended."""
    recent = wiring.payments().recent_movements(now)
    claims = {order.id: _claim(order) for order in _orders(recent.begun, iso(now - HOLDS_MOVE))}
    intents = recent.begun
    for moved in recent.moved:
        claim = _claim_of(moved.payment.order_id)
        if not (claim and moved.is_known(claim.payment) and (claim.agrees or not claim.is_settled)):
            intents.append(wiring.payments().retrieve(moved.payment.id))
            claims |= {claim.order_id: claim} if claim else {}
    return intents, claims


def _is_news(mismatch: Mismatch, now: datetime) -> bool:
    """An order that does not end is reported again until it does."""
    publish = partial(wiring.reconciliation_report().publish, mismatch, now)
    if mismatch.kind == MismatchKind.OVERDUE:
        publish()
        return True
    try:
        return wiring.idempotency().run_once(f"mismatch#{mismatch.id}", publish)
    except AlreadyInProgress:
        return False


def _still_there(suspected: Mismatch) -> tuple[Mismatch, ProviderPayment | None] | None:
    """Reading all books takes a while in which they change, so each mismatch is checked again, with the
    order read before and after the payment."""
    before = _claim_of(suspected.order_id)
    payment_id = suspected.payment_id or (before and before.payment and before.payment.intent_id)
    intents = [intent] if payment_id and (intent := _ours(payment_id)) else []
    if _claim_of(suspected.order_id) != before:
        return None
    claims = {before.order_id: before} if before else {}
    return next((pair for pair in mismatches(intents, claims) if pair[0] == suspected), None)


def _ours(payment_id: str) -> ProviderPayment | None:
    intent = wiring.payments().retrieve(payment_id)
    return intent if wiring.payments().is_ours(intent) else None


def _orders(intents: list[ProviderPayment], since: str) -> Iterator[Order]:
    """Those that the provider names, those delivered lately, and all that have not ended."""
    orders = wiring.orders()
    yield from orders.placed_since(since, Status.COMPLETED, Status.RETURNED)
    yield from orders.placed_since("", *OPEN)
    for order_id in {intent.order_id for intent in intents if intent.order_id}:
        with suppress(OrderNotFound):
            yield orders.get(order_id)


def _claim_of(order_id: str | None) -> Claim | None:
    try:
        return _claim(wiring.orders().get(order_id)) if order_id else None
    except OrderNotFound:
        return None


def _claim(order: Order) -> Claim:
    deadline = iso(utc_now() - timedelta(seconds=settings().order_deadline_seconds))
    return Claim(
        order_id=order.id,
        owed=order.owed,
        is_settled=order.is_settled,
        is_overdue=not order.is_over and order.placed_at < deadline,
        payment=wiring.payments().of(order.id),
    )


def _repair_mismatch(mismatch: Mismatch, intent: ProviderPayment | None, run: str) -> None:
    """Our own record is always brought up to date; money is moved only where the setting allows it."""
    try:
        if mismatch.kind == MismatchKind.NOT_RECORDED and intent:
            fulfilment.payment_updates().learn(intent.id, mismatch.id)
        elif mismatch.is_repairable and intent and settings().reconcile_repairs:
            _repair(mismatch, intent, run)
    except Exception:
        log.exception("not repaired", extra={"mismatch": mismatch.id})


def _repair(mismatch: Mismatch, intent: ProviderPayment, run: str) -> None:
    """Two runs may look at one payment at once: the one with the lease acts, and only on what it sees then."""
    lease = wiring.idempotency().acquire(f"repair#{intent.id}")
    if lease is None:
        return
    try:
        if wiring.payments().retrieve(intent.id) == intent:
            wiring.payments().repair(intent, mismatch.surplus, run)
    finally:
        wiring.idempotency().release(lease)
