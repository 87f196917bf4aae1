"""Stand-ins for what lies outside a room. Those of the stores and of the payment provider pass the
same contract tests as the real ones (see tests/contract)."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import stripe
from botocore.exceptions import ClientError

from chalicelib.order_updates.model import MAX_SUBSCRIPTIONS
from chalicelib.orders.model import Order, OrderChanged
from chalicelib.orders.store import INDEX_KEYS, CheckoutRecord, event_key
from chalicelib.payments.gateway import PaymentProviderFailed, PaymentProviderUnavailable, UnexpectedIntentState
from chalicelib.payments.model import (
    OUR_CANCELLATION,
    Dispute,
    Intent,
    PaymentDeclined,
    PaymentDisputed,
    PaymentUnknown,
    Refund,
)
from chalicelib.platform.idempotency import LEASE
from chalicelib.platform.money import Money

APPROVED = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclined"
WANTS_HOLDER = "pm_card_authenticationRequired"
STATUS_AFTER = {APPROVED: "requires_capture", WANTS_HOLDER: "requires_action"}

FAILED_AUTHENTICATION = "payment_intent_authentication_failure"

FIRST_INTENT = 1_900_000_000
"""About when the fake provider's first payment was begun, in Unix seconds."""


class FakeStore:
    """Payments or shipments by order id, changed only in the version that was read."""

    def __init__(self) -> None:
        self._items: dict[str, Any] = {}

    def get(self, order_id: str) -> Any:
        return self._items.get(order_id)

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

    def unsettled(self) -> Iterator[Order]:
        found = [order for order in self._orders.values() if not order.is_settled]
        return iter(sorted(found, key=lambda order: order.placed_at))

    def page(self, index: str, value: str, cursor: str | None, size: int) -> tuple[list[Order], str | None]:
        start = int(cursor or 0)
        found = [order for order in self._orders.values() if getattr(order, INDEX_KEYS[index]) == value]
        found.sort(key=lambda order: order.placed_at, reverse=True)
        return found[start : start + size], str(start + size) if len(found) > start + size else None

    def events_of(self, order_id: str) -> list[tuple[str, dict[str, Any]]]:
        """(sort key, event) in order."""
        return self._events[order_id]

    def _keep(self, order: Order) -> None:
        self._events[order.id].append((event_key(order)["sk"], order.pending_event.model_dump()))
        self._orders[order.id] = order.model_copy(update={"pending_event": None})


class FakeIdempotencyStore:
    """What was done already, and what is leased until when, by key."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._leased: dict[str, datetime] = {}

    def acquire(self, key: str, now: datetime) -> bool:
        if key in self._done or self._leased.get(key, now) > now:
            return False
        self._leased[key] = now + LEASE
        return True

    def run_once(self, key: str, work: Callable[[], bool | None], at_most: int | None = None) -> bool:
        if key in self._done:
            return False
        is_skipped = work() is False
        self._done.add(key)
        return not is_skipped


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


class FakeGateway:
    """The provider with its memory: whatever was answered under a key, refusals and failures too, is
    answered again.

    `moves` tells what really happened there, each thing once, and `asked` under which keys it was asked
    for, replays left out. `losing` names calls whose answer gets lost on the way back, once each, although
    the provider did as it was told. `failing` names calls that it answers with a failure of its own, once
    each; the value says whether it did as it was told all the same.

    `answer`, `expire`, `capture_by_hand`, `refund_by_hand`, `fail_refund`, `dispute` and `close_dispute` are the hands
    of others than the shop. `deployment` marks what is begun here; `strangers` is a gateway of another shop on the
    same account.
    """

    def __init__(self, deployment: str = "") -> None:
        self._deployment: str | None = deployment
        self.moves: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.losing: set[str] = set()
        self.failing: dict[str, bool] = {}
        self._intents: dict[str, Intent] = {}
        self._created: dict[str, int] = {}
        self._clock = FIRST_INTENT
        self._answers: dict[str, tuple[tuple, Any]] = {}

    def create(self, order_id: str | None, amount: Money, key: str) -> Intent:
        def act() -> Intent:
            number = len(self._intents) + 1
            status, created = "requires_payment_method", FIRST_INTENT + number
            about = {"created": created, "client_secret": f"pi_{number}_secret", "deployment": self._deployment}
            return self._moved("create", Intent(f"pi_{number}", status, order_id, amount=amount.amount, **about))

        return self._once(key, act, "create", order_id, amount)

    def confirm(self, intent_id: str, payment_method: str, key: str, return_url: str = "") -> Intent:
        def act() -> Intent:
            intent = self._in_state(intent_id, "requires_payment_method", "requires_action")
            if payment_method == DECLINED:
                self._intents[intent_id] = replace(intent, decline_code="generic_decline")
                raise PaymentDeclined("generic_decline")
            if payment_method not in STATUS_AFTER:
                raise PaymentDeclined("invalid_payment_method")
            status = STATUS_AFTER[payment_method]
            held = intent.amount if status == "requires_capture" else 0
            url = f"https://bank.example/{intent_id}" if status == "requires_action" else None
            confirmed = replace(intent, status=status, amount_capturable=held, decline_code=None, redirect_url=url)
            return self._moved("confirm", confirmed)

        return self._once(key, act, "confirm", intent_id, payment_method, return_url)

    def capture(self, intent_id: str, key: str) -> Intent:
        def act() -> Intent:
            intent = self._in_state(intent_id, "requires_capture")
            taken = replace(intent, status="succeeded", amount_capturable=0, amount_received=intent.amount)
            return self._moved("capture", taken)

        return self._once(key, act, "capture", intent_id)

    def cancel(self, intent_id: str, key: str) -> Intent:
        return self._once(key, lambda: self._canceled(intent_id, OUR_CANCELLATION), "cancel", intent_id)

    def refund(self, intent_id: str, amount: int, reference: str, key: str) -> None:
        self._once(key, lambda: self._gave_back(intent_id, amount, reference), "refund", intent_id, amount, reference)

    def retrieve(self, intent_id: str) -> Intent:
        if intent_id not in self._intents:
            raise PaymentUnknown
        return self._intents[intent_id]

    def intents_since(self, created: int) -> Iterator[Intent]:
        found = [intent for intent in reversed(list(self._intents.values())) if intent.created >= created]
        return (replace(intent, refunds=(), disputes=()) for intent in found)

    def refunds_since(self, created: int) -> Iterator[tuple[Intent, Refund]]:
        return self._moved_since("refunds", created)

    def disputes_since(self, created: int) -> Iterator[tuple[Intent, Dispute]]:
        return self._moved_since("disputes", created)

    def strangers(self, deployment: str | None) -> "FakeGateway":
        """Of another deployment on the same account; with None, of somebody who marks nothing."""
        theirs = copy(self)
        theirs._deployment = deployment
        return theirs

    def at(self, moment: float) -> None:
        """What moves from now on moves at this moment, in Unix seconds."""
        self._clock = int(moment)

    def answer(self, intent_id: str, confirms: bool = True) -> None:
        """The buyer confirms the payment at the bank, or fails to. Raises UnexpectedIntentState."""
        intent = self._in_state(intent_id, "requires_action")
        if confirms:
            answered = replace(intent, status="requires_capture", amount_capturable=intent.amount, redirect_url=None)
        else:
            refused = {"status": "requires_payment_method", "decline_code": FAILED_AUTHENTICATION}
            answered = replace(intent, redirect_url=None, **refused)
        self._moved("answer", answered)

    def expire(self, intent_id: str) -> None:
        self._canceled(intent_id, "automatic")

    def capture_by_hand(self, intent_id: str, amount: int) -> None:
        intent = self._in_state(intent_id, "requires_capture")
        self._moved("capture", replace(intent, status="succeeded", amount_capturable=0, amount_received=amount))

    def refund_by_hand(self, intent_id: str, amount: int) -> None:
        self._gave_back(intent_id, amount, None)

    def fail_refund(self, refund_id: str, status: str = "failed") -> None:
        """The money comes back to the shop, days after it had left."""
        intent = next(each for each in self._intents.values() if refund_id in {r.id for r in each.refunds})
        refunds = tuple(replace(r, status=status) if r.id == refund_id else r for r in intent.refunds)
        self._intents[intent.id] = replace(intent, refunds=refunds)

    def dispute(self, intent_id: str, amount: int | None = None, status: str = "needs_response") -> str:
        """Returns its id; without an amount, all that is kept is disputed."""
        intent = self._intents[intent_id]
        new = Dispute(self._number("dp"), intent.kept if amount is None else amount, status)
        self._intents[intent_id] = replace(intent, disputes=(new, *intent.disputes))
        return new.id

    def close_dispute(self, intent_id: str, status: str) -> None:
        """The newest of this payment."""
        intent = self._intents[intent_id]
        newest, *others = intent.disputes
        self._intents[intent_id] = replace(intent, disputes=(replace(newest, status=status), *others))

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._answers.clear()

    def _canceled(self, intent_id: str, why: str) -> Intent:
        intent = self._in_state(intent_id, "requires_payment_method", "requires_action", "requires_capture")
        canceled = replace(intent, status="canceled", amount_capturable=0, cancellation_reason=why)
        return self._moved("cancel", canceled)

    def _gave_back(self, intent_id: str, amount: int, reference: str | None) -> None:
        intent = self._intents[intent_id]
        if any(dispute.withdraws for dispute in intent.disputes) or (intent.lost and amount > intent.kept):
            raise PaymentDisputed
        if amount > intent.kept:
            raise stripe.InvalidRequestError("more than is left", "amount")
        new = Refund(self._number("re"), amount, reference)
        self._moved("refund", replace(intent, refunds=(new, *intent.refunds)))

    def _number(self, kind: str) -> str:
        new = f"{kind}_{len(self._created) + 1}"
        self._created[new] = self._clock
        return new

    def _moved_since(self, what: str, created: int) -> Iterator[tuple[Intent, Any]]:
        for intent in reversed(list(self._intents.values())):
            for moved in getattr(intent, what):
                if self._created[moved.id] >= created:
                    yield replace(intent, refunds=(), disputes=()), moved

    def _in_state(self, intent_id: str, *allowed: str) -> Intent:
        intent = self._intents[intent_id]
        if intent.status not in allowed:
            raise UnexpectedIntentState(intent.status)
        return intent

    def _moved(self, move: str, intent: Intent) -> Intent:
        self.moves.append(move)
        self._intents[intent.id] = intent
        return intent

    def _once(self, key: str, act: Callable[[], Any], call: str, *meaning: Any) -> Any:
        if key not in self._answers:
            self.asked.append((call, key))
            self._answers[key] = ((call, *meaning), self._answer(call, act))
        meant, answer = self._answers[key]
        if meant != (call, *meaning):
            raise PaymentProviderFailed("this key has another meaning")
        if call in self.losing:
            self.losing.remove(call)
            raise PaymentProviderUnavailable("APIConnectionError")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, call: str, act: Callable[[], Any]) -> Any:
        has_effect = self.failing.pop(call, None)
        if has_effect is False:
            return PaymentProviderFailed("APIError")
        try:
            answer = act()
        except Exception as refusal:
            answer = refusal
        return PaymentProviderFailed("APIError") if has_effect else answer


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
    """What the waiting saga heard, in order: (token, outcome)."""

    heard: list[tuple[str, Any]] = field(default_factory=list)

    def succeeded(self, task_token: str, output: dict[str, Any]) -> None:
        self.heard.append((task_token, output))

    def failed(self, task_token: str, error: Exception) -> None:
        self.heard.append((task_token, type(error).__name__))


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
        told = {"status": self._status[executionArn], "input": json.dumps(self.started[machine, name])}
        return told | self._ends.get(executionArn, {})

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
    """DynamoDB on a bad day: the first transactions are cancelled because others touch the same items."""

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
