"""Webhook queue: the deliveries in the ledger's file, with mode, number of attempts and the time of the next attempt.
A delivery without that time is finished."""

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from infra.stripe_sandbox.ledger import Books

NORMAL, DUPLICATE, REORDER, LATE = "normal", "duplicate", "reorder", "late"
WRONG_SIGNATURE, STALE, OFF = "wrong_signature", "stale", "off"
MODES = (NORMAL, DUPLICATE, REORDER, LATE, WRONG_SIGNATURE, STALE, OFF)

_COPIES = {DUPLICATE: 3, OFF: 0}
_DEFAULT_SECONDS = {REORDER: 0.5, LATE: 2.0}
_TRIED_ONCE = (WRONG_SIGNATURE, STALE)
_STALE_AGE = 60 * 60
_DELAYS = (0.5, 1, 2, 5, 15, *60 * [60])  # about an hour

_QUEUE = "SELECT * FROM deliveries WHERE due IS NOT NULL ORDER BY due, sequence LIMIT ?"
_REORDERED = """
    SELECT sequence FROM deliveries
    WHERE account = ? AND endpoint = ? AND mode = 'reorder' AND attempts = 0 AND due IS NOT NULL
    ORDER BY sequence DESC
"""
_DELIVERY = """
    SELECT deliveries.*, event.body AS event_body, endpoint.body AS endpoint_body FROM deliveries
    JOIN objects AS event ON event.account = deliveries.account AND event.id = deliveries.event
    JOIN objects AS endpoint ON endpoint.account = deliveries.account AND endpoint.id = deliveries.endpoint
    WHERE deliveries.sequence = ? AND deliveries.due IS NOT NULL
"""


@dataclass(frozen=True)
class Mode:
    """Delivery mode of an account's events; `seconds` is the delay before they are sent."""

    name: str = NORMAL
    seconds: float = 0.0


@dataclass(frozen=True)
class Delivery:
    """The delivery of one event to one endpoint, with their current bodies."""

    sequence: int
    account: str
    event_id: str
    event: str
    endpoint: dict
    mode: Mode
    attempts: int

    @property
    def signature_age(self) -> float:
        """Return the age of the signature: a late event is signed before its delay, a retry is signed again."""
        if self.mode.name == STALE:
            return _STALE_AGE
        return self.mode.seconds if self.mode.name == LATE and self.attempts == 0 else 0


def set_mode(books: Books, name: str, seconds: float | None) -> Mode:
    """Set the account's mode. OFF also cancels the pending deliveries."""
    mode = Mode(name, _DEFAULT_SECONDS.get(name, 0.0) if seconds is None else seconds)
    books.connection.execute(
        "INSERT OR REPLACE INTO delivery_modes VALUES (?, ?, ?)", (books.account, mode.name, mode.seconds)
    )
    if name == OFF:
        _cancel(books, "TRUE", ())
    return mode


def mode_of(books: Books) -> Mode:
    row = books.connection.execute(
        "SELECT mode, seconds FROM delivery_modes WHERE account = ?", (books.account,)
    ).fetchone()
    return Mode(*row) if row else Mode()


def unusual_modes(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the mode of each account that is not in normal mode."""
    return dict(connection.execute("SELECT account, mode FROM delivery_modes WHERE mode <> ?", (NORMAL,)).fetchall())


def plan(books: Books, event: dict, endpoints: Iterable[dict], mode: Mode) -> int:
    due = time.time() + mode.seconds
    rows = [
        (books.account, event["id"], endpoint["id"], endpoint["url"], mode.name, mode.seconds, due)
        for endpoint in endpoints
        for _ in range(_COPIES.get(mode.name, 1))
    ]
    books.connection.executemany(
        "INSERT INTO deliveries (account, event, endpoint, url, mode, seconds, due) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
    )
    books.deliveries_planned += len(rows)
    _count_pending(books.connection, books.account, [event["id"]])
    return len(rows)


def plan_again(books: Books, event: dict, endpoints: Iterable[dict]) -> int:
    """Plan deliveries in the account's mode, or in normal mode if that is OFF: a resend is always sent."""
    mode = mode_of(books)
    return plan(books, event, endpoints, Mode() if mode.name == OFF else mode)


def cancel_for_endpoint(books: Books, endpoint_id: str) -> None:
    _cancel(books, "endpoint = ?", (endpoint_id,))


def _cancel(books: Books, condition: str, values: tuple) -> None:
    rows = books.connection.execute(
        f"UPDATE deliveries SET due = NULL WHERE account = ? AND due IS NOT NULL AND {condition} RETURNING event",
        (books.account, *values),
    ).fetchall()
    _count_pending(books.connection, books.account, [row["event"] for row in rows])


def next_batch(connection: sqlite3.Connection, claimed: set[int]) -> tuple[list[int], float | None]:
    """Return the next deliveries that are not claimed, and their due time: one delivery, or in mode REORDER all pending
    ones of the endpoint in reverse order, due with the first of them."""
    rows = connection.execute(_QUEUE, (len(claimed) + 1,)).fetchall()
    first = next((row for row in rows if row["sequence"] not in claimed), None)
    if first is None:
        return [], None
    batch = [first["sequence"]]
    if first["mode"] == REORDER and first["attempts"] == 0:
        batch = [row["sequence"] for row in connection.execute(_REORDERED, (first["account"], first["endpoint"]))]
    return [sequence for sequence in batch if sequence not in claimed], first["due"]


def load(connection: sqlite3.Connection, sequence: int) -> Delivery | None:
    """Return the delivery, or None if it was cancelled."""
    row = connection.execute(_DELIVERY, (sequence,)).fetchone()
    return row and Delivery(
        sequence,
        row["account"],
        row["event"],
        row["event_body"],
        json.loads(row["endpoint_body"]),
        Mode(row["mode"], row["seconds"]),
        row["attempts"],
    )


def record(connection: sqlite3.Connection, delivery: Delivery, status: int | None) -> None:
    """Record an attempt with its HTTP status, or None without a response. A delivery that was cancelled while it was
    being sent stays cancelled."""
    delivered = status is not None and 200 <= status < 300
    connection.execute(
        "UPDATE deliveries SET attempts = attempts + 1, status = ?, delivered = ?, url = ?, "
        "due = CASE WHEN due IS NULL THEN NULL ELSE ? END WHERE sequence = ?",
        (status, delivered, delivery.endpoint["url"], _due_again(delivery, delivered), delivery.sequence),
    )
    _count_pending(connection, delivery.account, [delivery.event_id])


def _due_again(delivery: Delivery, delivered: bool) -> float | None:
    hopeless = delivery.mode.name in _TRIED_ONCE or delivery.attempts >= len(_DELAYS)
    return None if delivered or hopeless else time.time() + _DELAYS[delivery.attempts]


def _count_pending(connection: sqlite3.Connection, account: str, event_ids: Iterable[str]) -> None:
    """Update `pending_webhooks` of each event: the number of endpoints that it was not yet delivered to."""
    connection.executemany(
        "UPDATE objects SET body = json_set(body, '$.pending_webhooks', (SELECT COUNT(DISTINCT endpoint) "
        "FROM deliveries WHERE account = :account AND event = :event AND due IS NOT NULL)) "
        "WHERE account = :account AND id = :event",
        [{"account": account, "event": event_id} for event_id in event_ids],
    )


def listed(books: Books) -> list[dict]:
    """Return all deliveries of the account, newest first."""
    rows = books.connection.execute(
        "SELECT deliveries.*, json_extract(objects.body, '$.type') AS type FROM deliveries "
        "JOIN objects ON objects.account = deliveries.account AND objects.id = deliveries.event "
        "WHERE deliveries.account = ? ORDER BY deliveries.sequence DESC",
        (books.account,),
    )
    return [
        {
            "event": row["event"],
            "type": row["type"],
            "endpoint": row["endpoint"],
            "url": row["url"],
            "mode": row["mode"],
            "attempts": row["attempts"],
            "last_status": row["status"],
            "delivered": bool(row["delivered"]),
            "pending": row["due"] is not None,
        }
        for row in rows
    ]
