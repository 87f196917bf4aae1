"""Routes: the parameters of each route and the operation that it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from infra.stripe_sandbox import operations, webhooks
from infra.stripe_sandbox.answers import Answer, invalid_request, unrecognized_url
from infra.stripe_sandbox.expansion import expand, expansion_path
from infra.stripe_sandbox.ledger import Books
from infra.stripe_sandbox.money import check_chargeable
from infra.stripe_sandbox.operations import Call
from infra.stripe_sandbox.parameters import (
    Raw,
    Shape,
    array,
    boolean,
    currency,
    email,
    fields,
    integer,
    metadata,
    one_of,
    optional_text,
    read,
    text,
    time_range,
)


@dataclass(frozen=True)
class Operation:
    """`kind` is the type of the returned object; `check` validates several parameters together; faults refer to the
    operation by its `name`."""

    kind: str
    perform: Callable[[Books, Call], dict | Answer]
    shape: Shape
    required: tuple[str, ...] = ()
    check: Callable[[dict], None] | None = None
    name: str = ""

    def read(self, raw: dict) -> dict:
        given = read(raw, self.shape, self.required)
        if self.check is not None:
            self.check(given)
        return given

    def answer(self, books: Books, call: Call) -> Answer:
        result = self.perform(books, call)
        if isinstance(result, Answer):
            return result
        for path in call.parameters.get("expand", ()):
            expand(books, self.kind, result, path)
        return Answer(200, result)


def _off_session(value: Raw, name: str) -> bool:
    return one_of("true", "false", "one_off", "recurring")(value, name) != "false"


_CONFIRMING: Shape = {
    "payment_method": text,
    "return_url": text,
    "error_on_requires_action": boolean,
    "use_stripe_sdk": boolean,
    "off_session": _off_session,
}

_DESCRIBING: Shape = {
    "amount": integer(minimum=1),
    "description": optional_text,
    "metadata": metadata,
    "payment_method": text,
    "receipt_email": email,
}

_CREATING: Shape = {
    **_DESCRIBING,
    **_CONFIRMING,
    "automatic_payment_methods": fields(
        {
            "enabled": boolean,
            "allow_redirects": one_of("always", "never"),
        },
        required=["enabled"],
    ),
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "confirm": boolean,
    "currency": currency,
    "payment_method_types": array(one_of("card")),
}

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")

_CAPTURING: Shape = {
    "amount_to_capture": integer(minimum=1),
    "metadata": metadata,
}

_CANCELING: Shape = {"cancellation_reason": one_of(*_REASONS, "abandoned")}

_REFUNDING: Shape = {
    "amount": integer(minimum=1),
    "charge": text,
    "metadata": metadata,
    "payment_intent": text,
    "reason": one_of(*_REASONS),
}

_ENDPOINT: Shape = {
    "description": optional_text,
    "enabled_events": array(webhooks.event_type),
    "metadata": metadata,
    "url": webhooks.loopback_url,
}

_LISTING: Shape = {
    "created": time_range,
    "ending_before": text,
    "limit": integer(minimum=1, maximum=100),
    "starting_after": text,
}


def _check_new_intent(given: dict) -> None:
    check_chargeable(given["amount"], given["currency"])
    if "payment_method_types" in given and "automatic_payment_methods" in given:
        raise invalid_request(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types."
        )


def _check_refund(given: dict) -> None:
    if "charge" not in given and "payment_intent" not in given:
        raise invalid_request(
            "One of the following params should be provided for this request: payment_intent or charge."
        )


def _expanding(kind: str, shape: Shape, listed: bool = False) -> Shape:
    return {**shape, "expand": array(expansion_path(kind, listed))}


def _on_intent(perform: Callable, shape: Shape, **rules: Any) -> Operation:
    return Operation("payment_intent", perform, _expanding("payment_intent", shape), **rules)


def _on_refund(perform: Callable, shape: Shape, **rules: Any) -> Operation:
    return Operation("refund", perform, _expanding("refund", shape), **rules)


def _on_endpoint(perform: Callable, shape: Shape, **rules: Any) -> Operation:
    return Operation("webhook_endpoint", perform, _expanding("webhook_endpoint", shape), **rules)


def _retrieving(kind: str, param: str, **rules: Any) -> Operation:
    return Operation(kind, partial(operations.retrieve, kind, param), _expanding(kind, {}), **rules)


def _listing(kind: str, url: str, *filters: str) -> Operation:
    shape = {**_LISTING, **dict.fromkeys(filters, text)}
    perform = partial(operations.list_page, kind, url)
    return Operation(kind, perform, _expanding(kind, shape, listed=True))


OPERATIONS: dict[str, Operation] = {
    "POST /v1/payment_intents": _on_intent(
        operations.create_intent,
        _CREATING,
        required=("amount", "currency"),
        check=_check_new_intent,
        name="create",
    ),
    "GET /v1/payment_intents": _listing("payment_intent", "/v1/payment_intents"),
    "GET /v1/payment_intents/{id}": _retrieving("payment_intent", "intent", name="retrieve"),
    "POST /v1/payment_intents/{id}": _on_intent(operations.update_intent, _DESCRIBING),
    "POST /v1/payment_intents/{id}/confirm": _on_intent(operations.confirm_intent, _CONFIRMING, name="confirm"),
    "POST /v1/payment_intents/{id}/capture": _on_intent(operations.capture_intent, _CAPTURING, name="capture"),
    "POST /v1/payment_intents/{id}/cancel": _on_intent(operations.cancel_intent, _CANCELING, name="cancel"),
    "GET /v1/charges": _listing("charge", "/v1/charges", "payment_intent"),
    "GET /v1/charges/{id}": _retrieving("charge", "id"),
    "POST /v1/refunds": _on_refund(operations.create_refund, _REFUNDING, check=_check_refund, name="refund"),
    "GET /v1/refunds": _listing("refund", "/v1/refunds", "payment_intent", "charge"),
    "GET /v1/refunds/{id}": _retrieving("refund", "id"),
    "GET /v1/disputes": _listing("dispute", "/v1/disputes", "payment_intent", "charge"),
    "GET /v1/disputes/{id}": _retrieving("dispute", "dispute"),
    "GET /v1/events": _listing("event", "/v1/events", "type"),
    "GET /v1/events/{id}": _retrieving("event", "id"),
    "POST /v1/webhook_endpoints": _on_endpoint(
        operations.create_endpoint,
        {**_ENDPOINT, "api_version": text},
        required=("url", "enabled_events"),
    ),
    "GET /v1/webhook_endpoints": _listing("webhook_endpoint", "/v1/webhook_endpoints"),
    "GET /v1/webhook_endpoints/{id}": _retrieving("webhook_endpoint", "webhook_endpoint"),
    "POST /v1/webhook_endpoints/{id}": _on_endpoint(operations.update_endpoint, {**_ENDPOINT, "disabled": boolean}),
    "DELETE /v1/webhook_endpoints/{id}": _on_endpoint(operations.delete_endpoint, {}),
}


def route(operations_by_route: dict[str, Operation], method: str, path: str) -> tuple[Operation, str]:
    """Return the operation of `/{area}/{collection}[/{id}[/{action}]]` and the id in the path, which is empty if the
    path has none."""
    exact = operations_by_route.get(f"{method} {path}")
    if exact is not None:
        return exact, ""
    segments = path.split("/")
    object_id = unquote(segments[3]) if len(segments) > 3 else ""
    operation = operations_by_route.get(f"{method} {'/'.join([*segments[:3], '{id}', *segments[4:]])}")
    if operation is None or object_id == "":
        raise unrecognized_url(method, path)
    return operation, object_id
