"""Retries of provider calls: each attempt has an idempotency key of its own, made of the order, the call and a count.

After a lost answer the same key is sent again, and the provider returns what it answered. After a failure of the
provider's own, which it keeps under that key, the payment is retrieved first, and only if the call had no effect does
the next attempt begin, with a new key.
"""

from collections.abc import Callable

from chalicelib.payments.model import Payment, PaymentEnded
from chalicelib.payments.provider import (
    PaymentProvider,
    PaymentProviderFailed,
    ProviderPayment,
    ProviderStatus,
    UnexpectedPaymentState,
)
from chalicelib.payments.store import PaymentStore
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.ids import OrderId
from chalicelib.platform.retries import retry_on_conflict

CREATE, CONFIRM, CAPTURE, CANCEL = "create", "authorize", "capture", "void"

OVER = {ProviderStatus.CAPTURED, ProviderStatus.CANCELLED}
SETTLED = {
    CREATE: set[ProviderStatus](),
    CONFIRM: {ProviderStatus.DECLINED, ProviderStatus.REQUIRES_ACTION, ProviderStatus.AUTHORIZED, *OVER},
    CAPTURE: OVER,
    CANCEL: OVER,
}
"""The states of a payment in which there is nothing left to do for that call."""

RETRIES = 5


class PaymentBusy(Unavailable):
    """Others are changing the payment; retry later."""


class Attempts:
    def __init__(self, store: PaymentStore, provider: PaymentProvider) -> None:
        self._store = store
        self._provider = provider

    def repeat(self, order_id: OrderId, attempt: Callable[[], Payment | None]) -> Payment:
        """Return what `attempt` returns, which is None if the record was changed between its read and its write.

        It then starts again from the read: what others wrote meanwhile decides what is left to do. Raises PaymentBusy.
        """
        for _ in retry_on_conflict(RETRIES):
            if payment := attempt():
                return payment
        raise PaymentBusy(order_id)

    def call(self, payment: Payment, call: str, act: Callable[[str], ProviderPayment]) -> ProviderPayment:
        """Return the payment after `act(key)`, whether this attempt or an earlier one had the effect."""
        if payment.failed.get(call) and payment.intent_id:
            at_provider = self._provider.retrieve(payment.intent_id)
            if at_provider.status in SETTLED[call]:
                return at_provider
        try:
            return act(key(payment.order_id, call, payment.failed.get(call, 0)))
        except UnexpectedPaymentState:
            return self._provider.retrieve(payment.provider_id)
        except PaymentProviderFailed:
            self.note_failure(payment, call)
            raise

    def note_failure(self, payment: Payment, call: str) -> None:
        failed = {**payment.failed, call: payment.failed.get(call, 0) + 1}
        self._store.replace(payment, failed=failed)

    def known(self, order_id: OrderId) -> Payment:
        """Return the order's payment record. Raises PaymentEnded if there is none."""
        payment = self._store.get(order_id)
        if payment is None:
            raise PaymentEnded(order_id)
        return payment


def key(order_id: OrderId, call: str, attempt: int) -> str:
    """The idempotency key of one attempt, which is never used again with another meaning."""
    return f"{order_id}:{call}" + (f":{attempt}" if attempt else "")
