"""Control API below /admin/: plans faults, configures webhook delivery and makes changes outside the shop. Bodies are
JSON; the secret key selects the account."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict

from infra.stripe_sandbox import charges, deliveries, disputes, faults, operations, webhooks
from infra.stripe_sandbox.admission import Request, secret_key
from infra.stripe_sandbox.answers import Answer, Refusal, invalid_request, no_such
from infra.stripe_sandbox.events import Cause, Journal
from infra.stripe_sandbox.faults import Fault, Faults
from infra.stripe_sandbox.ids import account_of
from infra.stripe_sandbox.ledger import Books
from infra.stripe_sandbox.operations import Call
from infra.stripe_sandbox.parameters import Raw, Shape, integer, one_of, probability, seconds, text
from infra.stripe_sandbox.routes import Operation, route

_FAULT: Shape = {
    "operation": text,
    "kind": text,
    "order_id": text,
    "times": integer(minimum=0),
    "seconds": seconds,
    "probability": probability,
    "seed": integer(),
}

_ANSWER: Shape = {"outcome": one_of(operations.COMPLETE, operations.FAIL)}

_DISPUTING: Shape = {
    "amount": integer(minimum=1),
    "reason": one_of(*disputes.REASONS),
    "status": one_of(*disputes.BEGINNINGS),
}

_MODE: Shape = {"mode": one_of(*deliveries.MODES), "seconds": seconds}


class ControlApi:
    def __init__(self, journal: Journal, planned_faults: Faults):
        self._journal = journal
        self._faults = planned_faults
        self._tasks = {
            "GET /admin/faults": _task(self._list_faults),
            "POST /admin/faults": _task(self._add_fault, _FAULT, ("operation", "kind"), _check_fault),
            "DELETE /admin/faults": _task(self._clear_faults),
            "GET /admin/webhooks": _task(_list_deliveries),
            "POST /admin/webhooks": _task(_set_mode, _MODE, ("mode",)),
            "POST /admin/webhooks/resend": _task(_resend, {"event": text}, ("event",)),
            "POST /admin/payment_intents/{id}/expire": _task(_expire),
            "POST /admin/payment_intents/{id}/authenticate": _task(_authenticate, _ANSWER, ("outcome",)),
            "POST /admin/payment_intents/{id}/refund": _task(_refund, {"amount": integer(minimum=1)}),
            "POST /admin/payment_intents/{id}/capture": _task(_capture, {"amount": integer(minimum=1)}),
            "POST /admin/payment_intents/{id}/dispute": _task(_dispute, _DISPUTING),
            "POST /admin/refunds/{id}/fail": _task(_fail_refund, {"status": one_of(*charges.FAILED_REFUNDS)}),
            "POST /admin/disputes/{id}/close": _task(_close, {"status": one_of(*disputes.CLOSED)}, ("status",)),
        }

    def answer(self, request: Request) -> Answer:
        try:
            account = account_of(secret_key(request.headers))
            task, object_id = route(self._tasks, request.method, request.path)
            now = int(time.time())
            call = Call(object_id, task.read(_json_of(request)), now)
            with self._journal.entry(account, Cause(now)) as books:
                return task.answer(books, call)
        except Refusal as refusal:
            return refusal.answer

    def _add_fault(self, books: Books, call: Call) -> dict:
        return _view(self._faults.add(books.account, **call.parameters), struck=0)

    def _list_faults(self, books: Books, _: Call) -> dict:
        return {"faults": [_view(each, struck) for each, struck in self._faults.of(books.account)]}

    def _clear_faults(self, books: Books, _: Call) -> dict:
        return {"cleared": self._faults.clear(books.account)}


def _task(
    perform: Callable, shape: Shape | None = None, required: tuple[str, ...] = (), check: Callable | None = None
) -> Operation:
    return Operation("control_api", perform, shape or {}, required, check)


def _json_of(request: Request) -> dict[str, Raw]:
    """Return the body's fields as text, for the parsers of form parameters. A null field counts as absent."""
    try:
        body = json.loads(request.body or "{}")
    except ValueError as problem:
        raise invalid_request(f"Invalid request: the body is not JSON: {problem}") from None
    if not isinstance(body, dict):
        raise invalid_request("Invalid request: the body must be a JSON object.")
    return {name: _text_of(value, name) for name, value in body.items() if value is not None}


def _text_of(value: object, name: str) -> Raw:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    raise invalid_request(f"Invalid {name}: neither a text nor a number.", param=name)


def _check_fault(given: dict) -> None:
    if not faults.is_possible(given["operation"], given["kind"]):
        raise faults.impossible(given["operation"], given["kind"], "kind")


def _view(fault: Fault, struck: int) -> dict:
    return {**asdict(fault), "struck": struck}


def _set_mode(books: Books, call: Call) -> dict:
    mode = deliveries.set_mode(books, call.parameters["mode"], call.parameters.get("seconds"))
    return {"mode": mode.name, "seconds": mode.seconds}


def _list_deliveries(books: Books, _: Call) -> dict:
    mode = deliveries.mode_of(books)
    return {"mode": mode.name, "seconds": mode.seconds, "deliveries": deliveries.listed(books)}


def _resend(books: Books, call: Call) -> dict:
    event = books.get("event", call.parameters["event"], param="event")
    planned = deliveries.plan_again(books, event, webhooks.listeners(books, event["type"]))
    return {"event": event["id"], "deliveries": planned}


def _expire(books: Books, call: Call) -> dict:
    return operations.expire_hold(books, _on_intent(books, call))


def _authenticate(books: Books, call: Call) -> dict:
    return operations.authenticate(books, _on_intent(books, call))


def _refund(books: Books, call: Call) -> dict:
    intent_id = _on_intent(books, call).object_id
    return operations.create_refund(books, Call("", {**call.parameters, "payment_intent": intent_id}, call.now))


def _capture(books: Books, call: Call) -> dict:
    """Capture in full or in part, as in Stripe's dashboard."""
    amount = {"amount_to_capture": call.parameters["amount"]} if "amount" in call.parameters else {}
    return operations.capture_intent(books, Call(_on_intent(books, call).object_id, amount, call.now))


def _fail_refund(books: Books, call: Call) -> dict:
    """Fail a refund. The path has its id, or that of a payment or an order, whose newest effective refund is meant."""
    if call.object_id.startswith("re_"):
        return operations.fail_refund(books, call)
    found = books.page("refund", {"payment_intent": _on_intent(books, call).object_id})
    effective = [refund for refund in found if refund["status"] not in charges.FAILED_REFUNDS]
    if not effective:
        raise no_such("refund", call.object_id, "id")
    return operations.fail_refund(books, Call(effective[0]["id"], call.parameters, call.now))


def _dispute(books: Books, call: Call) -> dict:
    return operations.open_dispute(books, _on_intent(books, call))


def _close(books: Books, call: Call) -> dict:
    if call.object_id.startswith("dp_"):
        return operations.close_dispute(books, call)
    intent_id = _on_intent(books, call).object_id
    found = books.page("dispute", {"payment_intent": intent_id}, limit=1)
    if not found:
        raise no_such("dispute", call.object_id, "id")
    return operations.close_dispute(books, Call(found[0]["id"], call.parameters, call.now))


def _on_intent(books: Books, call: Call) -> Call:
    """Return the payment of the path. For the id of an order, that is the order's newest payment."""
    if call.object_id.startswith("pi_"):
        return call
    intent = books.newest_of_order(call.object_id)
    if intent is None:
        raise no_such("payment_intent of order", call.object_id, "id")
    return Call(intent["id"], call.parameters, call.now)
