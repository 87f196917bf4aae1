"""Stand-ins for what lies outside a room. Those of the stores pass the
same contract tests as the real ones (see tests/contract)."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.order_updates.model import MAX_SUBSCRIPTIONS
from chalicelib.orders.model import Order, OrderChanged
from chalicelib.orders.store import EVER, INDEX_KEYS, CheckoutRecord, Span, event_key
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.dynamo import Read
from chalicelib.platform.idempotency import IdempotencyStore, Lease, LeaseLost


class FakeStore:
    """Payments or shipments by order id, changed only in the version that was read."""

    def __init__(self) -> None:
        self._items: dict[str, Any] = {}

    def get(self, order_id: str) -> Any:
        return self._items.get(order_id)

    def reading(self, order_id: str) -> Read[Any]:
        return Read("fake", [], lambda items: self.get(order_id))

    def create(self, item: Any) -> bool:
        return self._items.setdefault(item.order_id, item) is item

    def replace(self, old: Any, **changes: Any) -> Any:
        current = self._items.get(old.order_id)
        if current is None or current.version != old.version:
            return None
        self._items[old.order_id] = old.model_copy(update={**changes, "version": old.version + 1})
        return self._items[old.order_id]


class FakeOrderStore:
    """Orders and their events, changed only in the version that was read."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._events: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self._records: dict[str, CheckoutRecord] = {}

    def get(self, order_id: str) -> Order | None:
        return self._orders.get(order_id)

    def reading(self, order_id: str, parsed: Callable[[Order | None], Any]) -> Read[Any]:
        return Read("fake", [], lambda items: parsed(self.get(order_id)))

    def checkout(self, scope: str, now: datetime) -> CheckoutRecord | None:
        record = self._records.get(scope)
        return record if record and record.expires_at > now.timestamp() else None

    def place(self, order: Order, record: CheckoutRecord, now: datetime) -> bool:
        if self.checkout(record.scope, now) or order.id in self._orders:
            return False
        self._records[record.scope] = record
        self._keep(order)
        return True

    def save(self, order: Order) -> None:
        current = self._orders.get(order.id)
        if current is None or current.version != order.version - 1:
            raise OrderChanged(order.id)
        self._keep(order)

    def has_of_customer(self, customer_id: str, span: Span) -> bool:
        return bool(self.page("by-customer", customer_id, None, 1, span)[0])

    def unsettled(self) -> Iterator[Order]:
        found = [order for order in self._orders.values() if not order.is_settled]
        return iter(sorted(found, key=lambda order: order.placed_at))

    def page(
        self, index: str, value: str, cursor: str | None, size: int, span: Span = EVER
    ) -> tuple[list[Order], str | None]:
        start = int(cursor or 0)
        of_value = [order for order in self._orders.values() if getattr(order, INDEX_KEYS[index]) == value]
        found = [order for order in of_value if span.since <= order.placed_at <= span.until]
        found.sort(key=lambda order: order.placed_at, reverse=True)
        return found[start : start + size], str(start + size) if len(found) > start + size else None

    def events_of(self, order_id: str) -> list[tuple[str, dict[str, Any]]]:
        """(sort key, event) in order."""
        return self._events[order_id]

    def _keep(self, order: Order) -> None:
        self._events[order.id].append((event_key(order)["sk"], order.pending_event.model_dump()))
        self._orders[order.id] = order.model_copy(update={"pending_event": None})


class FakeIdempotencyStore(IdempotencyStore):
    """Records by key, in memory."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(None, "", clock)
        self._records: dict[str, dict[str, Any]] = {}
        self._owners = count(1)

    def acquire(self, key: str, at_most: int | None = None, fingerprint: str | None = None) -> Lease | None:
        record = self.record(key)
        is_held = record.get("leased_until", -1) >= self._now()
        is_exhausted = at_most is not None and record.get("attempts", 0) >= at_most
        is_another = record.get("fingerprint", fingerprint) != fingerprint
        if "done" in record or is_held or is_exhausted or is_another:
            return None
        lease = Lease(key, f"owner-{next(self._owners)}")
        self._records[key] = record | {
            "attempts": record.get("attempts", 0) + 1,
            "leased_until": self._now() + self._lease.total_seconds(),
            "expires_at": self._now() + self._kept.total_seconds(),
            "lease_owner": lease.owner,
            "fingerprint": fingerprint,
        }
        return lease

    def release(self, lease: Lease, has_effect: bool = True) -> None:
        if self._is_owned(lease):
            attempts = self._records[lease.key]["attempts"] - (not has_effect)
            self._records[lease.key] |= {"leased_until": 0, "attempts": attempts, "lease_owner": None}

    def mark_done(self, lease: Lease, is_skipped: bool = False, answer: str | None = None) -> None:
        if not self._is_owned(lease):
            raise LeaseLost(lease.key)
        kept = {} if answer is None else {"answer": answer}
        self._records[lease.key] |= {"done": True, "done_at": iso(self._clock()), "skipped": is_skipped} | kept

    def record(self, key: str) -> dict[str, Any]:
        record = self._records.get(key, {})
        return record if record.get("expires_at", 0) > self._now() else {}

    def _mark_exhausted(self, key: str, at_most: int) -> bool:
        record = self._records[key]
        is_exhausted = record["attempts"] >= at_most and record["leased_until"] < self._now()
        if is_exhausted:
            record |= {"done": True, "done_at": iso(self._clock())}
        return is_exhausted

    def _is_owned(self, lease: Lease) -> bool:
        record = self._records[lease.key]
        return "done" not in record and record["lease_owner"] == lease.owner


class FakeConnections:
    """Who is connected until when, and what each watches."""

    def __init__(self) -> None:
        self.expiries: dict[str, int] = {}
        self._watched: dict[str, dict[str, int]] = {}

    def open(self, connection_id: str, expires_at: int) -> None:
        self.expiries[connection_id] = expires_at
        self._watched[connection_id] = {}

    def subscribe(self, connection_id: str, order_id: str, expires_at: int) -> bool:
        watched = self._watched.get(connection_id)
        if watched is None or len({*watched, order_id}) > MAX_SUBSCRIPTIONS:
            return False
        watched[order_id] = expires_at
        return True

    def watchers(self, order_id: str, now: int) -> list[str]:
        return [connection for connection, watched in self._watched.items() if watched.get(order_id, 0) > now]

    def forget(self, connection_id: str, *orders: str) -> None:
        self._watched.pop(connection_id, None)


@dataclass
class FakeWarehouse:
    """The queue to the warehouse. It fails for as long as `broken` is set; `backlog` is what waits in either queue."""

    sent: list[Any] = field(default_factory=list)
    broken: bool = False
    backlog: int = 0

    def has_backlog(self) -> bool:
        return self.backlog > 0

    def send(self, request: Any) -> None:
        if self.broken:
            raise ConnectionError
        self.sent.append(request)

    @property
    def actions(self) -> list[str]:
        return [request.action for request in self.sent]


@dataclass
class FakeWaitingTask:
    """Results of the saga's task tokens, in order: (token, outcome)."""

    results: list[tuple[str, Any]] = field(default_factory=list)

    def succeeded(self, task_token: str, output: dict[str, Any]) -> None:
        self.results.append((task_token, output))

    def failed(self, task_token: str, error: Exception) -> None:
        self.results.append((task_token, type(error).__name__))


class FakeStepFunctions:
    """Executions as (machine, name), with what they were given. They run until they `end`.

    It fails with the code that `failing` gives.
    """

    def __init__(self) -> None:
        self.started: dict[tuple[str, str], dict[str, str]] = {}
        self.failing: str | None = None
        self.entered: dict[str, list[str]] = {}
        """The states that an execution went through, by its name."""
        self.described = 0
        """How often an execution was described."""
        self._status: dict[str, str] = {}
        self._ends: dict[str, dict[str, Any]] = {}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:
        execution = _execution(stateMachineArn, name)
        self._fail(self.failing or ("ExecutionAlreadyExists" if execution in self._status else None), "StartExecution")
        self.started[stateMachineArn.split(":")[-1], name] = json.loads(input)
        self._status[execution] = "RUNNING"

    def describe_execution(self, executionArn: str) -> dict[str, str]:
        self.described += 1
        is_known = executionArn in self._status
        self._fail(self.failing or (None if is_known else "ExecutionDoesNotExist"), "DescribeExecution")
        machine, name = executionArn.split(":")[-2:]
        found = {"status": self._status[executionArn], "input": json.dumps(self.started[machine, name])}
        return found | self._ends.get(executionArn, {})

    def get_execution_history(self, executionArn: str, **_: Any) -> dict[str, Any]:
        names = self.entered.get(executionArn.split(":")[-1], [])
        return {"events": [{"id": n, "stateEnteredEventDetails": {"name": name}} for n, name in enumerate(names, 1)]}

    def end(self, machine_arn: str, name: str, status: str = "SUCCEEDED", **facts: Any) -> None:
        """`facts` are what a description of it then says besides: `stopDate`, `error`."""
        self._status[_execution(machine_arn, name)] = status
        self._ends[_execution(machine_arn, name)] = facts

    def _fail(self, code: str | None, call: str) -> None:
        if code:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, call)


def _execution(machine_arn: str, name: str) -> str:
    *place, _, machine = machine_arn.split(":")
    return ":".join([*place, "execution", machine, name])


class FakeBus:
    """EventBridge: refuses an order's event as often as `refusals` says, and keeps the others."""

    def __init__(self, refusals: dict[str, int] | None = None) -> None:
        self.refusals = refusals or {}
        self.calls: list[list[str]] = []
        self.published: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10, "EventBridge takes ten at a time"
        orders = [json.loads(entry["Detail"])["correlation_id"] for entry in Entries]
        self.calls.append(orders)
        results = [self._taken(order, entry) for order, entry in zip(orders, Entries, strict=True)]
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    def _taken(self, order: str, entry: dict[str, Any]) -> dict[str, str]:
        if self.refusals.get(order, 0):
            self.refusals[order] -= 1
            return {"ErrorCode": "ThrottlingException"}
        self.published.append(entry)
        return {"EventId": "1"}


@dataclass
class FakeQueue:
    """SQS: the bodies of what was sent, parsed."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        self.sent.append(json.loads(MessageBody))


@dataclass
class FakeBucket:
    """S3: texts by key, without their byte order mark."""

    files: dict[str, str] = field(default_factory=dict)

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.files[Key] = Body.decode("utf-8-sig")


@dataclass
class FakeMail:
    """SES, version 2 of its API. It fails for as long as `broken` is set, with that exception."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    broken: Exception | None = None

    def send_email(self, **email: Any) -> None:
        if self.broken:
            raise self.broken
        self.sent.append(email)


class InConflict:
    """DynamoDB on a bad day: the first transactions and puts are refused because others touch the same items."""

    def __init__(self, dynamodb: Any, times: int) -> None:
        self._dynamodb = dynamodb
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> Any:
        if not self._times:
            return self._dynamodb.transact_write_items(TransactItems=TransactItems)
        self._times -= 1
        answer = {
            "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
            "CancellationReasons": [{"Code": "TransactionConflict"} for _ in TransactItems],
        }
        raise ClientError(answer, "TransactWriteItems")

    def put_item(self, **request: Any) -> Any:
        if not self._times:
            return self._dynamodb.put_item(**request)
        self._times -= 1
        raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "PutItem")


class WritesTwice:
    """DynamoDB behind a bad line: each answer of a transaction is lost, so that the transaction is sent again."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> Any:
        self._dynamodb.transact_write_items(TransactItems=TransactItems)
        return self._dynamodb.transact_write_items(TransactItems=TransactItems)


class Counted:
    """DynamoDB; `calls` holds the name of each call that was made."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._dynamodb, name)
