"""Answers: an Answer for a request that had its effect, a Refusal for one that had none. Error bodies follow https://docs.stripe.com/api/errors."""

from dataclasses import dataclass, field
from typing import Any

# What the pinned SDK expects; other versions are echoed but change nothing.
API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True)
class Answer:
    """A response that is sent after `delay` seconds."""

    status: int
    body: dict
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0


class Refusal(Exception):
    """The request was refused and had no effect: its writes are rolled back."""

    def __init__(self, status: int, error: dict, headers: dict[str, str] | None = None):
        super().__init__(error["message"])
        self.answer = Answer(status, {"error": error}, headers or {})


class Silence(Exception):
    """Close the connection after `seconds` without a response. The request may have had its effect."""

    def __init__(self, seconds: float = 0):
        super().__init__("no answer")
        self.seconds = seconds


def error_of(kind: str, message: str, code: str | None = None, **details: Any) -> dict:
    """Return a Stripe error object without the details that are None, as Stripe does."""
    doc_url = code and f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    error = {"type": kind, "code": code, "doc_url": doc_url, "message": message, **details}
    return {name: value for name, value in error.items() if value is not None}


def invalid_request(message: str, code: str | None = None, status: int = 400, **details: Any) -> Refusal:
    return Refusal(status, error_of("invalid_request_error", message, code, **details))


def no_such(kind: str, object_id: str, param: str, status: int = 404) -> Refusal:
    message = f"No such {kind}: '{object_id}'"
    return invalid_request(message, "resource_missing", status, param=param)


def unauthorized(message: str) -> Refusal:
    error = error_of("invalid_request_error", message)
    return Refusal(401, error, {"WWW-Authenticate": 'Bearer realm="Stripe"'})


def unrecognized_url(method: str, path: str) -> Refusal:
    return invalid_request(f"Unrecognized request URL ({method}: {path}).", status=404)


def key_used_elsewhere(key: str, what: str) -> Refusal:
    message = (
        f"Keys for idempotent requests can only be used with the same {what} they were first used "
        f"with. Try using a key other than '{key}' if you meant to execute a different request."
    )
    return Refusal(400, error_of("idempotency_error", message))


def key_in_use(key: str) -> Refusal:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later."
    )
    return Refusal(409, error_of("idempotency_error", message, "idempotency_key_in_use"))


def payment_failed(intent: dict) -> Answer:
    """Return the response to a decline. It is not a refusal: the failed attempt is kept."""
    return Answer(402, {"error": {**intent["last_payment_error"], "payment_intent": intent}})


def internal_error() -> Answer:
    return internal_failure().answer


def internal_failure() -> Refusal:
    return Refusal(500, error_of("api_error", "An unknown error occurred in the payment sandbox."))


def rate_limited() -> Refusal:
    message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
    return invalid_request(message, "rate_limit", status=429)
