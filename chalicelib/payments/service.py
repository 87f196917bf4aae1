"""Payment service: authorize, capture, void and refund. Every call may be repeated and moves no money twice."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.payments.attempts import CANCEL, CAPTURE, CONFIRM, CREATE, RETRIES, Attempts, PaymentBusy
from chalicelib.payments.confirmation import NO_CONFIRMATION, NOT_CONFIRMED, WAITS_NO_MORE, Confirmation
from chalicelib.payments.model import BuyerActionRequired, Payment, PaymentEnded, PaymentStatus, PaymentUpdate
from chalicelib.payments.movements import RecentMovements, recent_movements
from chalicelib.payments.provider import PaymentDeclined, PaymentId, PaymentProvider, ProviderPayment, ProviderStatus
from chalicelib.payments.refunds import Given, Refunds
from chalicelib.payments.store import PaymentStore
from chalicelib.platform.dynamo import Read
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log
from chalicelib.platform.money import Money
from chalicelib.platform.retries import retry_on_conflict

CREATED, AUTHORIZED, DECLINED = PaymentStatus.CREATED, PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED
ACTION_REQUIRED = PaymentStatus.ACTION_REQUIRED
CAPTURED, VOIDED, REFUNDED = PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED
ENDED = (VOIDED, REFUNDED, PaymentStatus.CHARGED_BACK)


class Payments:
    def __init__(
        self,
        store: PaymentStore,
        provider: PaymentProvider,
        confirmation: Confirmation = NO_CONFIRMATION,
        deployment: str = "",
    ) -> None:
        """`deployment` marks what this shop begins at the provider."""
        self._store = store
        self._provider = provider
        self._attempts = Attempts(store, provider)
        self._refunds = Refunds(store, provider, self._attempts)
        self._confirmation = confirmation
        self._deployment = deployment

    def of(self, order_id: OrderId) -> Payment | None:
        return self._store.get(order_id)

    def of_all(self, order_ids: list[OrderId]) -> dict[OrderId, Payment]:
        """Return the payments of these orders that have one, in one request for up to 100."""
        return self._store.get_all(order_ids)

    def reading(self, order_id: OrderId) -> Read[Payment | None]:
        """Return the read of what `of` returns."""
        return self._store.reading(order_id)

    def authorize(self, order_id: OrderId, amount: Money, payment_method: str | None) -> None:
        """Hold the money; where there is nothing to pay, only note that.

        Raises BuyerActionRequired, PaymentDeclined or PaymentEnded.
        """
        payment = self._attempts.repeat(order_id, lambda: self._authorized(order_id, amount, payment_method))
        if payment.status == ACTION_REQUIRED:
            raise BuyerActionRequired(order_id)
        if payment.status == DECLINED:
            raise PaymentDeclined(payment.decline_code)
        if payment.status in ENDED:
            raise PaymentEnded(order_id)

    def _authorized(self, order_id: OrderId, amount: Money, payment_method: str | None) -> Payment | None:
        """Return the payment after one attempt to authorize it; None if its record changed meanwhile."""
        payment = self._opened(order_id, amount)
        if payment.is_free:
            return self._store.replace(payment, status=AUTHORIZED) if payment.status == CREATED else payment
        if payment.status == ACTION_REQUIRED:
            return self._answered(payment)
        if payment.status != CREATED:
            return payment
        begun = payment if payment.intent_id else self._begun(payment, payment.amount or amount)
        if begun is None or begun.status != CREATED:
            return begun
        # Checkout takes no order without a payment method unless it is free. The provider would decline it.
        return self._confirmed(begun, payment_method or "")

    def capture(self, order_id: OrderId) -> None:
        """Take the held money. Raises PaymentEnded."""

        def attempt() -> Payment | None:
            payment = self._attempts.known(order_id)
            if payment.status != AUTHORIZED:
                return payment
            if payment.is_free:
                return self._store.replace(payment, status=CAPTURED)
            at_provider = self._captured(payment)
            if at_provider.status != ProviderStatus.CAPTURED:
                raise PaymentEnded(at_provider.status)
            return self._store.replace(payment, status=CAPTURED, captured=at_provider.captured)

        if self._attempts.repeat(order_id, attempt).status != CAPTURED:
            raise PaymentEnded(order_id)

    def refund(self, order_id: OrderId) -> None:
        """Give captured money back; leave a mere hold to `void`. A no-op where there is nothing to undo.

        It reads the provider rather than our table: a capture may have succeeded there and not been recorded here.
        """
        payment = self._store.get(order_id)
        if payment is None or payment.intent_id is None or payment.status in ENDED:
            return
        at_provider = self._provider.retrieve(payment.intent_id)
        if at_provider.status == ProviderStatus.CAPTURED:
            self._refunds.give_back_all(payment, at_provider)

    def refund_part(self, order_id: OrderId, amount: Money, reference: str) -> Given:
        """Give so much back, once for each reference, and never more than is left.

        Return what was given back under this reference. A refund that failed was not given: it is made again. Raises
        PaymentDisputed while a bank decides.
        """
        payment = self._attempts.known(order_id)
        if payment.is_free:
            return Given(0)
        at_provider = self._provider.retrieve(payment.provider_id)
        return self._refunds.give_back(payment, at_provider, amount.amount, reference)

    def void(self, order_id: OrderId) -> None:
        """Release the hold, and prevent an authorization that comes late.

        By the state at the provider: an open hold is cancelled, captured money is refunded.
        """

        def attempt() -> Payment | None:
            closed = Payment(order_id=order_id, status=VOIDED)
            payment = self._store.get(order_id) or (closed if self._store.create(closed) else None)
            if payment is None or payment.status in (*ENDED, DECLINED):
                return payment
            if payment.intent_id and (at_provider := self._cancelled(payment)).status == ProviderStatus.CAPTURED:
                self._refunds.give_back_all(payment, at_provider)
                return payment
            return self._store.replace(payment, status=VOIDED, **WAITS_NO_MORE)

        self._attempts.repeat(order_id, attempt)

    def await_buyer(self, order_id: OrderId, task_token: str) -> bool:
        """Keep the token of the step that waits for the buyer; return False if there is nothing to wait for.

        The provider is read after the token was kept, so an answer of the buyer is either seen here or wakes the step.
        """

        def attempt() -> Payment | None:
            payment = self._attempts.known(order_id)
            if payment.status != ACTION_REQUIRED or task_token in payment.task_tokens:
                return payment
            return self._store.replace(payment, task_tokens=(*payment.task_tokens, task_token))

        return self._awaits_buyer(self._attempts.repeat(order_id, attempt))

    def awaits_buyer(self, order_id: OrderId | None) -> bool:
        """Return whether a step of the saga may wait for this order's buyer, as far as we know by ourselves.

        False is certain: a step that begins to wait after this reads the provider itself.
        """
        payment = self._store.get(order_id) if order_id else None
        return payment is not None and payment.status == ACTION_REQUIRED

    def answered(self, order_id: OrderId) -> tuple[str, ...]:
        """Return the tokens of the step that waits for the buyer, if the buyer has answered; else none."""
        payment = self._store.get(order_id)
        if payment is None or payment.status != ACTION_REQUIRED or self._awaits_buyer(payment):
            return ()
        return payment.task_tokens

    def learn(self, payment_id: PaymentId, publish: Callable[[OrderId, PaymentUpdate], None]) -> None:
        """Bring our record to the provider's state, independent of the order in which its events arrive.

        `publish` gets the order's id and each update before it is recorded here, so that none is lost if the process
        ends in between; it must accept an update twice. Raises PaymentUnknown.
        """
        order_id = self._provider.retrieve(payment_id).order_id
        for _ in retry_on_conflict(RETRIES):
            payment = self._store.get(order_id) if order_id else None
            if payment is None or payment.intent_id != payment_id:
                log.info("a payment that no order knows", extra={"payment_id": payment_id})
                return
            # Looked at after our record was read, so that an old answer never overwrites a newer one.
            at_provider = self._provider.retrieve(payment_id)
            known = payment.as_at(at_provider)
            for update in payment.updates_to(known, at_provider):
                publish(payment.order_id, update)
            if known == payment or self._store.replace(payment, **dict(known)):
                return
        raise PaymentBusy(order_id)

    def recent_movements(self, now: datetime) -> RecentMovements:
        """Return what can have moved at the provider, however old the payment is; others' payments left out."""
        return recent_movements(self._provider, now, self.is_ours)

    def is_ours(self, at_provider: ProviderPayment) -> bool:
        """Whether this shop began the payment: it bears our mark, or, begun before there were marks, our record
        names it. Others may use the same account at the provider, and the same order ids."""
        if at_provider.deployment is not None:
            return at_provider.deployment == self._deployment
        record = self._store.get(at_provider.order_id) if at_provider.order_id else None
        return record is not None and record.intent_id == at_provider.id

    def retrieve(self, payment_id: PaymentId) -> ProviderPayment:
        return self._provider.retrieve(payment_id)

    def repair(self, at_provider: ProviderPayment, surplus: int, run: str) -> None:
        """Release a hold that no order needs, or give back what is kept too much, in minor units.

        `at_provider` has just been retrieved. `run` is the same for runs at the same time, so that only one of them
        acts, and another for later ones, so that they make an attempt of their own.
        """
        key = f"{at_provider.id}:reconcile:{at_provider.refunded}:{run}"
        if surplus:
            self._provider.refund(at_provider.id, surplus, reference=f"{at_provider.id}:surplus", key=key)
        else:
            self._provider.cancel(at_provider.id, key=key)

    def _opened(self, order_id: OrderId, amount: Money) -> Payment:
        new = Payment(order_id=order_id, status=CREATED, amount=amount)
        return self._store.get(order_id) or (new if self._store.create(new) else self._attempts.known(order_id))

    def _begun(self, payment: Payment, amount: Money) -> Payment | None:
        """Store the provider's id before the payment is confirmed, so that every later step can be compensated.

        Of two that are made at once, only the one that is stored is ever confirmed.
        """
        order_id = payment.order_id
        at_provider = self._attempts.call(payment, CREATE, lambda key: self._provider.create(order_id, amount, key))
        return self._store.replace(payment, intent_id=at_provider.id)

    def _confirmed(self, payment: Payment, payment_method: str) -> Payment | None:
        begun, return_url = payment.provider_id, self._confirmation.return_url(payment.order_id)
        try:
            at_provider = self._attempts.call(
                payment, CONFIRM, lambda key: self._provider.confirm(begun, payment_method, key, return_url)
            )
        except PaymentDeclined as declined:
            return self._store.replace(payment, status=DECLINED, decline_code=str(declined))
        if at_provider.status == ProviderStatus.DECLINED:
            return self._store.replace(payment, status=DECLINED, decline_code=at_provider.decline_code)
        if at_provider.awaits_buyer:
            return self._store.replace(payment, status=ACTION_REQUIRED, action=self._confirmation.action(at_provider))
        is_cancelled = at_provider.status == ProviderStatus.CANCELLED
        return self._store.replace(payment, status=VOIDED if is_cancelled else AUTHORIZED)

    def _answered(self, payment: Payment) -> Payment | None:
        """Record the outcome of the requested confirmation; return `payment` itself while it is awaited.

        Where it failed, or the time is over, the payment is cancelled: its secret would still allow it. That is
        recorded before it is done, so that no parallel call authorizes what this one cancels.
        """
        if payment.action is None:
            return self._abandoned(payment)
        at_provider = self._provider.retrieve(payment.provider_id)
        if at_provider.awaits_buyer and not self._confirmation.is_over(payment):
            return payment
        if at_provider.status in (ProviderStatus.AUTHORIZED, ProviderStatus.CAPTURED):
            return self._store.replace(payment, status=AUTHORIZED, **WAITS_NO_MORE)
        code = at_provider.decline_code or NOT_CONFIRMED
        abandoned = self._store.replace(payment, decline_code=code, action=None)
        return self._abandoned(abandoned) if abandoned else None

    def _abandoned(self, payment: Payment) -> Payment | None:
        at_provider = self._cancelled(payment)
        if at_provider.status == ProviderStatus.CAPTURED:
            return self._store.replace(payment, status=AUTHORIZED, **WAITS_NO_MORE)
        if at_provider.status != ProviderStatus.CANCELLED:
            raise PaymentBusy(payment.order_id)
        return self._store.replace(payment, status=VOIDED if at_provider.is_lost_hold else DECLINED, **WAITS_NO_MORE)

    def _awaits_buyer(self, payment: Payment) -> bool:
        return payment.status == ACTION_REQUIRED and self._provider.retrieve(payment.provider_id).awaits_buyer

    def _captured(self, payment: Payment) -> ProviderPayment:
        return self._attempts.call(payment, CAPTURE, lambda key: self._provider.capture(payment.provider_id, key))

    def _cancelled(self, payment: Payment) -> ProviderPayment:
        return self._attempts.call(payment, CANCEL, lambda key: self._provider.cancel(payment.provider_id, key))
