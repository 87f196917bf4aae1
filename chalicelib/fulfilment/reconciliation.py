"""Comparing the payment provider's books with the orders. Runs by the clock, and can be run at any time."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from chalicelib.fulfilment.payment_updates import PaymentUpdates
from chalicelib.orders.model import Order, OrderNotFound, Status
from chalicelib.orders.service import Orders
from chalicelib.payments.movements import HOLDS_MOVE
from chalicelib.payments.provider import PaymentId, ProviderPayment
from chalicelib.payments.reconciliation import Claim, Mismatch, MismatchKind, mismatches
from chalicelib.payments.service import Payments
from chalicelib.platform import metrics
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.idempotency import AlreadyInProgress, IdempotencyStore
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log

OPEN = (Status.PLACED, Status.RESERVED, Status.ACTION_REQUIRED, Status.AUTHORIZED, Status.SHIPPING)


class MismatchReport(Protocol):
    def publish(self, mismatch: Mismatch, at: datetime) -> None: ...

    def report(self, mismatches: list[Mismatch], at: datetime) -> str: ...


class Reconciliation:
    """With `may_repair`, holds are released and surpluses refunded; otherwise both are only reported."""

    def __init__(
        self,
        orders: Orders,
        payments: Payments,
        updates: PaymentUpdates,
        report: MismatchReport,
        idempotency: IdempotencyStore,
        clock: Clock,
        order_deadline: timedelta,
        may_repair: bool,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._updates = updates
        self._report = report
        self._idempotency = idempotency
        self._clock = clock
        self._order_deadline = order_deadline
        self._may_repair = may_repair

    def reconcile_payments(self) -> list[Mismatch]:
        """Report each mismatch as an event, a metric and a line of the report, and repair what may be repaired.

        What is under way is left alone: only orders that have ended, and those that should have. Return what is new: a
        mismatch that was reported before is only logged, and repaired if it may be.
        """
        now = self._clock()
        intents, claims = self._books(now)
        suspected = [mismatch for mismatch, _ in mismatches(intents, claims)]
        new = []
        for mismatch, intent in filter(None, map(self._still_there, suspected)):
            log.warning("the books differ", extra={"kind": mismatch.kind, "order_id": mismatch.order_id})
            self._repair_mismatch(mismatch, intent, run=f"{now:%Y-%m-%dT%H}")
            if self._is_new(mismatch, now):
                new.append(mismatch)
        self._report.report(new, now)
        metrics.count("LedgerMismatch", len(new))
        return new

    def _books(self, now: datetime) -> tuple[list[ProviderPayment], dict[OrderId, Claim]]:
        """Return the payments that moved lately, and the claims of their orders and of all that should have ended."""
        recent = self._payments.recent_movements(now)
        claims = {order.id: self._claim(order) for order in self._candidates(recent.begun, iso(now - HOLDS_MOVE))}
        intents = recent.begun
        for moved in recent.moved:
            claim = self._claim_of(moved.payment.order_id)
            if not (claim and moved.is_known(claim.payment) and (claim.agrees or not claim.is_settled)):
                intents.append(self._payments.retrieve(moved.payment.id))
                claims |= {claim.order_id: claim} if claim else {}
        return intents, claims

    def _is_new(self, mismatch: Mismatch, now: datetime) -> bool:
        """An order that does not end is reported again until it does."""
        publish = partial(self._report.publish, mismatch, now)
        if mismatch.kind == MismatchKind.OVERDUE:
            publish()
            return True
        try:
            return self._idempotency.run_once(f"mismatch#{mismatch.id}", publish)
        except AlreadyInProgress:
            return False

    def _still_there(self, suspected: Mismatch) -> tuple[Mismatch, ProviderPayment | None] | None:
        """Reading all books takes a while in which they change, so each mismatch is checked again, with the
        order read before and after the payment."""
        before = self._claim_of(suspected.order_id)
        payment_id = suspected.payment_id or (before and before.payment and before.payment.intent_id)
        intents = [intent] if payment_id and (intent := self._ours(payment_id)) else []
        if self._claim_of(suspected.order_id) != before:
            return None
        claims = {before.order_id: before} if before else {}
        return next((pair for pair in mismatches(intents, claims) if pair[0] == suspected), None)

    def _ours(self, payment_id: PaymentId) -> ProviderPayment | None:
        intent = self._payments.retrieve(payment_id)
        return intent if self._payments.is_ours(intent) else None

    def _candidates(self, intents: list[ProviderPayment], since: str) -> Iterator[Order]:
        """Those that the provider names, those delivered lately, and all that have not ended."""
        yield from self._orders.placed_since(since, Status.COMPLETED, Status.RETURNED)
        yield from self._orders.placed_since("", *OPEN)
        for order_id in {intent.order_id for intent in intents if intent.order_id}:
            with suppress(OrderNotFound):
                yield self._orders.get(order_id)

    def _claim_of(self, order_id: OrderId | None) -> Claim | None:
        try:
            return self._claim(self._orders.get(order_id)) if order_id else None
        except OrderNotFound:
            return None

    def _claim(self, order: Order) -> Claim:
        deadline = iso(self._clock() - self._order_deadline)
        return Claim(
            order_id=order.id,
            owed=order.owed,
            is_settled=order.is_settled,
            is_overdue=not order.is_over and order.placed_at < deadline,
            payment=self._payments.of(order.id),
        )

    def _repair_mismatch(self, mismatch: Mismatch, intent: ProviderPayment | None, run: str) -> None:
        """Our own record is always brought up to date; money is moved only where the setting allows it."""
        try:
            if mismatch.kind == MismatchKind.NOT_RECORDED and intent:
                self._updates.learn(intent.id, mismatch.id)
            elif mismatch.is_repairable and intent and self._may_repair:
                self._repair(mismatch, intent, run)
        except Exception:
            log.exception("not repaired", extra={"mismatch": mismatch.id})

    def _repair(self, mismatch: Mismatch, intent: ProviderPayment, run: str) -> None:
        """Two runs may look at one payment at once: the one with the lease acts, and only on what it sees then."""
        lease = self._idempotency.acquire(f"repair#{intent.id}")
        if lease is None:
            return
        try:
            if self._payments.retrieve(intent.id) == intent:
                self._payments.repair(intent, mismatch.surplus, run)
        finally:
            self._idempotency.release(lease)
