"""Fault targets: the payment, order and card of a request."""

from infra.stripe_sandbox.admission import Execution
from infra.stripe_sandbox.cards import PREFIX
from infra.stripe_sandbox.faults import Target
from infra.stripe_sandbox.ledger import Books


def aim(books: Books, execution: Execution) -> Target:
    intent = _intent(books, execution)
    metadata = intent["metadata"] if intent else execution.call.parameters.get("metadata") or {}
    order_id = metadata.get("order_id")
    return Target(
        account=execution.account,
        operations=_operations(execution),
        order_id=order_id,
        subject=intent["id"] if intent else order_id or execution.idempotency_key or execution.request_id,
        card=_card(books, execution, intent),
        metadata=metadata,
    )


def _operations(execution: Execution) -> tuple[str, ...]:
    """Return the operations of a request: creating a payment may also confirm it."""
    name = execution.operation.name
    confirms_too = name == "create" and execution.call.parameters.get("confirm")
    return ("create", "confirm") if confirms_too else (name,)


def _intent(books: Books, execution: Execution) -> dict | None:
    given = execution.call.parameters
    of_path = books.find(execution.operation.kind, execution.call.object_id or "")
    if of_path and of_path["object"] == "payment_intent":
        return of_path
    source = of_path or books.find("charge", given.get("charge", "")) or given
    return books.find("payment_intent", source.get("payment_intent") or "")


def _card(books: Books, execution: Execution, intent: dict | None) -> str | None:
    """Return the card of the request, or else the payment's."""
    chosen = execution.call.parameters.get("payment_method") or (intent or {}).get("payment_method") or ""
    method = books.find("payment_method", chosen)
    return method["card"]["fingerprint"] if method else chosen.removeprefix(PREFIX)
