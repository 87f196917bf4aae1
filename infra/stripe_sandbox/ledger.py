"""Ledger: one SQLite file with the objects of each account, the answers by idempotency key, and pending webhooks."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.stripe_sandbox.answers import Answer, no_such

# Stripe removes idempotency keys when they are at least 24 hours old.
_KEY_LIFETIME = 24 * 60 * 60
_BUSY_TIMEOUT = 30
_NO_LIMIT = -1

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS objects (
        sequence INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        created INTEGER NOT NULL,
        payment_intent TEXT,
        charge TEXT,
        body TEXT NOT NULL,
        UNIQUE (account, id)
    );
    CREATE INDEX IF NOT EXISTS objects_of_kind ON objects (account, kind, sequence);
    CREATE INDEX IF NOT EXISTS objects_by_id ON objects (id);
    CREATE INDEX IF NOT EXISTS objects_of_intent ON objects (account, payment_intent, sequence);
    CREATE TABLE IF NOT EXISTS answers (
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        path TEXT NOT NULL,
        parameters TEXT NOT NULL,
        answered INTEGER NOT NULL,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        request_id TEXT NOT NULL,
        PRIMARY KEY (account, key)
    );
    CREATE TABLE IF NOT EXISTS deliveries (
        sequence INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        event TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        url TEXT NOT NULL,
        mode TEXT NOT NULL,
        seconds REAL NOT NULL,
        due REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        status INTEGER,
        delivered INTEGER NOT NULL DEFAULT FALSE
    );
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due, sequence) WHERE due IS NOT NULL;
    CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (account, event);
    CREATE TABLE IF NOT EXISTS delivery_modes (
        account TEXT PRIMARY KEY,
        mode TEXT NOT NULL,
        seconds REAL NOT NULL
    );
"""

_FILTERS = {
    "payment_intent": "payment_intent = ?",
    "charge": "charge = ?",
    "type": "json_extract(body, '$.type') GLOB ?",
}
_COMPARISONS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def created_conditions(created: dict[str, int]) -> list[tuple[str, int]]:
    """Return the SQL comparisons for a time range, each with the value of its placeholder."""
    return [(f"created {_COMPARISONS[comparison]} ?", moment) for comparison, moment in created.items()]


class Closed(Exception):
    """The ledger was closed; background threads stop on this error."""


class Books:
    """One account's objects and responses, inside one transaction. `changes` lists the saved objects, each before (None
    for a new one) and after."""

    def __init__(self, connection: sqlite3.Connection, account: str):
        self.connection = connection
        self.account = account
        self.changes: list[tuple[dict | None, dict]] = []
        self.deliveries_planned = 0

    def find(self, kind: str, object_id: str) -> dict | None:
        row = self.connection.execute(
            "SELECT body FROM objects WHERE account = ? AND kind = ? AND id = ?",
            (self.account, kind, object_id),
        ).fetchone()
        return row and json.loads(row["body"])

    def get(self, kind: str, object_id: str, param: str, status: int = 404) -> dict:
        found = self.find(kind, object_id)
        if found is None:
            raise no_such(kind, object_id, param, status)
        return found

    def save(self, *bodies: dict) -> None:
        for body in bodies:
            written = json.dumps(body)
            self.changes.append((self.find(body["object"], body["id"]), json.loads(written)))
            self.connection.execute(
                "INSERT INTO objects (account, kind, id, created, payment_intent, charge, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (account, id) DO UPDATE SET body = excluded.body",
                (
                    self.account,
                    body["object"],
                    body["id"],
                    body["created"],
                    body.get("payment_intent"),
                    body.get("charge"),
                    written,
                ),
            )

    def delete(self, kind: str, object_id: str) -> None:
        self.connection.execute(
            "DELETE FROM objects WHERE account = ? AND kind = ? AND id = ?", (self.account, kind, object_id)
        )

    def page(self, kind: str, parameters: dict, limit: int = _NO_LIMIT) -> list[dict]:
        """Return up to `limit` objects between the cursors that match the filters, newest first."""
        conditions = self._conditions(kind, parameters)
        backwards = "ending_before" in parameters
        rows = self.connection.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(name for name, _ in conditions)} "
            f"ORDER BY sequence {'ASC' if backwards else 'DESC'} LIMIT ?",
            (*(value for _, value in conditions), limit),
        )
        return [json.loads(row["body"]) for row in rows]

    def _conditions(self, kind: str, parameters: dict) -> list[tuple[str, object]]:
        chosen = [(condition, parameters[name]) for name, condition in _FILTERS.items() if name in parameters]
        created = created_conditions(parameters.get("created", {}))
        cursors = [
            (f"sequence {side} ?", self._sequence_of(kind, parameters[name], name))
            for name, side in (("starting_after", "<"), ("ending_before", ">"))
            if name in parameters
        ]
        return [("account = ?", self.account), ("kind = ?", kind), *chosen, *created, *cursors]

    def newest_of_order(self, order_id: str) -> dict | None:
        row = self.connection.execute(
            "SELECT body FROM objects WHERE account = ? AND kind = 'payment_intent' "
            "AND json_extract(body, '$.metadata.order_id') = ? ORDER BY sequence DESC LIMIT 1",
            (self.account, order_id),
        ).fetchone()
        return row and json.loads(row["body"])

    def _sequence_of(self, kind: str, object_id: str, param: str) -> int:
        row = self.connection.execute(
            "SELECT sequence FROM objects WHERE account = ? AND kind = ? AND id = ?",
            (self.account, kind, object_id),
        ).fetchone()
        if row is None:
            raise no_such(kind, object_id, param, status=400)
        return row["sequence"]

    def answered(self, key: str) -> sqlite3.Row | None:
        return self.connection.execute(
            "SELECT * FROM answers WHERE account = ? AND key = ?", (self.account, key)
        ).fetchone()

    def remember(self, key: str, path: str, parameters: str, answer: Answer, request_id: str) -> None:
        self.connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.account,
                key,
                path,
                parameters,
                int(time.time()),
                answer.status,
                json.dumps(answer.body),
                request_id,
            ),
        )


class Ledger:
    """The file of all accounts. One transaction runs at a time, so concurrent requests cannot decide on the same object
    at once."""

    def __init__(self, path: str):
        self._turn = threading.Lock()
        self._closed = False
        self._connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self._prune_answers()

    def _prune_answers(self) -> None:
        oldest = int(time.time()) - _KEY_LIFETIME
        self._connection.execute("DELETE FROM answers WHERE answered < ?", (oldest,))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            if self._closed:
                raise Closed
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def account_of(self, object_id: str) -> str | None:
        """Return the account that this object belongs to."""
        with self.transaction() as connection:
            row = connection.execute("SELECT account FROM objects WHERE id = ?", (object_id,)).fetchone()
        return row and row["account"]

    @contextmanager
    def books(self, account: str) -> Iterator[Books]:
        with self.transaction() as connection:
            yield Books(connection, account)

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._connection.close()
