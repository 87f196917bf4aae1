"""Stand-ins for what lies outside a room. Those of the stores and of the payment provider pass the
same contract tests as the real ones (see tests/contract)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.payments.gateway import Intent, PaymentProviderUnavailable, UnexpectedIntentState
from chalicelib.payments.model import PaymentDeclined
from chalicelib.platform.money import Money

APPROVED = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclined"
WANTS_HOLDER = "pm_card_authenticationRequired"
ANSWER_OF_CARD = {
    APPROVED: "requires_capture",
    DECLINED: PaymentDeclined("generic_decline"),
    WANTS_HOLDER: "requires_action",
}


class FakeStore:
    """Payments or shipments by order id, changed only from the status that was read."""

    def __init__(self) -> None:
        self._items: dict[str, Any] = {}

    def get(self, order_id: str) -> Any:
        return self._items.get(order_id)

    def create(self, item: Any) -> bool:
        return self._items.setdefault(item.order_id, item) is item

    def replace(self, old: Any, new: Any) -> bool:
        current = self._items.get(old.order_id)
        if current is None or current.status != old.status:
            return False
        self._items[new.order_id] = new
        return True


class FakeGateway:
    """The provider with its memory: whatever was answered under a key, refusals too, is answered again.

    `moves` tells what really happened there, each thing once. `losing` names calls whose answer gets
    lost on the way back, once each, although the provider did as it was told.
    """

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.losing: set[str] = set()
        self._intents: dict[str, Intent] = {}
        self._amounts: dict[str, int] = {}
        self._answers: dict[str, Any] = {}

    def create(self, order_id: str, amount: Money) -> Intent:
        def act() -> Intent:
            intent = Intent(f"pi_{len(self._intents) + 1}", "requires_payment_method", 0)
            self._amounts[intent.id] = amount.amount
            return self._moved("create", intent)

        return self._once("create", order_id, act)

    def confirm(self, order_id: str, intent_id: str, payment_method: str) -> Intent:
        def act() -> Intent:
            intent = self._in_state(intent_id, "requires_payment_method", "requires_action")
            answer = ANSWER_OF_CARD.get(payment_method, PaymentDeclined("invalid_payment_method"))
            if isinstance(answer, PaymentDeclined):
                raise answer
            return self._moved("confirm", replace(intent, status=answer))

        return self._once("confirm", order_id, act)

    def capture(self, order_id: str, intent_id: str) -> Intent:
        def act() -> Intent:
            intent = self._in_state(intent_id, "requires_capture")
            taken = replace(intent, status="succeeded", amount_received=self._amounts[intent_id])
            return self._moved("capture", taken)

        return self._once("capture", order_id, act)

    def cancel(self, order_id: str, intent_id: str) -> Intent:
        def act() -> Intent:
            intent = self._in_state(intent_id, "requires_payment_method", "requires_action", "requires_capture")
            return self._moved("cancel", replace(intent, status="canceled"))

        return self._once("cancel", order_id, act)

    def refund(self, order_id: str, intent_id: str) -> None:
        self._once("refund", order_id, lambda: self._moved("refund", self._in_state(intent_id, "succeeded")))

    def retrieve(self, intent_id: str) -> Intent:
        return self._intents[intent_id]

    def _in_state(self, intent_id: str, *allowed: str) -> Intent:
        intent = self._intents[intent_id]
        if intent.status not in allowed:
            raise UnexpectedIntentState(intent.status)
        return intent

    def _moved(self, move: str, intent: Intent) -> Intent:
        self.moves.append(move)
        self._intents[intent.id] = intent
        return intent

    def _once(self, call: str, order_id: str, act: Callable[[], Intent]) -> Intent:
        key = f"{order_id}:{call}"
        if key not in self._answers:
            try:
                self._answers[key] = act()
            except (PaymentDeclined, UnexpectedIntentState) as refusal:
                self._answers[key] = refusal
        if call in self.losing:
            self.losing.remove(call)
            raise PaymentProviderUnavailable("APIConnectionError")
        if isinstance(self._answers[key], Exception):
            raise self._answers[key]
        return self._answers[key]


@dataclass
class FakeWarehouse:
    """The queue to the warehouse. It fails for as long as `broken` is set."""

    sent: list[Any] = field(default_factory=list)
    broken: bool = False

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

    def is_alive(self, task_token: str) -> None:
        self.heard.append((task_token, "alive"))

    def succeeded(self, task_token: str, output: dict[str, Any]) -> None:
        self.heard.append((task_token, output))

    def failed(self, task_token: str, error: Exception) -> None:
        self.heard.append((task_token, type(error).__name__))


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
class FakeMail:
    """SES. It fails for as long as `broken` is set."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False

    def send_email(self, **email: Any) -> None:
        if self.broken:
            raise ConnectionError
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
