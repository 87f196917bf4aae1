"""Refunds: give money back once for each reference, and never more than is left."""

from dataclasses import dataclass

from chalicelib.payments.attempts import Attempts, key
from chalicelib.payments.model import UNDO, Payment, Shortfall
from chalicelib.payments.provider import PaymentDisputed, PaymentProvider, PaymentProviderFailed, ProviderPayment
from chalicelib.payments.store import PaymentStore
from chalicelib.platform.ids import OrderId


@dataclass(frozen=True)
class Given:
    """What was given back, in minor units, and why it is less than was asked for."""

    amount: int
    shortfall: Shortfall | None = None


class Refunds:
    def __init__(self, store: PaymentStore, provider: PaymentProvider, attempts: Attempts) -> None:
        self._store = store
        self._provider = provider
        self._attempts = attempts

    def give_back_all(self, payment: Payment, at_provider: ProviderPayment) -> None:
        """Undo a captured payment."""
        self.give_back(payment, at_provider, at_provider.captured, UNDO)

    def give_back(self, payment: Payment, at_provider: ProviderPayment, amount: int, reference: str) -> Given:
        """Refund `amount`, unless something was refunded under this reference before. Raises PaymentDisputed."""
        meaning = f"{payment.order_id}:{reference}"
        same = [refund for refund in at_provider.refunds if refund.reference == meaning]
        given = sum(refund.amount for refund in same if refund.is_effective)
        left = max(0, min(amount, at_provider.kept))
        if not given and left:
            attempt = len(same) + payment.failed.get(reference, 0)
            left = self._refunded(payment, at_provider, left, reference, key(payment.order_id, reference, attempt))
        self._note_refunds(payment.order_id)
        moved = given or left
        return Given(moved, None if moved == amount else shortfall_of(at_provider))

    def _refunded(self, payment: Payment, at_provider: ProviderPayment, amount: int, reference: str, key: str) -> int:
        """Return what was given back: nothing where a bank took it. Raises PaymentDisputed while it decides."""
        try:
            self._provider.refund(at_provider.id, amount, f"{payment.order_id}:{reference}", key)
        except PaymentProviderFailed:
            self._attempts.note_failure(payment, reference)
            raise
        except PaymentDisputed:
            self._attempts.note_failure(payment, reference)
            now = self._provider.retrieve(at_provider.id)
            if now.disputed or not now.lost:
                raise
            return 0
        return amount

    def _note_refunds(self, order_id: OrderId) -> None:
        """Record our own refunds. Others may refund at the same time, so the provider is read after our record.

        `Payments.learn` reports what the order must learn of.
        """

        def attempt() -> Payment | None:
            payment = self._attempts.known(order_id)
            noted = payment.with_our_refunds(self._provider.retrieve(payment.provider_id))
            return payment if noted == payment else self._store.replace(payment, **dict(noted))

        self._attempts.repeat(order_id, attempt)


def shortfall_of(at_provider: ProviderPayment) -> Shortfall:
    """Why less than was asked for could be given back."""
    if at_provider.lost:
        return Shortfall.DISPUTE_LOST
    is_whole = at_provider.captured >= at_provider.amount
    return Shortfall.REFUNDED_BEFORE if is_whole or at_provider.refunded_outside else Shortfall.CAPTURED_LESS
