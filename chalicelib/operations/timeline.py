"""Everything that is known of one order, in the order of time: pure functions of what the rooms tell.

No address, no token and no message is in it: names, ids, times and amounts.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from chalicelib.events.outbox import OutboxEvent
from chalicelib.fulfilment.start import Run
from chalicelib.orders.model import Order
from chalicelib.payments.model import Payment
from chalicelib.platform.clock import iso
from chalicelib.shipping.model import Shipment

Kind = Literal["workflow", "state", "event", "email", "payment", "shipment"]

MOVES_MONEY = {"AuthorizePayment", "CapturePayment", "RefundPayment", "VoidPayment", "RefundReturn"}
MOVES_PARCEL = {"FulfillOrder", "ShipOrder", "RecallShipment"}
"""States after which the payment's and the shipment's own record may read otherwise than before."""


class Entry(BaseModel):
    kind: Kind
    at: Annotated[str, Field(description="When it began, in UTC.")]
    title: str
    details: dict[str, Any] = {}


def merged(*groups: list[Entry]) -> list[Entry]:
    """Oldest first; what happened at the same moment in the order in which it was given."""
    return sorted((entry for group in groups for entry in group), key=lambda entry: entry.at)


def of_events(events: list[OutboxEvent]) -> list[Entry]:
    return [
        Entry(
            kind="event",
            at=each.event.time,
            title=each.event.type,
            details={
                "event_id": each.event.id,
                "causation_id": each.event.causation_id,
                "published_at": each.published_at,
                "reason": each.event.data.get("reason"),
            },
        )
        for each in events
    ]


def of_emails(sent: dict[str, str]) -> list[Entry]:
    """`sent` says when, by occasion."""
    return [Entry(kind="email", at=at, title=occasion) for occasion, at in sent.items()]


def of_run(workflow: str, run: Run) -> list[Entry]:
    """One execution: its beginning, each state that it entered, and its end. Works while it runs."""
    about = {"workflow": workflow, "execution": run.name}
    entries = [Entry(kind="workflow", at=_at(run.started), title=f"{workflow} started", details=about)]
    entries += [
        Entry(kind="state", at=visit["at"], title=visit["state"], details=about | visit["details"])
        for visit in _visits(run.history)
    ]
    if run.ended:
        failure = {"error": run.error} if run.error else {}
        title = f"{workflow} {run.status.lower()}"
        entries.append(Entry(kind="workflow", at=_at(run.ended), title=title, details=about | failure))
    return entries


def of_payment(payment: Payment | None, order: Order, states: list[Entry]) -> list[Entry]:
    """As it stands, at the last moment at which we know it was moved. Minor units."""
    if payment is None or payment.amount is None:
        return []
    details = payment.model_dump(mode="json", include={"captured", "refunded", "disputed", "decline_code"})
    details |= {"amount": payment.amount.amount, "currency": payment.amount.currency, "intent": payment.intent_id}
    at = _last(states, MOVES_MONEY, order.placed_at)
    return [Entry(kind="payment", at=at, title=f"payment {payment.status.lower()}", details=details)]


def of_shipment(shipment: Shipment | None, order: Order, states: list[Entry]) -> list[Entry]:
    """As it stands, at the last moment at which we know it was moved."""
    if shipment is None:
        return []
    details = shipment.model_dump(mode="json", include={"carrier", "tracking_number"})
    at = max(_last(states, MOVES_PARCEL, order.placed_at), order.dispatched_at or "")
    return [Entry(kind="shipment", at=at, title=f"shipment {shipment.status.lower()}", details=details)]


def _visits(history: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each state that was entered, with when it was left, and the names of the errors that it met."""
    visits: dict[int, dict[str, Any]] = {}
    before = {event["id"]: event.get("previousEventId") or event["id"] - 1 for event in history}
    for event in history:
        if entered := event.get("stateEnteredEventDetails"):
            details: dict[str, Any] = {"left_at": None, "errors": []}
            visits[event["id"]] = {"at": _at(event["timestamp"]), "state": entered["name"], "details": details}
        elif left := event.get("stateExitedEventDetails"):
            visit = _latest(visits, left["name"])
            if visit:
                visit["details"]["left_at"] = _at(event["timestamp"])
        elif (error := _error(event)) and (visit := _met_in(event["id"], visits, before)):
            visit["details"]["errors"].append(error)
    yield from visits.values()


def _latest(visits: dict[int, dict[str, Any]], state: str) -> dict[str, Any] | None:
    return next((visit for visit in reversed(visits.values()) if visit["state"] == state), None)


def _met_in(event_id: int, visits: dict[int, dict[str, Any]], before: dict[int, int]) -> dict[str, Any] | None:
    """The visit that this event followed from; states of a Parallel are interleaved."""
    while event_id not in visits and event_id in before:
        event_id = before[event_id]
    return visits.get(event_id)


def _error(event: dict[str, Any]) -> str | None:
    if event["type"].startswith("Execution"):
        return None
    failures = [told for name, told in event.items() if name.endswith(("FailedEventDetails", "TimedOutEventDetails"))]
    return failures[0].get("error") if failures else None


def _last(states: list[Entry], moving: set[str], otherwise: str) -> str:
    times = [state.details.get("left_at") or state.at for state in states if state.title in moving]
    return max(times, default=otherwise)


def _at(moment: datetime) -> str:
    return iso(moment.astimezone(UTC))
