"""The world around some orders: queues, workflows, warehouse and bank, which go on only when a test says so."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from chalicelib.dead_letters.model import NoFailedRefund
from chalicelib.dead_letters.refunds import RefundRetries
from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment.recovery import WorkflowDied
from chalicelib.fulfilment.sweeper import sweep_reservations
from chalicelib.orders.store import CheckoutRecord
from chalicelib.payments.webhooks import StripeEventRef
from chalicelib.platform.errors import Unavailable
from testbed.shop.fake_payment_provider import FIRST_PAYMENT
from tests.builders import a_line, a_reply, an_order
from tests.executions import Execution
from tests.fakes import FakeWarehouse
from tests.unit.conftest import MACHINES
from tests.unit.workflow_shop import WorkflowShop

DEFINITIONS = {"order-fulfilment": "order_fulfilment", "order-undo": "order_undo", "order-return": "order_return"}
"""By the names of state machines."""
PRICES = {"MUG-01": 1250, "TENT-01": 20000}
OPEN = (Unavailable, ConnectionError)
"""What a consumer may raise: its message is delivered again."""


class Warehouse(FakeWarehouse):
    """Both queues and the ledger of a warehouse that keeps the protocol, as infra/simulator/warehouse.py does.

    A request or reply that is handled stays in its list: queues deliver at least once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unread: list[Any] = []
        self.replies: list[tuple[str, str]] = []
        self.ledger: dict[str, str] = {}
        self.versions: dict[str, int] = {}

    def send(self, request: Any) -> None:
        super().send(request)
        self.unread.append(request)

    def has_backlog(self) -> bool:
        return bool(self.unread or self.replies)

    def handle(self, request: Any, refuses: bool = False) -> None:
        order_id, known = request.order_id, self.ledger.get(request.order_id)
        is_newer = request.version > self.versions.get(order_id, 0)
        if request.action == "recall":
            self.versions[order_id] = max(request.version, self.versions.get(order_id, 0))
            came_back = known in ("DISPATCHED", "RETURNED")
            self.ledger[order_id] = "RETURNED" if came_back else "RECALLED"
            if known == "DISPATCHED":
                self.replies.append((order_id, "already_dispatched"))
            self.replies.append((order_id, "returned" if came_back else "recalled"))
        elif known in ("DISPATCHED", "REFUSED"):
            self.replies.append((order_id, known.lower()))
        elif known is None or (known == "RECALLED" and is_newer):
            self.ledger[order_id] = "REFUSED" if refuses else "DISPATCHED"
            self.replies += [(order_id, "accepted"), (order_id, self.ledger[order_id].lower())]


class NoReport:
    def publish(self, mismatch: Any, at: datetime) -> None: ...

    def report(self, mismatches: Any, at: datetime) -> str:
        return ""


class OrderWorld(WorkflowShop):
    """`events` are those that wait for their consumers, `webhooks` those of the provider, `died` those of workflows."""

    def __init__(self) -> None:
        super().__init__(MUG_01=8, TENT_01=4)
        self.clock.now = datetime.fromtimestamp(FIRST_PAYMENT + 60, UTC)
        self.warehouse = Warehouse()
        self.join()
        self.reconciliation_report = NoReport()
        self.executions: list[Execution] = []
        self.waiting: dict[str, datetime] = {}
        self.calls: list[Any] = []
        self.events: list[Envelope] = []
        self.webhooks: list[StripeEventRef] = []
        self.died: list[WorkflowDied] = []
        self._numbers = count(1)
        self._published: dict[str, int] = {}
        self._refunds: dict[str, int] = {}
        self._started: set[tuple[str, str]] = set()

    @property
    def intents(self) -> list[Any]:
        return list(self.gateway._payments.values())

    @property
    def orders_placed(self) -> list[Any]:
        return list(self.order_store._orders.values())

    @property
    def running(self) -> list[Execution]:
        """Those whose next call is to be made; others wait for their tokens."""
        return [each for each in self.executions if each.is_running and each.token not in self.waiting]

    def places(self, units: dict[str, int], payment_method: str, is_free: bool) -> str:
        order_id = f"ord_{len(self.orders_placed) + 1}"
        lines = [a_line(sku, each, 0 if is_free else PRICES[sku]) for sku, each in units.items()]
        order = an_order(order_id, lines=lines, at=self.clock(), payment_method=payment_method)
        self.order_store.place(order, CheckoutRecord(order_id, "fingerprint", order_id, 0), self.clock())
        return order_id

    def goes_on(self) -> None:
        """What no one decides: events reach the queues, started workflows begin, answered steps go on."""
        for order in self.orders_placed:
            known = self._published.get(order.id, 0)
            events = self.order_store.events_of(order.id)[known:]
            self._published[order.id] = known + len(events)
            self.events += [Envelope.model_validate(event) for _, event in events if event["type"] in self.consumers]
        for (machine, name), given in list(self.step_functions.started.items()):
            if (machine, name) not in self._started:
                self._started.add((machine, name))
                self.executions.append(Execution(DEFINITIONS[machine], name, given, self.clock))
        for intent in self.intents:
            if len(intent.refunds) != self._refunds.get(intent.id, 0):
                self._refunds[intent.id] = len(intent.refunds)
                self.changed_at_bank(intent.id)
        results = dict(reversed(self.saga.results))
        for execution in self.executions:
            token = execution.token
            if token and token in self.waiting and (token in results or self.clock.now >= self.waiting[token]):
                del self.waiting[token]
                self._answer(execution, results.get(token, "States.Timeout"))
            self._note_end(execution)

    @property
    def consumers(self) -> dict[str, Any]:
        start = lambda event: self.fulfilment_workflow.start(event.order_id, {"order_id": event.order_id})  # noqa: E731
        return {
            "OrderPlaced": start,
            "OrderCancelRequested": self.cancellation.stop_fulfilment,
            "OrderReturnRequested": self.returns.start,
        }

    def makes_call(self, execution: Execution, answer: str = "") -> None:
        """Make the execution's next call. `answer` is the error that the workflow gets although the call ended."""
        token = execution.token
        self.calls.append(execution.call)
        if answer:
            with suppress(Exception):
                self.call(execution.call)
            execution.failed(answer)
            return
        self.advance(execution)
        if token and execution.token == token:
            self.waiting[token] = self.clock.now + timedelta(seconds=execution.call.timeout_seconds)

    def progress(self) -> bool:
        """Deliver one message or make one call, in the usual order; return False if there is none."""
        warehouse = self.warehouse
        self.goes_on()
        if warehouse.unread:
            warehouse.handle(warehouse.unread.pop(0))
            return True
        queues: list[tuple[list[Any], Any]] = [
            (warehouse.replies, lambda reply: self.replies(*reply)),
            (self.events, self.consumes),
            (self.webhooks, self.receives),
            (self.died, self.recovers),
        ]
        for queue, consume in queues:
            if queue:
                if consume(queue[0]):
                    queue.pop(0)
                return True
        if not self.running:
            return False
        self.makes_call(self.running[0])
        return True

    def repeats(self, call: Any) -> None:
        """Make a call late, or again. A compensation is left out until its order is cancelled: a recovery may have gone
        forward in the meantime, which the order does not record."""
        is_cancelled = self.orders.get(call.payload["order_id"]).status == "CANCELLED"
        if is_cancelled or call.state not in ("RefundPayment", "RecallShipment", "VoidPayment"):
            with suppress(Exception):
                self.call(call)

    def aborts(self, execution: Execution) -> None:
        execution.ends("Aborted")
        self._note_end(execution, "ABORTED")

    def consumes(self, event: Envelope) -> bool:
        return self._succeeds(lambda: self.consumers[event.type](event))

    def receives(self, webhook: StripeEventRef) -> bool:
        return self._succeeds(lambda: self.payment_updates.process_stripe_event(webhook))

    def replies(self, order_id: str, outcome: str) -> bool:
        return self._succeeds(lambda: self.cancellation.process_warehouse_reply(a_reply(outcome, order_id)))

    def recovers(self, died: WorkflowDied) -> bool:
        return self._succeeds(lambda: self.recovery.recover_dead(died))

    def sweeps(self) -> None:
        sweep_reservations(self.inventory, self.orders)
        self.recovery.sweep_workflows()

    def reconciles(self) -> list[Any]:
        found: list[Any] = []
        self._succeeds(lambda: found.extend(self.reconciliation.reconcile_payments()))
        return found

    def retries_refunds(self, order_id: str) -> None:
        with suppress(NoFailedRefund):
            RefundRetries(self.orders, self.return_workflow, self.compensation_workflow).start(order_id)

    def changed_at_bank(self, intent_id: str) -> None:
        """The provider sends an event about this payment."""
        order_id = self.gateway._payments[intent_id].order_id
        event_id = f"evt_{next(self._numbers)}"
        self.webhooks.append(StripeEventRef(event_id=event_id, payment_intent=intent_id, order_id=order_id))

    def passes(self, **span: float) -> None:
        self.clock.passes(**span)
        self.gateway.at(self.clock.now.timestamp())
        if timedelta(**span) >= timedelta(days=1):
            self.gateway.forget_keys()

    def _answer(self, execution: Execution, result: Any) -> None:
        if isinstance(result, str):
            execution.failed(result)
        else:
            execution.succeeded(result)

    def _note_end(self, execution: Execution, status: str = "") -> None:
        machine = next(name for name, file in DEFINITIONS.items() if file == execution.machine)
        if execution.is_running or self.step_functions._status.get(self._arn(machine, execution.name)) != "RUNNING":
            return
        status = status or ("FAILED" if execution.error else "SUCCEEDED")
        self.step_functions.end(
            MACHINES + machine, execution.name, status, stopDate=self.clock(), error=execution.error
        )
        if status != "SUCCEEDED":
            detail = {"stateMachineArn": MACHINES + machine, "name": execution.name, "status": status}
            self.died.append(WorkflowDied.model_validate({"detail": detail}))

    def _arn(self, machine: str, name: str) -> str:
        return f"{MACHINES}{machine}:{name}".replace(":stateMachine:", ":execution:")

    def _succeeds(self, work: Any) -> bool:
        with suppress(*OPEN):
            work()
            return True
        return False
