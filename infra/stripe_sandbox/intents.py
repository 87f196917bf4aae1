"""PaymentIntent state machine: the steps that are allowed in each status, and their changes. Every function returns new
objects and does not change its arguments."""

from infra.stripe_sandbox import charges
from infra.stripe_sandbox.answers import Refusal, error_of, invalid_request
from infra.stripe_sandbox.cards import Decline, card_of
from infra.stripe_sandbox.ids import new_id, random_text
from infra.stripe_sandbox.money import check_chargeable
from infra.stripe_sandbox.parameters import merged_metadata

REQUIRES_PAYMENT_METHOD = "requires_payment_method"
REQUIRES_CONFIRMATION = "requires_confirmation"
REQUIRES_ACTION = "requires_action"
REQUIRES_CAPTURE = "requires_capture"
SUCCEEDED = "succeeded"
CANCELED = "canceled"

CHALLENGE = "/3d-secure/"
"""Path prefix of the challenges."""

UNCONFIRMED = (REQUIRES_PAYMENT_METHOD, REQUIRES_CONFIRMATION, REQUIRES_ACTION)
CANCELABLE = (REQUIRES_PAYMENT_METHOD, REQUIRES_CAPTURE, REQUIRES_CONFIRMATION, REQUIRES_ACTION)

_EDITABLE = ("amount", "description", "receipt_email")

_NOT_MODELLED = dict.fromkeys(
    (
        "application",
        "application_fee_amount",
        "customer",
        "on_behalf_of",
        "processing",
        "review",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    )
)

_AUTHENTICATION_REQUIRED = "Your card was declined. This transaction requires authentication."
_OFF_SESSION = Decline("authentication_required", "authentication_required", _AUTHENTICATION_REQUIRED)
_ACTION_REFUSED = Decline("authentication_required", "authentication_not_handled", _AUTHENTICATION_REQUIRED)


def new(parameters: dict, now: int) -> dict:
    intent_id = new_id("pi")
    return {
        "id": intent_id,
        "object": "payment_intent",
        **_NOT_MODELLED,
        "amount": parameters["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": _automatic_methods(parameters),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": parameters.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": parameters["currency"],
        "description": parameters.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": merged_metadata({}, parameters.get("metadata", {})),
        "next_action": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "receipt_email": parameters.get("receipt_email"),
        "status": REQUIRES_PAYMENT_METHOD,
    }


def _automatic_methods(parameters: dict) -> dict | None:
    """Return the settings of automatic methods. Without `payment_method_types`, redirects are included."""
    listed = "payment_method_types" in parameters
    given = parameters.get("automatic_payment_methods", {"enabled": not listed})
    return {"allow_redirects": "always", **given} if given["enabled"] else None


def with_method(intent: dict, method: dict) -> dict:
    _check_status(intent, UNCONFIRMED, "updated", "This PaymentIntent's payment_method")
    return {
        **intent,
        "payment_method": method["id"],
        "next_action": None,
        "status": REQUIRES_CONFIRMATION,
    }


def update(intent: dict, parameters: dict) -> dict:
    if "amount" in parameters:
        _check_status(intent, UNCONFIRMED, "updated", "This PaymentIntent's amount")
        check_chargeable(parameters["amount"], intent["currency"])
    changes = {name: parameters[name] for name in _EDITABLE if name in parameters}
    metadata = merged_metadata(intent["metadata"], parameters.get("metadata", {}))
    return {**intent, **changes, "metadata": metadata}


def check_confirmable(intent: dict, parameters: dict) -> None:
    if intent["status"] == SUCCEEDED:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            intent,
        )
    _check_status(intent, UNCONFIRMED, "confirmed")
    if not (parameters.get("payment_method") or intent["payment_method"]):
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            intent,
        )
    check_return_url(intent, parameters)


def check_return_url(intent: dict, parameters: dict) -> None:
    automatic = intent["automatic_payment_methods"]
    may_redirect = automatic is not None and automatic["allow_redirects"] == "always"
    if may_redirect and not parameters.get("return_url"):
        raise invalid_request(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`. If you don't want to accept redirect-based payment "
            "methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents "
            "and Payment Intents.",
            param="return_url",
        )


def confirm(intent: dict, method: dict, parameters: dict, now: int, base_url: str) -> tuple[dict, dict | None]:
    """Return the intent afterwards, and the charge that was attempted if the issuer was asked at all."""
    card = card_of(method)
    if card.needs_authentication and not (card.is_set_up and parameters.get("off_session")):
        return _authenticate(intent, method, parameters, base_url), None
    return attempted(intent, method, now)


def attempted(intent: dict, method: dict, now: int) -> tuple[dict, dict]:
    """Ask the issuer; return the intent afterwards and the charge."""
    charge = charges.attempt(intent, method, now)
    asked = {**intent, "latest_charge": charge["id"]}
    decline = card_of(method).decline
    if decline is not None:
        return _failed(asked, method, decline, charge["id"]), charge
    return _authorized(asked, method, charge), charge


def _authenticate(intent: dict, method: dict, parameters: dict, base_url: str) -> dict:
    if parameters.get("off_session"):
        return _failed(intent, method, _OFF_SESSION)
    if parameters.get("error_on_requires_action"):
        return _failed(intent, method, _ACTION_REFUSED)
    return {
        **intent,
        "payment_method": method["id"],
        "last_payment_error": None,
        "next_action": _next_action(f"{base_url}{CHALLENGE}{intent['id']}/{random_text(24)}", parameters),
        "status": REQUIRES_ACTION,
    }


def _next_action(challenge_url: str, parameters: dict) -> dict:
    """Return a redirect if the request has a return URL; otherwise the client needs Stripe.js."""
    return_url = parameters.get("return_url")
    if return_url and not parameters.get("use_stripe_sdk"):
        return {"type": "redirect_to_url", "redirect_to_url": {"url": challenge_url, "return_url": return_url}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": challenge_url},
    }


def challenge_of(intent: dict) -> tuple[str, str | None]:
    """Return the URL of the challenge, empty if there is none, and the return URL."""
    action = intent["next_action"] or {}
    redirect = action.get("redirect_to_url", {})
    url = redirect.get("url") or action.get("use_stripe_sdk", {}).get("stripe_js", "")
    return url, redirect.get("return_url")


def check_authenticable(intent: dict) -> None:
    _check_status(intent, (REQUIRES_ACTION,), "authenticated")


def authentication_failed(intent: dict, method: dict) -> dict:
    """Return the intent after a failed authentication: it needs another payment method."""
    error = error_of(
        "invalid_request_error",
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
        "payment_intent_authentication_failure",
        payment_method=method,
    )
    return _without_method(intent, error)


def _failed(intent: dict, method: dict, decline: Decline, charge_id: str | None = None) -> dict:
    error = error_of(
        "card_error",
        decline.message,
        decline.code,
        decline_code=decline.decline_code,
        param=decline.param,
        advice_code=decline.advice,
        charge=charge_id,
        payment_method=method,
    )
    return _without_method(intent, error)


def _without_method(intent: dict, error: dict) -> dict:
    return {
        **intent,
        "payment_method": None,
        "last_payment_error": error,
        "next_action": None,
        "status": REQUIRES_PAYMENT_METHOD,
    }


def _authorized(intent: dict, method: dict, charge: dict) -> dict:
    return {
        **intent,
        "payment_method": method["id"],
        "last_payment_error": None,
        "next_action": None,
        "amount_capturable": 0 if charge["captured"] else charge["amount"],
        "amount_received": charge["amount_captured"],
        "status": SUCCEEDED if charge["captured"] else REQUIRES_CAPTURE,
    }


def capture(intent: dict, charge: dict, amount: int | None) -> tuple[dict, dict]:
    """Return the intent and its charge after capture. The rest of the authorized amount is released."""
    amount = intent["amount_capturable"] if amount is None else amount
    if amount > intent["amount_capturable"]:
        raise invalid_request(
            "The payment could not be captured because the requested capture amount is greater "
            "than the amount you can capture for this charge.",
            "amount_too_large",
            payment_intent=intent,
        )
    settled = {"status": SUCCEEDED, "amount_capturable": 0, "amount_received": amount}
    return {**intent, **settled}, charges.captured(charge, amount)


def check_capturable(intent: dict) -> None:
    if intent["status"] == SUCCEEDED:
        raise unexpected_state(
            "The remaining amount on this PaymentIntent could not be captured because the "
            "remainder of the authorized amount has been released.",
            intent,
        )
    _check_status(intent, (REQUIRES_CAPTURE,), "captured")


def cancel(intent: dict, reason: str | None, now: int) -> dict:
    _check_status(intent, CANCELABLE, "canceled")
    return {
        **intent,
        "status": CANCELED,
        "amount_capturable": 0,
        "canceled_at": now,
        "cancellation_reason": reason,
        "next_action": None,
    }


def expire(intent: dict, now: int) -> dict:
    """Return the intent after its authorization has expired."""
    _check_status(intent, (REQUIRES_CAPTURE,), "expired")
    return cancel(intent, "automatic", now)


def _check_status(
    intent: dict,
    allowed: tuple[str, ...],
    done: str,
    what: str = "This PaymentIntent",
) -> None:
    if intent["status"] not in allowed:
        raise unexpected_state(
            f"{what} could not be {done} because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be {done}: "
            f"{', '.join(allowed)}.",
            intent,
        )


def unexpected_state(message: str, intent: dict) -> Refusal:
    return invalid_request(message, "payment_intent_unexpected_state", payment_intent=intent)
