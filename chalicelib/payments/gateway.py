"""Stripe, as far as we use it: PaymentIntents with manual capture. The only module that imports stripe.

Every write carries an idempotency key made of the order, the step and the attempt, so that a repeated
step meets the stored answer of its first try and no card is charged twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

from chalicelib.payments.model import (
    OUR_CANCELLATION,
    Dispute,
    Intent,
    PaymentDeclined,
    PaymentDisputed,
    PaymentUnknown,
    Refund,
    SignatureInvalid,
)
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.log import log
from chalicelib.platform.money import Money
from chalicelib.platform.parameters import Parameter

TIMEOUT_SECONDS = 5
"""Twice this (one retry) is below the time limit of the functions that call, so they see the failure."""

SIGNATURE_TOLERANCE_SECONDS = 300

CHARGE = ["latest_charge"]

MOST_LISTED = 10_000
"""So many refunds or disputes of a time are read at most; a hundred calls."""


class PaymentProviderUnavailable(Unavailable):
    """Stripe did not answer. What happened there is unknown, and the same key will tell."""


class PaymentProviderFailed(PaymentProviderUnavailable):
    """Stripe answered with a failure of its own, which it keeps under that key: look first, then take a new key."""


class UnexpectedIntentState(Exception):
    """The intent is not in a state that allows this call."""


class StripeGateway:
    def __init__(self, secret_key: Parameter, api_base: str = "", deployment: str = "") -> None:
        """An empty `api_base` is Stripe's own address. `deployment` marks what this shop begins there: others may
        use the same account."""
        self._secret_key = secret_key
        self._api_base = api_base
        self._deployment = deployment

    def create(self, order_id: str, amount: Money, key: str) -> Intent:
        return self._intent(
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

    def confirm(self, intent_id: str, payment_method: str, key: str, return_url: str = "") -> Intent:
        """A buyer who has to confirm the payment elsewhere comes back to `return_url`. Without it, Stripe.js must ask.

        Raises PaymentDeclined, whose text is Stripe's decline code, and UnexpectedIntentState.
        """
        parameters = {"payment_method": payment_method} | ({"return_url": return_url} if return_url else {})
        return self._intent("confirm", self._intents.confirm, intent_id, parameters, key=key)

    def capture(self, intent_id: str, key: str) -> Intent:
        """Raises UnexpectedIntentState."""
        return self._intent("capture", self._intents.capture, intent_id, key=key)

    def cancel(self, intent_id: str, key: str) -> Intent:
        """Raises UnexpectedIntentState."""
        reason = {"cancellation_reason": OUR_CANCELLATION}
        return self._intent("cancel", self._intents.cancel, intent_id, reason, key=key)

    def refund(self, intent_id: str, amount: int, reference: str, key: str) -> None:
        """`amount` is minor units; `reference` says what for. Raises PaymentDisputed."""
        parameters = {"payment_intent": intent_id, "amount": amount, "metadata": {"reference": reference}}
        self._call("refund", self._client.v1.refunds.create, parameters, key=key)

    def retrieve(self, intent_id: str) -> Intent:
        """With its refunds and disputes. Raises PaymentUnknown."""
        found = self._call("retrieve", self._intents.retrieve, intent_id, {"expand": CHARGE})
        intent, charge = _intent(found), found.latest_charge
        if not intent.amount_received:
            return intent
        refunds = tuple(map(_refund, self._pages("list refunds", self._client.v1.refunds, payment_intent=intent_id)))
        if not getattr(charge, "disputed", False):
            return replace(intent, refunds=refunds)
        disputes = self._pages("list disputes", self._client.v1.disputes, payment_intent=intent_id)
        return replace(intent, refunds=refunds, disputes=tuple(map(_dispute, disputes)))

    def intents_since(self, created: int) -> Iterator[Intent]:
        """Return all of this account, newest first, without their refunds and disputes. `created` is Unix seconds."""
        return map(_intent, self._pages("list", self._intents, created={"gte": created}))

    def refunds_since(self, created: int) -> Iterator[tuple[Intent, Refund]]:
        """Return refunds by their own age, newest first, each with its payment. `created` is Unix seconds."""
        return self._moved("list refunds", self._client.v1.refunds, _refund, created)

    def disputes_since(self, created: int) -> Iterator[tuple[Intent, Dispute]]:
        """Return disputes by their own age, newest first, each with its payment. `created` is Unix seconds."""
        return self._moved("list disputes", self._client.v1.disputes, _dispute, created)

    def _moved(self, operation: str, collection: Any, read: Callable, created: int) -> Iterator[tuple[Intent, Any]]:
        found = self._pages(operation, collection, created={"gte": created}, expand=["data.payment_intent"])
        for number, moved in enumerate(found):
            if number == MOST_LISTED:
                log.error("more at the payment provider than is read", extra={"operation": operation})
                return
            if moved.payment_intent:
                yield _intent(moved.payment_intent), read(moved)

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

    def _intent(self, operation: str, call: Callable, *arguments: Any, key: str | None = None) -> Intent:
        return _intent(self._call(operation, call, *arguments, key=key))

    def _call(self, operation: str, call: Callable, *arguments: Any, key: str | None = None) -> Any:
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

    def _asked(self, call: Callable, *arguments: Any, key: str | None = None) -> Any:
        import stripe

        try:
            return self._with_current_key(call, *arguments, options={"idempotency_key": key} if key else {})
        except stripe.AuthenticationError as error:
            raise PaymentProviderUnavailable("our key is refused") from error
        except stripe.CardError as error:
            raise PaymentDeclined(_decline_code(error.error) or error.code) from error
        except stripe.InvalidRequestError as error:
            if error.code == "payment_intent_unexpected_state":
                raise UnexpectedIntentState(str(error.user_message)) from error
            if error.code == "charge_disputed":
                raise PaymentDisputed from error
            if error.code == "resource_missing" and error.param == "intent":
                raise PaymentUnknown from error
            if error.param == "payment_method":
                raise PaymentDeclined("invalid_payment_method") from error
            raise
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise PaymentProviderUnavailable(type(error).__name__) from error
        except stripe.IdempotencyError as error:
            raise PaymentProviderFailed("this key has another meaning") from error
        except stripe.APIError as error:
            key_in_use = error.http_status == 409
            failure = PaymentProviderUnavailable if key_in_use else PaymentProviderFailed
            raise failure(type(error).__name__) from error

    def _with_current_key(self, call: Callable, *arguments: Any, options: dict[str, Any]) -> Any:
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


def check_signature(body: bytes, header: str, secret: str) -> None:
    """Raises SignatureInvalid unless Stripe signed exactly these bytes, a short while ago."""
    import stripe

    try:
        stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=SIGNATURE_TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        raise SignatureInvalid from error


def _intent(found: Any) -> Intent:
    return Intent(
        id=found.id,
        status=found.status,
        order_id=_metadata(found).get("order_id"),
        deployment=_metadata(found).get("deployment"),
        amount=found.amount,
        amount_capturable=found.amount_capturable or 0,
        amount_received=found.amount_received or 0,
        decline_code=_decline_code(found.last_payment_error) if found.last_payment_error else None,
        cancellation_reason=found.cancellation_reason,
        created=found.created,
        redirect_url=_redirect_url(found.next_action),
        client_secret=found.client_secret,
    )


def _redirect_url(action: Any) -> str | None:
    """Of the kinds of action, only this one can be followed without Stripe.js."""
    return action.redirect_to_url.url if action and action.type == "redirect_to_url" else None


def _refund(found: Any) -> Refund:
    return Refund(found.id, found.amount, _metadata(found).get("reference"), found.status)


def _dispute(found: Any) -> Dispute:
    return Dispute(found.id, found.amount, found.status)


def _metadata(found: Any) -> dict[str, str]:
    return found.metadata.to_dict() if found.metadata else {}


def _decline_code(error: Any) -> str:
    return getattr(error, "decline_code", None) or getattr(error, "code", None) or "card_declined"
