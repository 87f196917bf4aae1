"""Operations: the effect of each request on an account. An operation that returns has had its effect; one that
raises a Refusal has had none."""

from dataclasses import dataclass

from infra.stripe_sandbox import charges, deliveries, disputes, intents, webhooks
from infra.stripe_sandbox.answers import Answer, invalid_request, no_such, payment_failed
from infra.stripe_sandbox.cards import TEST_PAYMENT_METHODS, payment_method
from infra.stripe_sandbox.ledger import Books

_DEFAULT_PAGE = 10

COMPLETE, FAIL = "complete", "fail"
"""The card holder's responses to a challenge."""


@dataclass(frozen=True)
class Call:
    """One request to one operation. `object_id` is empty for a new object, `now` is in Unix seconds.

    `base_url` is the sandbox's own address.
    """

    object_id: str
    parameters: dict
    now: int
    base_url: str = ""


def create_intent(books: Books, call: Call) -> dict | Answer:
    intent = intents.new(call.parameters, call.now)
    books.save(intent)
    if call.parameters.get("confirm"):
        return _confirm(books, intent, call)
    if "payment_method" in call.parameters:
        intent = intents.with_method(intent, _given_method(books, intent, call))
        books.save(intent)
    return intent


def update_intent(books: Books, call: Call) -> dict:
    intent = intents.update(_intent(books, call), call.parameters)
    if "payment_method" in call.parameters:
        intent = intents.with_method(intent, _given_method(books, intent, call))
    books.save(intent)
    return intent


def confirm_intent(books: Books, call: Call) -> dict | Answer:
    return _confirm(books, _intent(books, call), call)


def _confirm(books: Books, intent: dict, call: Call) -> dict | Answer:
    intents.check_confirmable(intent, call.parameters)
    method = _given_method(books, intent, call)
    intent, charge = intents.confirm(intent, method, call.parameters, call.now, call.base_url)
    books.save(intent, *filter(None, [charge]))
    failed = intent["status"] == intents.REQUIRES_PAYMENT_METHOD
    return payment_failed(intent) if failed else intent


def authenticate(books: Books, call: Call) -> dict:
    """Complete the challenge as the card holder, or fail it. After completion the issuer decides."""
    intent = _intent(books, call)
    intents.check_authenticable(intent)
    method = books.get("payment_method", intent["payment_method"], param="payment_method")
    if call.parameters["outcome"] == FAIL:
        intent, charge = intents.authentication_failed(intent, method), None
    else:
        intent, charge = intents.attempted(intent, method, call.now)
    books.save(intent, *filter(None, [charge]))
    return intent


def _given_method(books: Books, intent: dict, call: Call) -> dict:
    """Return the PaymentMethod of the request, or else the intent's."""
    name = call.parameters.get("payment_method", intent["payment_method"])
    if name == intent["payment_method"]:
        return books.get("payment_method", name, param="payment_method")
    if name not in TEST_PAYMENT_METHODS:
        raise no_such("PaymentMethod", name, param="payment_method", status=400)
    method = payment_method(name, call.now)
    books.save(method)
    return method


def capture_intent(books: Books, call: Call) -> dict:
    intent = _intent(books, call)
    intents.check_capturable(intent)
    held = books.get("charge", intent["latest_charge"], param="charge")
    intent, charge = intents.capture(intent, held, call.parameters.get("amount_to_capture"))
    intent = intents.update(intent, {"metadata": call.parameters.get("metadata", {})})
    books.save(intent, charge)
    return intent


def cancel_intent(books: Books, call: Call) -> dict:
    intent = _intent(books, call)
    intent = intents.cancel(intent, call.parameters.get("cancellation_reason"), call.now)
    books.save(intent)
    return intent


def expire_hold(books: Books, call: Call) -> dict:
    intent = intents.expire(_intent(books, call), call.now)
    books.save(intent)
    return intent


def _intent(books: Books, call: Call) -> dict:
    return books.get("payment_intent", call.object_id, param="intent")


def create_refund(books: Books, call: Call) -> dict:
    intent, found = _refunded_payment(books, call.parameters)
    charge = charges.refundable_of(found, intent)
    disputes.check_refundable(charge, _dispute_about(books, charge))
    refund, charge = charges.refund(charge, call.parameters, call.now)
    books.save(refund, charge)
    return refund


def _refunded_payment(books: Books, given: dict) -> tuple[dict, dict | None]:
    if "charge" in given:
        charge = books.get("charge", given["charge"], param="id")
        intent_id = given.get("payment_intent", charge["payment_intent"])
        if intent_id != charge["payment_intent"]:
            message = f"Charge {charge['id']} does not belong to PaymentIntent {intent_id}."
            raise invalid_request(message, param="charge")
        return books.get("payment_intent", intent_id, param="payment_intent"), charge
    intent = books.get("payment_intent", given["payment_intent"], param="payment_intent")
    return intent, books.find("charge", intent["latest_charge"] or "")


def _dispute_about(books: Books, charge: dict) -> dict | None:
    return next(iter(books.page("dispute", {"charge": charge["id"]}, limit=1)), None)


def fail_refund(books: Books, call: Call) -> dict:
    refund = books.get("refund", call.object_id, param="refund")
    charge = books.get("charge", refund["charge"], param="charge")
    refund, charge = charges.fail_refund(charge, refund, call.parameters.get("status", "failed"))
    books.save(refund, charge)
    return refund


def open_dispute(books: Books, call: Call) -> dict:
    charge = books.find("charge", _intent(books, call)["latest_charge"] or "")
    dispute, charge = disputes.new(charge, call.parameters, call.now)
    books.save(dispute, charge)
    return dispute


def close_dispute(books: Books, call: Call) -> dict:
    dispute = disputes.close(books.get("dispute", call.object_id, param="dispute"), call.parameters["status"])
    books.save(dispute)
    return dispute


def create_endpoint(books: Books, call: Call) -> dict:
    endpoint = webhooks.new(call.parameters, call.now)
    books.save(endpoint)
    return endpoint


def update_endpoint(books: Books, call: Call) -> dict:
    endpoint = webhooks.update(_endpoint(books, call), call.parameters)
    if endpoint["status"] == "disabled":
        deliveries.cancel_for_endpoint(books, endpoint["id"])
    books.save(endpoint)
    return webhooks.without_secret(endpoint)


def delete_endpoint(books: Books, call: Call) -> dict:
    endpoint = _endpoint(books, call)
    deliveries.cancel_for_endpoint(books, endpoint["id"])
    books.delete("webhook_endpoint", endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _endpoint(books: Books, call: Call) -> dict:
    return books.get("webhook_endpoint", call.object_id, param="webhook_endpoint")


def retrieve(kind: str, param: str, books: Books, call: Call) -> dict:
    return _shown(books.get(kind, call.object_id, param))


def _shown(body: dict) -> dict:
    return webhooks.without_secret(body) if body["object"] == "webhook_endpoint" else body


def list_page(kind: str, url: str, books: Books, call: Call) -> dict:
    for name in ("payment_intent", "charge"):
        if name in call.parameters:
            books.get(name, call.parameters[name], param=name)
    limit = call.parameters.get("limit", _DEFAULT_PAGE)
    found = books.page(kind, call.parameters, limit + 1)
    page, has_more = found[:limit], len(found) > limit
    if "ending_before" in call.parameters:
        page.reverse()
    return {"object": "list", "url": url, "has_more": has_more, "data": [_shown(body) for body in page]}
