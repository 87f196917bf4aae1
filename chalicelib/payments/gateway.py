"""Stripe, as far as we use it: PaymentIntents with manual capture. The only module that imports stripe.

Every write carries an idempotency key made of the order and the step, so that a repeated step meets
the stored answer of its first try and no card is charged twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chalicelib.payments.model import PaymentDeclined
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.money import Money

TIMEOUT_SECONDS = 5
"""Twice this (one retry) is below the time limit of the functions that call, so they see the failure."""


class PaymentProviderUnavailable(Unavailable):
    """Stripe did not answer, or answered with a failure of its own. What happened there is unknown."""


class UnexpectedIntentState(Exception):
    """The intent is not in a state that allows this call."""


@dataclass(frozen=True)
class Intent:
    """`status` is Stripe's: requires_payment_method, requires_capture, succeeded, canceled, …"""

    id: str
    status: str
    amount_received: int


class StripeGateway:
    def __init__(self, secret_key: Callable[[], str], api_base: str = "") -> None:
        """An empty `api_base` is Stripe's own address."""
        self._secret_key = secret_key
        self._api_base = api_base

    def create(self, order_id: str, amount: Money) -> Intent:
        return self._call(
            self._intents.create,
            {
                "amount": amount.amount,
                "currency": amount.currency.lower(),
                "capture_method": "manual",
                "payment_method_types": ["card"],
                "metadata": {"order_id": order_id},
            },
            key=f"{order_id}:create",
        )

    def confirm(self, order_id: str, intent_id: str, payment_method: str) -> Intent:
        """Raises PaymentDeclined, whose text is Stripe's decline code."""
        return self._call(
            self._intents.confirm,
            intent_id,
            {"payment_method": payment_method},
            key=f"{order_id}:authorize",
        )

    def capture(self, order_id: str, intent_id: str) -> Intent:
        """Raises UnexpectedIntentState."""
        return self._call(self._intents.capture, intent_id, {}, key=f"{order_id}:capture")

    def cancel(self, order_id: str, intent_id: str) -> Intent:
        """Raises UnexpectedIntentState."""
        return self._call(self._intents.cancel, intent_id, {}, key=f"{order_id}:void")

    def refund(self, order_id: str, intent_id: str) -> None:
        """All of it."""
        self._call(
            self._client.v1.refunds.create,
            {"payment_intent": intent_id, "metadata": {"order_id": order_id}},
            key=f"{order_id}:refund",
        )

    def retrieve(self, intent_id: str) -> Intent:
        return self._call(self._intents.retrieve, intent_id)

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

    def _call(self, call: Callable, *arguments: Any, key: str | None = None) -> Any:
        import stripe

        try:
            result = call(*arguments, options={"idempotency_key": key} if key else {})
        except stripe.CardError as error:
            raise PaymentDeclined(_decline_code(error)) from error
        except stripe.InvalidRequestError as error:
            if error.code == "payment_intent_unexpected_state":
                raise UnexpectedIntentState(str(error.user_message)) from error
            if error.param == "payment_method":
                raise PaymentDeclined("invalid_payment_method") from error
            raise
        except (stripe.APIConnectionError, stripe.APIError, stripe.RateLimitError) as error:
            raise PaymentProviderUnavailable(type(error).__name__) from error
        if result.object != "payment_intent":
            return result
        return Intent(result.id, result.status, result.amount_received or 0)


def _decline_code(error: Any) -> str:
    declined = error.error
    return getattr(declined, "decline_code", None) or error.code or "card_declined"
