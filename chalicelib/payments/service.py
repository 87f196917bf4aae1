"""Authorizing, capturing, voiding and refunding. Every call may be repeated and moves no money twice.

After a lost answer the same key is asked again: Stripe then answers what it answered. After a failure of
Stripe's own, which it keeps under that key, the intent is looked at first, and only if nothing was done
there the next attempt begins, with a key of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.payments.confirmation import NO_CONFIRMATION, NOBODY_WAITS, NOT_CONFIRMED, Confirmation
from chalicelib.payments.gateway import PaymentProviderFailed, StripeGateway, UnexpectedIntentState
from chalicelib.payments.model import (
    UNDO,
    BuyerActionRequired,
    Intent,
    Payment,
    PaymentDeclined,
    PaymentDisputed,
    PaymentEnded,
    PaymentStatus,
    PaymentUpdate,
    Shortfall,
)
from chalicelib.payments.movements import AtStripe, recent_movements
from chalicelib.payments.store import PaymentStore
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.log import log
from chalicelib.platform.money import Money

CREATED, AUTHORIZED, DECLINED = PaymentStatus.CREATED, PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED
ACTION_REQUIRED = PaymentStatus.ACTION_REQUIRED
CAPTURED, VOIDED, REFUNDED = PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED
ENDED = (VOIDED, REFUNDED, PaymentStatus.CHARGED_BACK)

CONFIRM, CAPTURE, CANCEL = "authorize", "capture", "void"
SETTLED = {
    CONFIRM: {"requires_action", "requires_capture", "succeeded", "canceled"},
    CAPTURE: {"succeeded", "canceled"},
    CANCEL: {"succeeded", "canceled"},
}
"""The states of an intent in which there is nothing left to do for that call."""

ATTEMPTS = 5


@dataclass(frozen=True)
class Given:
    """What was given back, in minor units, and why it is less than was asked for."""

    amount: int
    shortfall: Shortfall | None = None


class PaymentBusy(Unavailable):
    """The payment is being changed by others; trying again later will tell."""


class Payments:
    def __init__(
        self,
        store: PaymentStore,
        gateway: StripeGateway,
        confirmation: Confirmation = NO_CONFIRMATION,
        deployment: str = "",
    ) -> None:
        """`deployment` marks what this shop begins at Stripe."""
        self._store = store
        self._gateway = gateway
        self._confirmation = confirmation
        self._deployment = deployment

    def of(self, order_id: str) -> Payment | None:
        return self._store.get(order_id)

    def authorize(self, order_id: str, amount: Money, payment_method: str | None) -> None:
        """Hold the money; where there is nothing to pay, only note that.

        Raises BuyerActionRequired, PaymentDeclined or PaymentEnded.
        """
        payment = self._repeated(order_id, lambda: self._authorized(order_id, amount, payment_method))
        if payment.status == ACTION_REQUIRED:
            raise BuyerActionRequired(order_id)
        if payment.status == DECLINED:
            raise PaymentDeclined(payment.decline_code)
        if payment.status in ENDED:
            raise PaymentEnded(order_id)

    def _authorized(self, order_id: str, amount: Money, payment_method: str | None) -> Payment | None:
        """Return the payment after one attempt to authorize it; None if its record changed meanwhile."""
        payment = self._opened(order_id, amount)
        if payment.is_free:
            return self._store.replace(payment, status=AUTHORIZED) if payment.status == CREATED else payment
        if payment.status == ACTION_REQUIRED:
            return self._answered(payment)
        if payment.status != CREATED:
            return payment
        with_intent = payment if payment.intent_id else self._with_intent(payment, payment.amount or amount)
        if with_intent is None or with_intent.status != CREATED:
            return with_intent
        # Checkout takes no order without a payment method unless it is free. Stripe would decline it.
        return self._confirmed(with_intent, payment_method or "")

    def capture(self, order_id: str) -> None:
        """Take the held money. Raises PaymentEnded."""

        def attempt() -> Payment | None:
            payment = self._known(order_id)
            if payment.status != AUTHORIZED:
                return payment
            if payment.is_free:
                return self._store.replace(payment, status=CAPTURED)
            intent = self._attempt(payment, CAPTURE, lambda key: self._gateway.capture(payment.stripe_id, key))
            if intent.status != "succeeded":
                raise PaymentEnded(intent.status)
            return self._store.replace(payment, status=CAPTURED, captured=intent.amount_received)

        if self._repeated(order_id, attempt).status != CAPTURED:
            raise PaymentEnded(order_id)

    def refund(self, order_id: str) -> None:
        """Give captured money back; leave a mere hold to `void`. A no-op where there is nothing to undo.

        It asks Stripe rather than our table: a capture may have succeeded there and not been noted here.
        """
        payment = self._store.get(order_id)
        if payment is None or payment.intent_id is None or payment.status in ENDED:
            return
        intent = self._gateway.retrieve(payment.intent_id)
        if intent.status == "succeeded":
            self._give_back(payment, intent, intent.amount_received, UNDO)

    def refund_part(self, order_id: str, amount: Money, reference: str) -> Given:
        """Give so much back, once for each reference, and never more than is left.

        Return what was given back under this reference. A refund that failed was not given: it is made again. Raises
        PaymentDisputed while a bank decides.
        """
        payment = self._known(order_id)
        if payment.is_free:
            return Given(0)
        intent = self._gateway.retrieve(payment.stripe_id)
        return self._give_back(payment, intent, amount.amount, reference)

    def void(self, order_id: str) -> None:
        """Let go of whatever is held, and close the door for an authorization that comes late.

        By the state at Stripe: an open hold is canceled, captured money is refunded.
        """

        def attempt() -> Payment | None:
            closed = Payment(order_id=order_id, status=VOIDED)
            payment = self._store.get(order_id) or (closed if self._store.create(closed) else None)
            if payment is None or payment.status in (*ENDED, DECLINED):
                return payment
            if payment.intent_id and (intent := self._canceled(payment)).status == "succeeded":
                self._give_back(payment, intent, intent.amount_received, UNDO)
                return payment
            return self._store.replace(payment, status=VOIDED, **NOBODY_WAITS)

        self._repeated(order_id, attempt)

    def await_buyer(self, order_id: str, task_token: str) -> bool:
        """Keep the token of the step that waits for the buyer; return False if there is nothing to wait for.

        Stripe is asked after the token was kept, so an answer of the buyer is either seen here or wakes the step.
        """

        def attempt() -> Payment | None:
            payment = self._known(order_id)
            if payment.status != ACTION_REQUIRED or task_token in payment.task_tokens:
                return payment
            return self._store.replace(payment, task_tokens=(*payment.task_tokens, task_token))

        return self._awaits_buyer(self._repeated(order_id, attempt))

    def awaits_buyer(self, order_id: str | None) -> bool:
        """Return whether a step of the saga may wait for this order's buyer, as far as we know by ourselves.

        False is certain: a step that begins to wait after this asks Stripe itself.
        """
        payment = self._store.get(order_id) if order_id else None
        return payment is not None and payment.status == ACTION_REQUIRED

    def answered(self, order_id: str) -> tuple[str, ...]:
        """Return the tokens of the step that waits for the buyer, if the buyer has answered; else none."""
        payment = self._store.get(order_id)
        if payment is None or payment.status != ACTION_REQUIRED or self._awaits_buyer(payment):
            return ()
        return payment.task_tokens

    def learn(self, intent_id: str, tell: Callable[[str, PaymentUpdate], None]) -> None:
        """Bring our books to what Stripe says now, in whatever order its events arrive.

        `tell` gets the order's id and each update, with the fact in it, before it is noted here, so that none is lost
        if we die in between; it must bear hearing one twice. Raises PaymentUnknown.
        """
        order_id = self._gateway.retrieve(intent_id).order_id
        for _ in range(ATTEMPTS):
            payment = self._store.get(order_id) if order_id else None
            if payment is None or payment.intent_id != intent_id:
                log.info("a payment that no order knows", extra={"payment_intent": intent_id})
                return
            # Looked at after our record was read, so that an old answer never overwrites a newer one.
            intent = self._gateway.retrieve(intent_id)
            known = payment.as_at(intent)
            for update in payment.updates_to(known, intent):
                tell(payment.order_id, update)
            if known == payment or self._store.replace(payment, **dict(known)):
                return
        raise PaymentBusy(order_id)

    def at_stripe(self, now: datetime) -> AtStripe:
        """Return what can have moved at Stripe, however old the payment is; others' payments left out."""
        return recent_movements(self._gateway, now, self.is_ours)

    def is_ours(self, intent: Intent) -> bool:
        """Whether this shop began the payment: it bears our mark, or, begun before there were marks, our record
        names it. Others may use the same account at Stripe, and the same order ids."""
        if intent.deployment is not None:
            return intent.deployment == self._deployment
        record = self._store.get(intent.order_id) if intent.order_id else None
        return record is not None and record.intent_id == intent.id

    def at_stripe_now(self, intent_id: str) -> Intent:
        return self._gateway.retrieve(intent_id)

    def repair(self, intent: Intent, surplus: int, run: str) -> None:
        """Let a hold go that nobody needs, or give back what is kept too much, in minor units.

        `intent` has just been looked at. `run` is the same for runs at the same time, so that only one of them
        acts, and another for later ones, so that they make an attempt of their own.
        """
        key = f"{intent.id}:reconcile:{intent.amount_refunded}:{run}"
        if surplus:
            self._gateway.refund(intent.id, surplus, reference=f"{intent.id}:surplus", key=key)
        else:
            self._gateway.cancel(intent.id, key=key)

    def _opened(self, order_id: str, amount: Money) -> Payment:
        new = Payment(order_id=order_id, status=CREATED, amount=amount)
        return self._store.get(order_id) or (new if self._store.create(new) else self._known(order_id))

    def _repeated(self, order_id: str, attempt: Callable[[], Payment | None]) -> Payment:
        """Return what `attempt` returns, which is None if the payment was changed between its read and its note.

        It then starts again from the read: what others wrote meanwhile decides what is left to do. Raises PaymentBusy.
        """
        for _ in range(ATTEMPTS):
            if payment := attempt():
                return payment
        raise PaymentBusy(order_id)

    def _with_intent(self, payment: Payment, amount: Money) -> Payment | None:
        """Store the intent's id before it is confirmed, so that whatever happens next can be undone.

        Of two that are made at once, only the one that is stored is ever confirmed.
        """
        intent = self._attempt(payment, "create", lambda key: self._gateway.create(payment.order_id, amount, key))
        return self._store.replace(payment, intent_id=intent.id)

    def _confirmed(self, payment: Payment, payment_method: str) -> Payment | None:
        try:
            return_url = self._confirmation.return_url(payment.order_id)
            intent = self._attempt(
                payment, CONFIRM, lambda key: self._gateway.confirm(payment.stripe_id, payment_method, key, return_url)
            )
        except PaymentDeclined as declined:
            return self._store.replace(payment, status=DECLINED, decline_code=str(declined))
        if intent.is_declined:
            return self._store.replace(payment, status=DECLINED, decline_code=intent.decline_code)
        if intent.awaits_buyer:
            return self._store.replace(payment, status=ACTION_REQUIRED, action=self._confirmation.action(intent))
        return self._store.replace(payment, status=VOIDED if intent.status == "canceled" else AUTHORIZED)

    def _answered(self, payment: Payment) -> Payment | None:
        """Note what became of the confirmation that was asked for; return `payment` itself while it is awaited.

        Where it failed, or the time is over, the intent is canceled: whoever has its secret could go on paying. That
        is written down before it is done, so that nobody beside us authorizes what we cancel.
        """
        if payment.action is None:
            return self._given_up(payment)
        intent = self._gateway.retrieve(payment.stripe_id)
        if intent.awaits_buyer and not self._confirmation.is_over(payment):
            return payment
        if intent.status in ("requires_capture", "succeeded"):
            return self._store.replace(payment, status=AUTHORIZED, **NOBODY_WAITS)
        code = intent.decline_code or NOT_CONFIRMED
        given_up = self._store.replace(payment, decline_code=code, action=None)
        return self._given_up(given_up) if given_up else None

    def _given_up(self, payment: Payment) -> Payment | None:
        intent = self._canceled(payment)
        if intent.status == "succeeded":
            return self._store.replace(payment, status=AUTHORIZED, **NOBODY_WAITS)
        if intent.status != "canceled":
            raise PaymentBusy(payment.order_id)
        return self._store.replace(payment, status=VOIDED if intent.is_lost_hold else DECLINED, **NOBODY_WAITS)

    def _awaits_buyer(self, payment: Payment) -> bool:
        return payment.status == ACTION_REQUIRED and self._gateway.retrieve(payment.stripe_id).awaits_buyer

    def _canceled(self, payment: Payment) -> Intent:
        return self._attempt(payment, CANCEL, lambda key: self._gateway.cancel(payment.stripe_id, key))

    def _attempt(self, payment: Payment, call: str, act: Callable[[str], Intent]) -> Intent:
        """The intent after this call, whether it was this attempt or an earlier one that did it."""
        if payment.failed.get(call) and payment.intent_id:
            intent = self._gateway.retrieve(payment.intent_id)
            if intent.status in SETTLED[call] or (call == CONFIRM and intent.is_declined):
                return intent
        try:
            return act(_key(payment.order_id, call, payment.failed.get(call, 0)))
        except UnexpectedIntentState:
            return self._gateway.retrieve(payment.stripe_id)
        except PaymentProviderFailed:
            self._note_failure(payment, call)
            raise

    def _give_back(self, payment: Payment, intent: Intent, amount: int, reference: str) -> Given:
        """What was given back under this reference before is not given again."""
        meaning = f"{payment.order_id}:{reference}"
        same = [refund for refund in intent.refunds if refund.reference == meaning]
        given = sum(refund.amount for refund in same if refund.is_effective)
        left = max(0, min(amount, intent.kept))
        if not given and left:
            attempt = len(same) + payment.failed.get(reference, 0)
            left = self._refunded(payment, intent, left, reference, _key(payment.order_id, reference, attempt))
        self._note_refunds(payment.order_id)
        moved = given or left
        return Given(moved, None if moved == amount else intent.why_less())

    def _refunded(self, payment: Payment, intent: Intent, amount: int, reference: str, key: str) -> int:
        """Return what was given back: nothing where a bank took it. Raises PaymentDisputed while it decides."""
        try:
            self._gateway.refund(intent.id, amount, f"{payment.order_id}:{reference}", key)
        except PaymentProviderFailed:
            self._note_failure(payment, reference)
            raise
        except PaymentDisputed:
            self._note_failure(payment, reference)
            now = self._gateway.retrieve(intent.id)
            if now.disputed or not now.lost:
                raise
            return 0
        return amount

    def _note_refunds(self, order_id: str) -> None:
        """Others may refund at the same time: Stripe is asked after our record was read. What the order must hear of
        is left to `learn`."""

        def attempt() -> Payment | None:
            payment = self._known(order_id)
            noted = payment.with_our_refunds(self._gateway.retrieve(payment.stripe_id))
            return payment if noted == payment else self._store.replace(payment, **dict(noted))

        self._repeated(order_id, attempt)

    def _note_failure(self, payment: Payment, call: str) -> None:
        failed = {**payment.failed, call: payment.failed.get(call, 0) + 1}
        self._store.replace(payment, failed=failed)

    def _known(self, order_id: str) -> Payment:
        payment = self._store.get(order_id)
        if payment is None:
            raise PaymentEnded(order_id)
        return payment


def _key(order_id: str, call: str, attempt: int) -> str:
    """One for each attempt: a key is never used again with another meaning."""
    return f"{order_id}:{call}" + (f":{attempt}" if attempt else "")
