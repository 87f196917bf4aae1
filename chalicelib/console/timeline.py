"""Order timeline: merge versions, events, workflow states, payment, shipment, emails and logs, oldest first. Pure.

An entry holds names, ids, times, amounts and error names; it holds no address, token or message, except an operator's
own address and text in the entry of their action. `document` is the
raw source of an entry: an event in its envelope, a state's part of the execution history, or a log line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.console.logs import Line
from chalicelib.events.outbox import OutboxEvent
from chalicelib.orders.model import Order
from chalicelib.orders.operator_actions import OperatorAction
from chalicelib.payments.model import Payment
from chalicelib.platform import tracing
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import iso
from chalicelib.platform.workflows import Execution
from chalicelib.shipping.model import Shipment

EntryKind = Literal[
    "action", "order", "workflow", "state", "event", "email", "payment", "shipment", "call", "queue", "push", "log"
]

ENTRY_KIND_OF_LINE: dict[str, EntryKind] = {
    "call answered": "call",
    "message handled": "queue",
    "message sent": "queue",
    "payment call": "payment",
    "update pushed": "push",
}
"""By message: log lines that have an entry kind of their own. All others are `log`."""

AFTERMATH = timedelta(hours=1)
"""How long after an order's last change its functions may still log."""

AMOUNTS = {"captured", "refunded", "refunded_outside", "lost", "withdrawn", "disputed", "decline_code"}

MOVES_MONEY = {"AuthorizePayment", "CapturePayment", "RefundPayment", "VoidPayment", "RefundReturn"}
MOVES_PARCEL = {"ShipOrder", "RecallShipment"}
"""States that may change the record of the payment or of the shipment."""


SHOWN_FIELDS = (
    "level", "method", "path", "status", "code", "queue", "receive_count", "action", "operation", "outcome", "occasion",
    "connections", "version",
)  # fmt: skip
"""The fields of a log line that its entry shows as details."""

TITLE_LENGTH = 200


class Entry(BaseModel):
    kind: EntryKind
    at: Annotated[str, Field(description="When it began, in UTC.")]
    title: str
    duration_ms: Annotated[
        int | None, Field(description="Of a state, a call or a message; of an event, until it was on the bus.")
    ] = None
    waited_ms: Annotated[int | None, Field(description="How long a message waited in its queue before.")] = None
    trace_id: Annotated[str | None, Field(description="The X-Ray trace that the work belongs to, if known.")] = None
    details: dict[str, Any] = {}
    document: Annotated[Any, Field(description="The raw source of the entry.")] = None


def merged(*groups: list[Entry]) -> list[Entry]:
    """Return all entries, oldest first; entries of the same time keep the given order."""
    return sorted((entry for group in groups for entry in group), key=lambda entry: entry.at)


def of_versions(events: list[OutboxEvent]) -> list[Entry]:
    """Return an entry for each version of the order. The event written with it holds the status."""
    return [
        Entry(
            kind="order",
            at=each.event.time,
            title=f"version {each.version}",
            details={"status": each.event.data.get("status"), "reason": each.event.data.get("reason")},
            document=each.key | {"version": each.version, "event_id": each.event.id, "data": each.event.data},
        )
        for each in events
    ]


def of_actions(actions: list[OperatorAction]) -> list[Entry]:
    """Return an entry for each action of an operator: who did it, and why."""
    return [Entry(kind="action", at=each.at, title=each.kind, details=_action(each)) for each in actions]


def _action(action: OperatorAction) -> dict[str, Any]:
    email = {"occasion": action.email.occasion} if action.email else {}
    return {"by": action.by, "why": action.why} | email


def of_events(events: list[OutboxEvent]) -> list[Entry]:
    return [
        Entry(
            kind="event",
            at=each.event.time,
            title=each.event.type,
            duration_ms=_between(each.event.time, each.published_at),
            trace_id=tracing.id_of(each.event.trace_header),
            details={
                "event_id": each.event.id,
                "causation_id": each.event.causation_id,
                "published_at": each.published_at,
                "reason": each.event.data.get("reason"),
                **_moved(each.event.data.get("movement")),
            },
            document=each.event.model_dump(),
        )
        for each in events
    ]


def _moved(movement: dict[str, Any] | None) -> dict[str, Any]:
    """Return the movement at the payment provider, in minor units."""
    if not movement:
        return {}
    return {"reference": movement["reference"], "amount": movement["amount"]["amount"]}


def of_emails(sent: Iterable[tuple[str, str]]) -> list[Entry]:
    """Return an entry for each email: its occasion, and the time when it was sent."""
    return [Entry(kind="email", at=at, title=occasion) for occasion, at in sent]


def of_run(workflow: str, run: Execution) -> list[Entry]:
    """Return the entries of one execution, also while it runs: start, each state entered, and end."""
    about = {"workflow": workflow, "execution": run.name}
    entries = [Entry(kind="workflow", at=_at(run.started), title=f"{workflow} started", details=about)]
    entries += [
        Entry(
            kind="state",
            at=visit["at"],
            title=visit["state"],
            duration_ms=_between(visit["at"], visit["details"]["left_at"]),
            details=about | visit["details"],
            document=visit["events"],
        )
        for visit in _visits(run.history)
    ]
    if run.ended:
        failure = {"error": run.error} if run.error else {}
        title = f"{workflow} {run.status.lower()}"
        entries.append(Entry(kind="workflow", at=_at(run.ended), title=title, details=about | failure))
    return entries


def of_payment(payment: Payment | None, order: Order, states: list[Entry]) -> list[Entry]:
    """Return the payment as it is now, at the time of its last known change. Amounts are minor units."""
    if payment is None or payment.amount is None:
        return []
    details = payment.model_dump(mode="json", include=AMOUNTS)
    details |= {"amount": payment.amount.amount, "currency": payment.amount.currency, "intent": payment.intent_id}
    at = _last(states, MOVES_MONEY, order.placed_at)
    return [Entry(kind="payment", at=at, title=f"payment {payment.status.lower()}", details=details)]


def of_shipment(shipment: Shipment | None, order: Order, states: list[Entry]) -> list[Entry]:
    """Return the shipment as it is now, at the time of its last known change."""
    if shipment is None:
        return []
    details = shipment.model_dump(mode="json", include={"carrier", "tracking_number"})
    at = max(_last(states, MOVES_PARCEL, order.placed_at), order.dispatched_at or "")
    return [Entry(kind="shipment", at=at, title=f"shipment {shipment.status.lower()}", details=details)]


def of_lines(lines: list[Line]) -> list[Entry]:
    """Return an entry for each log line, at the time in the line itself; CloudWatch's time may be later."""
    return [_of_line(line) for line in lines]


def _of_line(line: Line) -> Entry:
    content = line.content or {}
    message = content.get("message")
    kind = ENTRY_KIND_OF_LINE.get(message, "log") if isinstance(message, str) else "log"
    details = {key: content[key] for key in SHOWN_FIELDS if content.get(key) is not None} | {"log_group": line.group}
    title = str(message or line.text)[:TITLE_LENGTH]
    written, duration = _written(content) or line.at, content.get("duration_ms")
    at = iso(datetime.fromisoformat(written) - timedelta(milliseconds=duration)) if duration else written
    return Entry(
        kind=kind,
        at=at,
        title=title,
        duration_ms=duration,
        waited_ms=_between(iso(datetime.fromtimestamp(content["sent"] / 1000, UTC)), at) if "sent" in content else None,
        trace_id=content.get("trace_id"),
        details=details,
        document=content or line.text,
    )


def _between(start: str, end: str | None) -> int | None:
    """Return the milliseconds between two times, None if it has not ended. Clocks of two machines may differ."""
    if end is None:
        return None
    return max(0, round((datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(milliseconds=1)))


def _written(content: dict[str, Any]) -> str | None:
    try:
        return iso(datetime.strptime(content["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").astimezone(UTC))
    except (KeyError, TypeError, ValueError):
        return None


def span(order: Order, now: datetime) -> tuple[datetime, datetime]:
    """Return the time span in which an order's functions may have logged."""
    start = datetime.fromisoformat(order.placed_at) - timedelta(minutes=1)
    last = datetime.fromisoformat(order.history[-1].at)
    return start, min(now, last + AFTERMATH) if order.is_over else now


def _visits(history: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each state that was entered, with the time it was left and the names of its errors."""
    visits: dict[int, dict[str, Any]] = {}
    before = {event["id"]: event.get("previousEventId") or event["id"] - 1 for event in history}
    for event in history:
        if entered := event.get("stateEnteredEventDetails"):
            details: dict[str, Any] = {"left_at": None, "errors": []}
            entry = {"at": _at(event["timestamp"]), "state": entered["name"], "details": details, "events": []}
            visit: dict[str, Any] | None = visits.setdefault(event["id"], entry)
        elif left := event.get("stateExitedEventDetails"):
            visit = _latest(visits, left["name"])
            if visit:
                visit["details"]["left_at"] = _at(event["timestamp"])
        else:
            visit = _met_in(event["id"], visits, before)
            if visit and (error := _error(event)):
                visit["details"]["errors"].append(error)
        if visit:
            visit["events"].append({**event, "timestamp": _at(event["timestamp"])})
    yield from visits.values()


def _latest(visits: dict[int, dict[str, Any]], state: str) -> dict[str, Any] | None:
    return next((visit for visit in reversed(visits.values()) if visit["state"] == state), None)


def _met_in(event_id: int, visits: dict[int, dict[str, Any]], before: dict[int, int]) -> dict[str, Any] | None:
    """Return the visit that this event belongs to; states of a Parallel are interleaved."""
    while event_id not in visits and event_id in before:
        event_id = before[event_id]
    return visits.get(event_id)


def _error(event: Mapping[str, Any]) -> str | None:
    if event["type"].startswith("Execution"):
        return None
    failures = [
        details for name, details in event.items() if name.endswith(("FailedEventDetails", "TimedOutEventDetails"))
    ]
    return failures[0].get("error") if failures else None


def _last(states: list[Entry], moving: set[str], otherwise: str) -> str:
    times = [state.details.get("left_at") or state.at for state in states if state.title in moving]
    return max(times, default=otherwise)


def _at(at: datetime) -> str:
    return iso(at.astimezone(UTC))
