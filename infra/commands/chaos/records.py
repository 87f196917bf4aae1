"""Record of a chaos run: how each order ended, the timelines of the slowest, and the verdicts."""

import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.audit.auditor import Verdict
from infra.audit.books import ENDED, Books, Item
from infra.commands.client import Buyer
from testbed.record import Entry, Outcome, VerdictRecord

SHOWN = 10
"""So many of the slowest orders are recorded in full."""
COMPENSATIONS = {"ReleaseInventory", "VoidPayment", "RecallShipment", "RefundPayment"}
FAILURES = ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "LambdaFunctionTimedOut")
"""Ends of the types of events of an execution's history that say that a step's attempt failed."""
WORKFLOWS = {"fulfilment": "OrderFulfilment", "undo": "OrderUndo", "return": "OrderReturn"}
"""Names of the template by those of the console's timeline."""
KINDS = {
    "order": ("OrdersTable", "OrdersTable"),
    "event": ("OrdersTable", "EventBus"),
    "email": ("SendNotifications", "buyer"),
    "payment": ("OrderFulfilment", "payments"),
    "shipment": ("OrderFulfilment", "warehouse"),
    "action": ("operator", "APIHandler"),
}
"""Participants of an arrow, by the kind of an entry of the console's timeline."""


@dataclass(frozen=True)
class Steps:
    """Of one order's workflows: attempts that failed, and compensations that ran."""

    failed: int = 0
    compensations: int = 0


def outcomes(session: Any, books: Books, stack: dict[str, str], placed: set[str]) -> list[Outcome]:
    """Return how each of these orders ended, the first one placed first."""
    stepfunctions = session.client("stepfunctions")
    machine = stack["StateMachineArn"].replace(":stateMachine:", ":execution:")
    orders = [order for order_id, order in books.orders.items() if order_id in placed]
    found = []
    for order in sorted(orders, key=lambda order: str(order["history"][0]["at"])):
        steps = _steps(stepfunctions, f"{machine}:{order['id']}")
        found.append(
            Outcome(
                subject=order["id"], status=order["status"], reason=order.get("reason"), seconds=_seconds(order),
                retries=steps.failed, compensations=steps.compensations,
            )
        )  # fmt: skip
    return found


def _steps(stepfunctions: Any, execution: str) -> Steps:
    pages = stepfunctions.get_paginator("get_execution_history")
    try:
        events = [each for page in pages.paginate(executionArn=execution) for each in page["events"]]
    except ClientError:  # it never began
        return Steps()
    failed = sum(each["type"].endswith(FAILURES) for each in events)
    entered = [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]
    return Steps(failed, sum(name in COMPENSATIONS for name in entered))


def _seconds(order: Item) -> float | None:
    """Return the time from the placing of an order to its first end."""
    began = datetime.fromisoformat(order["history"][0]["at"])
    end = next((moment["at"] for moment in order["history"] if moment["status"] in ENDED), None)
    return round((datetime.fromisoformat(end) - began).total_seconds(), 3) if end else None


def percentile(found: list[Outcome], share: int) -> float | None:
    """Return the seconds within which this percentage of the ended orders ended."""
    seconds = [each.seconds for each in found if each.seconds is not None]
    if len(seconds) < 2:
        return next(iter(seconds), None)
    return round(statistics.quantiles(seconds, n=100, method="inclusive")[share - 1], 1)


def by_status(found: list[Outcome]) -> dict[str, int]:
    """Count orders by status and reason."""
    return dict(sorted(Counter(f"{each.status} {each.reason or ''}".strip() for each in found).items()))


def timelines(admin: Buyer, found: list[Outcome], began: datetime) -> list[Entry]:
    """Return the arrows of the slowest orders, oldest first."""
    slowest = sorted(found, key=lambda each: each.seconds or float("inf"), reverse=True)[:SHOWN]
    entries = [
        _entry(item, each.subject, began)
        for each in slowest
        for item in admin.must("GET", f"/admin/orders/{each.subject}/timeline")["items"]
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _entry(item: dict[str, Any], order_id: str, began: datetime) -> Entry:
    details = item["details"] or {}
    if item["kind"] in ("state", "workflow"):
        workflow = WORKFLOWS[details["workflow"]]
        source, target = workflow, item["title"] if item["kind"] == "state" else workflow
    else:
        source, target = KINDS.get(item["kind"], (item["kind"], item["kind"]))
    notes = [str(details[name]) for name in ("status", "reason", "error") if details.get(name)]
    at = (datetime.fromisoformat(item["at"]) - began).total_seconds()
    text = f"{item['title']} ({', '.join(notes)})" if notes else item["title"]
    return Entry(at=round(max(0, at), 3), source=source, target=target, text=text, subject=order_id)


def verdict_records(verdicts: list[Verdict], problems: list[str]) -> list[VerdictRecord]:
    """Return the verdicts, and what a run without faults left unfinished as one more."""
    found = [VerdictRecord(invariant=v.invariant, checked=v.checked, violations=v.violations) for v in verdicts]
    unfinished = {each: "at the end of the run" for each in problems}
    text = "Every order ends and every queue is empty once the faults have stopped"
    return [*found, VerdictRecord(invariant=text, checked=1 + len(unfinished), violations=unfinished)]
