"""Stripe adapter of the payment provider port: PaymentIntents with manual capture. The only module that calls Stripe.

Every write carries an idempotency key made of the order, the step and the attempt, so that a repeated
step gets the stored answer of its first try and no card is charged twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

from chalicelib.payments.provider import (
    Dispute,
    DisputeStatus,
    PaymentDeclined,
    PaymentDisputed,
    PaymentId,
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    PaymentUnknown,
    ProviderPayment,
    ProviderStatus,
    Refund,
    RefundStatus,
    RefundTooLarge,
    UnexpectedPaymentState,
)
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log
from chalicelib.platform.money import Money
from chalicelib.platform.parameters import Parameter

TIMEOUT_SECONDS = 5
"""Twice this (one retry) is below the time limit of the functions that call, so they see the failure."""

CHARGE = ["latest_charge"]

MOST_LISTED = 10_000
"""The most refunds or disputes of a period that are read; a hundred calls."""

OUR_CANCELLATION = "abandoned"
"""The reason that the shop gives when it cancels. Any other reason means that it was not the shop."""

PAYMENT_STATUSES = {
    "requires_payment_method": ProviderStatus.CREATED,
    "requires_confirmation": ProviderStatus.CREATED,
    "requires_action": ProviderStatus.REQUIRES_ACTION,
    "processing": ProviderStatus.PENDING,
    "requires_capture": ProviderStatus.AUTHORIZED,
    "succeeded": ProviderStatus.CAPTURED,
    "canceled": ProviderStatus.CANCELLED,
}

REFUND_STATUSES = {
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.CANCELLED,
}
"""Any other is pending."""

DISPUTE_STATUSES = {
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "warning_closed": DisputeStatus.WITHDRAWN,
    "prevented": DisputeStatus.WITHDRAWN,
    "charge_refunded": DisputeStatus.WITHDRAWN,
}
"""Any other that begins with `warning_` is an inquiry, and the rest are open."""


class StripeProvider:
    def __init__(self, secret_key: Parameter, api_base: str = "", deployment: str = "") -> None:
        """An empty `api_base` is Stripe's own address. `deployment` marks what this shop begins there: others may
        use the same account."""
        self._secret_key = secret_key
        self._api_base = api_base
        self._deployment = deployment

    def create(self, order_id: OrderId, amount: Money, key: str) -> ProviderPayment:
        return self._payment(
            "create",
            self._intents.create,
            {
                "amount": amount.amount,
                "currency": amount.currency.lower(),
                "capture_method": "manual",
                "payment_method_types": ["card"],
                "metadata": {"order_id": order_id, "deployment": self._deployment},
            },
            key=key,
        )

    def confirm(self, payment_id: PaymentId, payment_method: str, key: str, return_url: str = "") -> ProviderPayment:
        """Without a `return_url`, Stripe.js must ask the buyer."""
        parameters = {"payment_method": payment_method} | ({"return_url": return_url} if return_url else {})
        return self._payment("confirm", self._intents.confirm, payment_id, parameters, key=key)

    def capture(self, payment_id: PaymentId, key: str) -> ProviderPayment:
        return self._payment("capture", self._intents.capture, payment_id, key=key)

    def cancel(self, payment_id: PaymentId, key: str) -> ProviderPayment:
        reason = {"cancellation_reason": OUR_CANCELLATION}
        return self._payment("cancel", self._intents.cancel, payment_id, reason, key=key)

    def refund(self, payment_id: PaymentId, amount: int, reference: str, key: str) -> None:
        parameters = {"payment_intent": payment_id, "amount": amount, "metadata": {"reference": reference}}
        self._call("refund", self._client.v1.refunds.create, parameters, key=key)

    def retrieve(self, payment_id: PaymentId) -> ProviderPayment:
        found = self._call("retrieve", self._intents.retrieve, payment_id, {"expand": CHARGE})
        payment, charge = _payment(found), found.latest_charge
        if not payment.captured:
            return payment
        refunds = tuple(map(_refund, self._pages("list refunds", self._client.v1.refunds, payment_intent=payment_id)))
        if not getattr(charge, "disputed", False):
            return replace(payment, refunds=refunds)
        disputes = self._pages("list disputes", self._client.v1.disputes, payment_intent=payment_id)
        return replace(payment, refunds=refunds, disputes=tuple(map(_dispute, disputes)))

    def payments_since(self, created: int) -> Iterator[ProviderPayment]:
        return map(_payment, self._pages("list", self._intents, created={"gte": created}))

    def refunds_since(self, created: int) -> Iterator[tuple[ProviderPayment, Refund]]:
        return self._moved("list refunds", self._client.v1.refunds, _refund, created)

    def disputes_since(self, created: int) -> Iterator[tuple[ProviderPayment, Dispute]]:
        return self._moved("list disputes", self._client.v1.disputes, _dispute, created)

    def _moved(
        self, operation: str, collection: Any, read: Callable[..., Any], created: int
    ) -> Iterator[tuple[ProviderPayment, Any]]:
        found = self._pages(operation, collection, created={"gte": created}, expand=["data.payment_intent"])
        for number, moved in enumerate(found):
            if number == MOST_LISTED:
                log.error("more at the payment provider than is read", extra={"operation": operation})
                return
            if moved.payment_intent:
                yield _payment(moved.payment_intent), read(moved)

    def _pages(self, operation: str, collection: Any, **parameters: Any) -> Iterator[Any]:
        yield from self._call(operation, collection.list, {"limit": 100, **parameters}).auto_paging_iter()

    @property
    def _intents(self) -> Any:
        return self._client.v1.payment_intents

    @cached_property
    def _client(self) -> Any:
        import stripe

        return stripe.StripeClient(
            self._secret_key(),
            base_addresses={"api": self._api_base} if self._api_base else {},
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
            max_network_retries=1,
        )

    def _payment(
        self, operation: str, call: Callable[..., Any], *arguments: Any, key: str | None = None
    ) -> ProviderPayment:
        return _payment(self._call(operation, call, *arguments, key=key))

    def _call(self, operation: str, call: Callable[..., Any], *arguments: Any, key: str | None = None) -> Any:
        """Logged with what became of it. The key names the order and the step."""
        about = {"operation": operation, "idempotency_key": key}
        try:
            answer = self._asked(call, *arguments, key=key)
        except Exception as failure:
            log.info("payment call", extra=about | {"outcome": type(failure).__name__})
            raise
        found = {"outcome": getattr(answer, "status", "ok"), "stripe_id": getattr(answer, "id", None)}
        log.info("payment call", extra=about | found)
        return answer

    def _asked(self, call: Callable[..., Any], *arguments: Any, key: str | None = None) -> Any:
        import stripe

        try:
            return self._with_current_key(call, *arguments, options={"idempotency_key": key} if key else {})
        except stripe.AuthenticationError as error:
            raise PaymentProviderUnavailable("our key is refused") from error
        except stripe.CardError as error:
            raise PaymentDeclined(_decline_code(error.error) or error.code) from error
        except stripe.InvalidRequestError as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise PaymentProviderUnavailable(type(error).__name__) from error
        except stripe.IdempotencyError as error:
            raise PaymentProviderFailed("this key has another meaning") from error
        except stripe.APIError as error:
            key_in_use = error.http_status == 409
            failure = PaymentProviderUnavailable if key_in_use else PaymentProviderFailed
            raise failure(type(error).__name__) from error

    def _with_current_key(self, call: Callable[..., Any], *arguments: Any, options: dict[str, Any]) -> Any:
        """The key may have been changed since it was read."""
        import stripe

        key = self._secret_key()
        try:
            return call(*arguments, options={**options, "api_key": key})
        except stripe.AuthenticationError:
            current = self._secret_key.refreshed()
            if current == key:
                raise
            return call(*arguments, options={**options, "api_key": current})


def _refusal(error: Any) -> Exception | None:
    """The port's name for a request that Stripe refused; None for a fault of the adapter's own."""
    if error.code == "payment_intent_unexpected_state":
        return UnexpectedPaymentState(str(error.user_message))
    if error.code == "charge_disputed":
        return PaymentDisputed()
    if error.code == "resource_missing" and error.param in ("intent", "payment_intent"):
        return PaymentUnknown()
    if error.param == "payment_method":
        return PaymentDeclined("invalid_payment_method")
    is_over_refund = error.code is None and error.param == "amount"
    if is_over_refund or error.code == "charge_already_refunded":
        return RefundTooLarge(str(error.user_message))
    return None


def _payment(found: Any) -> ProviderPayment:
    metadata = _metadata(found)
    code = _decline_code(found.last_payment_error) if found.last_payment_error else None
    return ProviderPayment(
        id=PaymentId(found.id),
        status=_status(found.status, code),
        order_id=metadata.get("order_id"),
        deployment=metadata.get("deployment"),
        amount=found.amount,
        held=found.amount_capturable or 0,
        captured=found.amount_received or 0,
        decline_code=code,
        cancelled_by_shop=found.cancellation_reason == OUR_CANCELLATION,
        created=found.created,
        redirect_url=_redirect_url(found.next_action),
        browser_secret=found.client_secret,
    )


def _status(status: str, decline_code: str | None) -> ProviderStatus:
    is_declined = status == "requires_payment_method" and decline_code is not None
    return ProviderStatus.DECLINED if is_declined else PAYMENT_STATUSES[status]


def _redirect_url(action: Any) -> str | None:
    """Of the kinds of action, only this one can be followed without Stripe.js."""
    return action.redirect_to_url.url if action and action.type == "redirect_to_url" else None


def _refund(found: Any) -> Refund:
    status = REFUND_STATUSES.get(found.status, RefundStatus.PENDING)
    return Refund(found.id, found.amount, _metadata(found).get("reference"), status)


def _dispute(found: Any) -> Dispute:
    return Dispute(found.id, found.amount, dispute_status(found.status))


def dispute_status(status: str) -> DisputeStatus:
    undecided = DisputeStatus.INQUIRY if status.startswith("warning_") else DisputeStatus.OPEN
    return DISPUTE_STATUSES.get(status, undecided)


def _metadata(found: Any) -> dict[str, Any]:
    return found.metadata.to_dict() if found.metadata else {}


def _decline_code(error: Any) -> str:
    return getattr(error, "decline_code", None) or getattr(error, "code", None) or "card_declined"
