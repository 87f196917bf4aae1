"""Idempotency store: run the work of a key once, however often the message or request that asks for it is delivered.

The first handler of a key acquires a lease on it. If it dies before it marks the key as done, the lease expires and
the redelivered message tries again. A lease has a random owner token, which is checked when the lease is released and
when the key is marked as done: a handler whose lease expired changes nothing of the next handler's. Each start is
counted before the work begins, so that an effect which cannot be recognised afterwards, such as an email, is bounded.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import is_accepted
from chalicelib.platform.errors import Unavailable

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

LEASE = timedelta(seconds=30)
"""Longer than the functions that handle messages may run. Jobs that run longer have LEASE_SECONDS of their own."""
KEPT = timedelta(days=90)
"""Longer than the event archive, so that a replay meets the record of everything that it replays."""
LASTING = 2**40
CURRENT = "(attribute_not_exists(expires_at) OR expires_at > :now)"
EXPIRED = "expires_at <= :now"
"""However late DynamoDB deletes it: an expired record is as good as none."""
FREE = "attribute_not_exists(done) AND (attribute_not_exists(leased_until) OR leased_until < :now)"
BELOW_LIMIT = "(attribute_not_exists(attempts) OR attempts < :limit)"
SAME_REQUEST = "(attribute_not_exists(fingerprint) OR fingerprint = :fingerprint)"
OWNED = "lease_owner = :owner AND attribute_not_exists(done)"
EXHAUSTED = "attribute_not_exists(done) AND leased_until < :now AND attempts >= :limit"


class AlreadyInProgress(Unavailable):
    """Another handler works on this key right now, or died while it did. A later try finds out."""


class LeaseLost(Unavailable):
    """The lease expired before its work was marked as done, and another handler acquired the key."""


class NoEffect(Exception):
    """Raised by work that certainly had no effect, so that the attempt does not count against a limit."""


@dataclass(frozen=True)
class Lease:
    """The right to work on a key until the lease expires. `owner` is random, so no two leases are equal."""

    key: str
    owner: str


class IdempotencyStore:
    """The effects table: which keys were processed, and how often their work was started."""

    def __init__(
        self, dynamodb: "DynamoDB", table: str, clock: Clock, lease: timedelta = LEASE, kept: timedelta = KEPT
    ) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock
        self._lease = lease
        self._kept = kept

    def run_once(self, key: str, work: Callable[[], bool | None], at_most: int | None = None) -> bool:
        """Run `work` unless `key` was processed already; return whether it ran. False from `work` says that it decided
        to do nothing: the key then counts as processed too, and is marked as skipped.

        Raise AlreadyInProgress, LeaseLost, or re-raise from `work` after releasing the key. With `at_most`, `work` is
        started at most that many times, not counting starts that ended in NoEffect. After the last start the key counts
        as processed: its outcome is unknown, and it is not repeated.
        """
        lease = self.acquire(key, at_most)
        if lease is None:
            return self._not_run(key, at_most)
        with self.released_on_error(lease):
            is_skipped = work() is False
        self.mark_done(lease, is_skipped)
        return not is_skipped

    def acquire(self, key: str, at_most: int | None = None, fingerprint: str | None = None) -> Lease | None:
        """Take the lease and count a start. Return None if the key is done, held, was started `at_most` times, or was
        first acquired with another fingerprint."""
        lease = Lease(key, uuid.uuid4().hex)
        conditions = [CURRENT, FREE]
        values: dict[str, Any] = {":none": 0}
        if at_most is not None:
            conditions.append(BELOW_LIMIT)
            values[":limit"] = at_most
        if fingerprint is not None:
            conditions.append(SAME_REQUEST)
        counted = "attempts = if_not_exists(attempts, :none) + :one"
        restarted = "attempts = :one REMOVE done, done_at, skipped, answer"
        is_held = self._take(lease, fingerprint, counted, " AND ".join(conditions), values) or self._take(
            lease, fingerprint, restarted, EXPIRED, {}
        )
        return lease if is_held else None

    @contextmanager
    def released_on_error(self, lease: Lease) -> Iterator[None]:
        """Release the lease if the work inside raises."""
        try:
            yield
        except Exception as error:
            self.release(lease, has_effect=not isinstance(error, NoEffect))
            raise

    def release(self, lease: Lease, has_effect: bool = True) -> None:
        """Release the key so that the next try begins at once; do nothing if the lease is no longer the owner's.

        The start stays counted unless it certainly had no effect.
        """
        self._update(
            lease.key,
            "SET leased_until = :none, attempts = attempts - :uncounted REMOVE lease_owner",
            OWNED,
            {":none": 0, ":uncounted": 0 if has_effect else 1, ":owner": lease.owner},
        )

    def mark_done(self, lease: Lease, is_skipped: bool = False, answer: str | None = None) -> None:
        """Mark the key as processed, and keep `answer` with it. Raise LeaseLost if another handler acquired it."""
        update = "SET done = :yes, done_at = :now, skipped = :skipped"
        values = {":yes": True, ":now": iso(self._clock()), ":skipped": is_skipped, ":owner": lease.owner}
        if answer is not None:
            update, values = f"{update}, answer = :answer", values | {":answer": answer}
        if not self._update(lease.key, update, OWNED, values):
            raise LeaseLost(lease.key)

    def is_done(self, key: str) -> bool:
        return "done" in self.record(key)

    def done_at(self, key: str) -> str | None:
        """Return the time in ISO 8601, or None if it is not done or was skipped."""
        record = self.record(key)
        return None if record.get("skipped") else record.get("done_at")

    def record(self, key: str) -> dict[str, Any]:
        """Return the key's record, empty if there is none or if it has expired."""
        answer = self._db.get_item(TableName=self._table, Key={"id": key}, ConsistentRead=True)
        item: dict[str, Any] = answer.get("Item", {})
        return item if int(item.get("expires_at", LASTING)) > self._now() else {}

    def _not_run(self, key: str, at_most: int | None) -> bool:
        """Return False if the key needs no further run. Raise AlreadyInProgress if it may."""
        if not self.is_done(key) and not (at_most is not None and self._mark_exhausted(key, at_most)):
            raise AlreadyInProgress(key)
        return False

    def _mark_exhausted(self, key: str, at_most: int) -> bool:
        """Mark the key as done if it has no lease and no attempt left; return whether it did."""
        values = {":yes": True, ":at": iso(self._clock()), ":now": self._now(), ":limit": at_most}
        return self._update(key, "SET done = :yes, done_at = :at", EXHAUSTED, values)

    def _take(self, lease: Lease, fingerprint: str | None, counted: str, condition: str, more: dict[str, Any]) -> bool:
        now = self._clock()
        values = more | {
            ":now": int(now.timestamp()),
            ":until": int((now + self._lease).timestamp()),
            ":expiry": int((now + self._kept).timestamp()),
            ":owner": lease.owner,
            ":one": 1,
        }
        taken = "SET leased_until = :until, expires_at = :expiry, lease_owner = :owner"
        if fingerprint is not None:
            taken, values = f"{taken}, fingerprint = :fingerprint", values | {":fingerprint": fingerprint}
        return self._update(lease.key, f"{taken}, {counted}", condition, values)

    def _now(self) -> int:
        return int(self._clock().timestamp())

    def _update(self, key: str, update: str, condition: str, values: dict[str, Any]) -> bool:
        return is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key={"id": key},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
