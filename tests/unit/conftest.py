"""A shop whose rooms are real and whose surroundings are fakes, joined as `wiring` joins the deployed one."""

import socket
import subprocess
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.fulfilment.buyer import BuyerConfirmation
from chalicelib.fulfilment.cancellation import Cancellation
from chalicelib.fulfilment.payment_updates import PaymentUpdates
from chalicelib.fulfilment.reconciliation import Reconciliation
from chalicelib.fulfilment.recovery import Recovery
from chalicelib.fulfilment.returns import Returns
from chalicelib.fulfilment.steps import SagaSteps
from chalicelib.orders.model import Order, Status
from chalicelib.orders.service import Orders
from chalicelib.orders.store import CheckoutRecord
from chalicelib.payments.confirmation import Confirmation
from chalicelib.payments.service import Payments
from chalicelib.platform import metrics, retries
from chalicelib.platform.workflows import Workflow
from chalicelib.shipping.service import Limits, Shipping
from testbed.shop.fake_payment_provider import APPROVED, FakePaymentProvider
from tests.builders import HAPPY_PATH, TO_THE_BUYER, TestClock, a_parcel, an_order, an_order_in
from tests.fakes import (
    FakeIdempotencyStore,
    FakeOrderStore,
    FakeStepFunctions,
    FakeStore,
    FakeWaitingTask,
    FakeWarehouse,
)

MACHINES = "arn:aws:states:eu-central-1:000000000000:stateMachine:"
SAGA, UNDO, RETURN = f"{MACHINES}order-fulfilment", f"{MACHINES}order-undo", f"{MACHINES}order-return"

LIMITS = Limits(silence=timedelta(minutes=1), dispatch=timedelta(hours=1))


class Shop:
    """`inventory` and `reconciliation_report` are what a test puts there."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.order_store = FakeOrderStore()
        self.payment_store = FakeStore()
        self.gateway = FakePaymentProvider()
        self.warehouse = FakeWarehouse()
        self.saga = FakeWaitingTask()
        self.orders = Orders(self.order_store, self.clock)
        limit = timedelta(minutes=15)
        confirmation = Confirmation("https://shop.example", limit, self.clock)
        self.payments = Payments(self.payment_store, self.gateway, confirmation)
        self.shipping = Shipping(FakeStore(), self.warehouse, self.saga, self.clock, LIMITS)
        self.step_functions = FakeStepFunctions()
        self.fulfilment_workflow = Workflow(self.step_functions, SAGA)
        self.compensation_workflow = Workflow(self.step_functions, UNDO)
        self.return_workflow = Workflow(self.step_functions, RETURN)
        self.waiting_task = self.saga
        self.idempotency = FakeIdempotencyStore(self.clock)
        self.metrics: Counter[str] = Counter()
        self.inventory: Any = None
        self.reconciliation_report: Any = None
        self.may_repair = False

    @property
    def steps(self) -> SagaSteps:
        return SagaSteps(self.orders, self.inventory, self.payments, self.shipping)

    @property
    def buyer_confirmation(self) -> BuyerConfirmation:
        return BuyerConfirmation(self.orders, self.payments, self.waiting_task)

    @property
    def payment_updates(self) -> PaymentUpdates:
        return PaymentUpdates(self.orders, self.payments, self.idempotency, self.buyer_confirmation, self.returns)

    @property
    def returns(self) -> Returns:
        return Returns(self.orders, self.inventory, self.payments, self.return_workflow, self.idempotency)

    @property
    def recovery(self) -> Recovery:
        workflows = self.fulfilment_workflow, self.compensation_workflow, self.return_workflow
        return Recovery(self.orders, self.payments, self.shipping, *workflows, self.clock)

    @property
    def cancellation(self) -> Cancellation:
        return Cancellation(self.orders, self.shipping, self.buyer_confirmation, self.recovery)

    @property
    def reconciliation(self) -> Reconciliation:
        return Reconciliation(
            self.orders,
            self.payments,
            self.payment_updates,
            self.reconciliation_report,
            self.idempotency,
            self.clock,
            order_deadline=timedelta(hours=1),
            may_repair=self.may_repair,
        )

    def has(self, order: Order) -> Order:
        """Places this order and brings it as far as it has come."""
        first = an_order(
            order.id,
            lines=list(order.lines),
            adjustments=order.adjustments,
            at=self.clock(),
            payment_method=order.payment_method,
        )
        self.order_store.place(first, CheckoutRecord(order.id, "fingerprint", order.id, 0), self.clock())
        for status in (*TO_THE_BUYER[1:], *HAPPY_PATH[2:]):
            if status in [moment.status for moment in order.history]:
                self.orders.advance(order.id, status)
        if order.status == Status.CANCELLED:
            self.orders.advance(order.id, Status.CANCELLED, order.reason)
        return self.orders.get(order.id)

    def ships(self, order_id: str = "ord_1") -> None:
        """An order whose saga waits for the warehouse, with the token `token-1`."""
        self.has(an_order_in(Status.SHIPPING, order_id))
        self.starts_saga(order_id)
        self.shipping.request(a_parcel(order_id), "token-1")

    def starts_saga(self, order_id: str = "ord_1") -> None:
        self.fulfilment_workflow.start(order_id, {"order_id": order_id})

    def ends_saga(self, status: str, order_id: str = "ord_1") -> None:
        self.step_functions.end(SAGA, order_id, status)

    @property
    def compensated(self) -> dict[str, dict[str, str]]:
        """The input of each undo workflow, by its name."""
        started = self.step_functions.started
        return {name: given for (machine, name), given in started.items() if machine == "order-undo"}

    def sold(self, order_id: str = "ord_1", until: Status = Status.COMPLETED, captured: bool = True) -> str:
        """A paid order; returns the id of its payment."""
        order = self.has(an_order_in(until, order_id))
        self.payments.authorize(order_id, order.total, APPROVED)
        if captured:
            self.payments.capture(order_id)
        return self.payments.of(order_id).intent_id

    def events(self, order_id: str = "ord_1") -> list[str]:
        return [event["type"] for _, event in self.order_store.events_of(order_id)]


@pytest.fixture(autouse=True)
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test starts no process, opens no connection, and does not wait; others stand in `tests/tooling`."""
    monkeypatch.setattr(subprocess, "Popen", _refused)
    monkeypatch.setattr(socket.socket, "connect", _refused)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def _refused(*arguments: object, **options: object) -> None:
    raise AssertionError("a unit test stays in its process")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Routes take their rooms from `wiring`; everything else is given them."""
    opened = Shop()
    for room in ("orders", "payments", "shipping"):
        monkeypatch.setattr(wiring, room, lambda room=room: getattr(opened, room))
    monkeypatch.setattr(wiring, "read_together", lambda *reads: tuple(read.parsed([]) for read in reads))
    monkeypatch.setattr(metrics, "count", lambda name, value=1: opened.metrics.update({name: value}))
    return opened


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
