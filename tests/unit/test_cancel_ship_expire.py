"""Model checking: cancel against ship against expire, in every state that their calls can reach.

One order. Its saga runs the shipped workflow; beside it, its buyer cancels and confirms, the warehouse answers, the
reservation expires and is swept, and each message is delivered twice. `BOUND=3` raises the bound of deviations from the
usual order (see testbed/exploration.py), `BOUND=all` removes it.
"""

import logging
import os
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment.sweeper import sweep_reservations
from chalicelib.inventory.model import ReservationStatus
from chalicelib.orders.model import COMES_FROM, Reason, Status, TooLateToCancel
from chalicelib.payments.provider import UnexpectedPaymentState
from chalicelib.platform.errors import Unavailable
from testbed.exploration import Actor, Recorded, RecordedRead, Violation, explore, stand_at, wait_until
from testbed.shop.fake_payment_provider import APPROVED, WANTS_HOLDER
from tests.builders import a_reply, an_order
from tests.executions import Execution
from tests.fakes import FakeWarehouse
from tests.unit.conftest import SAGA, UNDO
from tests.unit.workflow_shop import WorkflowShop

pytestmark = pytest.mark.takes_long

ORDER, STOCK, MUG = "ord_1", 9, "MUG-01"
BOUND = os.environ.get("BOUND", "2")


def delivered(work):
    """Run the work of a message until it succeeds: a handler that fails gets the message again."""
    while True:
        with suppress(Unavailable):
            return work()


class Queues(FakeWarehouse):
    """A request waits in a queue until the warehouse's answer to it is processed."""

    def __init__(self, world):
        super().__init__()
        self._world = world

    def has_backlog(self):
        return self._world.answered < len(self.sent)


class World(WorkflowShop):
    """`wish` is what the warehouse does with a request. With `repeats`, messages are delivered twice."""

    def __init__(self, method, wish="ship", repeats=False, ticks=(40,)):
        super().__init__(MUG_01=STOCK)
        self.wish, self.repeats, self.ticks = wish, repeats, ticks
        self.warehouse = Queues(self)
        self.has(an_order(ORDER, payment_method=method))
        self.starts_saga(ORDER)
        self.execution = Execution("order_fulfilment", ORDER, {"order_id": ORDER}, self.clock)
        self.ledger, self.replies, self.recalled, self.answered = None, [], 0, 0
        while self.execution.state not in ("ShipOrder", "AwaitBuyer"):
            self.advance(self.execution)
        self.join(Recorded, RecordedRead(self.clock))

    def run(self, machine, execution):
        while execution.is_running:
            stand_at((execution.state, execution.token, *execution.edges))
            token = execution.token
            self.advance(execution)
            if token and execution.token == token:
                self.wait_for(execution, token)
        self.step_functions.end(machine, execution.name, "FAILED" if execution.error else "SUCCEEDED")

    def wait_for(self, execution, token):
        over = self.clock.now + timedelta(seconds=execution.call.timeout_seconds)
        found = lambda: [result for given, result in self.saga.results if given == token]  # noqa: E731
        wait_until(f"the answer to {execution.state}", lambda: found() or self.clock.now >= over)
        [result, *_] = found() or ["States.Timeout"]
        if isinstance(result, str):
            execution.failed(result)
        else:
            execution.succeeded(result)

    def actors(self):
        actors = {
            "saga": Actor(lambda: self.run(SAGA, self.execution)),
            "clock": Actor(self.passes),
            "sweeper": Actor(self.sweeps, must_end=False),
            "undo": Actor(self.recovers, must_end=False),
            "later": Actor(self.passes_later, must_end=False, when_idle=True),
            "buyer": Actor(self.cancel),
            "stop": Actor(self.stops, must_end=False),
        }
        for number in (1, 2):
            actors[f"warehouse {number}"] = Actor(lambda number=number: self.ships(number), must_end=False)
        if self.repeats:
            actors["stop again"] = Actor(self.stops, must_end=False)
            actors["reply again"] = Actor(self.replies_again, must_end=False)
        if self.execution.state == "AwaitBuyer":
            actors["bank"] = Actor(self.confirms)
        return actors

    def cancel(self):
        with suppress(TooLateToCancel):
            delivered(lambda: self.orders.cancel(ORDER, Reason.CUSTOMER_REQUEST))

    def passes(self):
        for minutes in self.ticks:
            wait_until(f"{minutes} minutes pass", lambda: True)
            self.clock.passes(minutes=minutes)

    def passes_later(self):
        for _ in range(6):
            wait_until("a quarter of an hour passes", lambda: True)
            self.clock.passes(minutes=15)

    def sweeps(self):
        wait_until("an expired reservation", lambda: self.inventory_store.expired(self.clock(), 1))
        sweep_reservations(self.inventory, self.orders)

    def stops(self):
        wait_until("OrderCancelRequested", lambda: self.wish_to_cancel)
        delivered(lambda: self.cancellation.stop_fulfilment(self.wish_to_cancel))

    def ships(self, number):
        """The warehouse reads one of its requests, in any order, and answers it."""
        wait_until(f"request {number}", lambda: len(self.warehouse.sent) >= number)
        request = self.warehouse.sent[number - 1]
        if request.action == "recall":
            self.recalled = max(self.recalled, request.version)
            self.ledger = "RETURNED" if self.ledger in ("DISPATCHED", "RETURNED") else "RECALLED"
            outcome = "returned" if self.ledger == "RETURNED" else "recalled"
        elif request.version <= self.recalled or self.wish == "silent":
            self.answered += 1
            return
        else:
            self.ledger = "DISPATCHED" if self.wish == "ship" else "REFUSED"
            outcome = "dispatched" if self.wish == "ship" else "refused"
        self.replies.append(outcome)
        delivered(lambda: self.cancellation.process_warehouse_reply(a_reply(outcome)))
        self.answered += 1

    def replies_again(self):
        wait_until("a reply", lambda: self.replies)
        outcome = self.replies[0]
        delivered(lambda: self.cancellation.process_warehouse_reply(a_reply(outcome)))

    def confirms(self):
        """The buyer confirms at the bank, and the webhook follows."""
        with suppress(UnexpectedPaymentState):
            Recorded(self.gateway).answer("pi_1")
        delivered(lambda: self.buyer_confirmation.wake_if_answered(ORDER))

    def recovers(self):
        wait_until("a recovery", lambda: self.compensated)
        [(name, given)] = self.compensated.items()
        self.run(UNDO, Execution("order_undo", name, given, self.clock))

    @property
    def wish_to_cancel(self):
        events = (event for _, event in self.order_store.events_of(ORDER))
        return next((Envelope.model_validate(each) for each in events if each["type"] == "OrderCancelRequested"), None)

    @property
    def order(self):
        return self.order_store.get(ORDER)

    @property
    def intents(self):
        return list(self.gateway._payments.values())

    def contents(self):
        order, store = self.order, self.inventory_store
        return [
            self.clock.now, order.status, order.version, order.cancellation, order.dispatched_at, order.history,
            self.payment_store._items, self.gateway._payments, list(self.gateway._answers),
            store.counters, store.reservations, self.shipment_store._items,
            self.warehouse.sent, self.saga.results, self.step_functions._status, self.compensated,
            self.ledger, self.replies, self.recalled, self.answered,
        ]  # fmt: skip

    def violations(self):
        order, stock = self.order, self.inventory_store.counters[MUG]
        reservation = self.inventory_store.reservations[ORDER]
        [intent] = self.intents
        path = [change.status for change in order.history]
        units = 2 if reservation.status in (ReservationStatus.HELD, ReservationStatus.COMMITTED) else 0
        rules = {
            f"{path} is no way": all(before in COMES_FROM[after] for before, after in pairwise(path)),
            "cancelled and dispatched": not (order.cancellation and order.dispatched_at),
            f"the stock is {stock}": stock.is_right and stock.reserved == units,
            f"more is refunded than captured: {intent}": 0 <= intent.refunded <= intent.captured <= intent.amount,
            "captured without a parcel": not intent.captured or order.dispatched_at,
            "dispatched from a reservation that has ended": not order.dispatched_at or reservation.status in SET_ASIDE,
            f"completed, but {intent.kept} kept": order.status != Status.COMPLETED or intent.kept == intent.amount,
            "completed, but not sold": order.status != Status.COMPLETED or reservation.status == ReservationStatus.SOLD,
            "cancelled, but money is held": order.status != Status.CANCELLED or not intent.held + intent.kept,
            "cancelled, but units are reserved": order.status != Status.CANCELLED or not units,
        }
        return (problem for problem, is_right in rules.items() if not is_right)

    def unfinished(self):
        order, is_done = self.order, self.order.status == Status.COMPLETED
        rules = {
            f"the order is still {order.status}": order.is_over,
            "money is held": not sum(intent.held for intent in self.intents),
            "units are reserved": not self.inventory_store.counters[MUG].reserved,
            f"{order.status}, but the warehouse has it {self.ledger}": (self.ledger == "DISPATCHED") == is_done,
            "the buyer can still confirm": not any(intent.awaits_buyer for intent in self.intents),
        }
        return (problem for problem, is_right in rules.items() if not is_right)


SET_ASIDE = (ReservationStatus.COMMITTED, ReservationStatus.SOLD)

SCENARIOS = {
    "ship": (lambda: World(APPROVED), 0),
    "confirm": (lambda: World(WANTS_HOLDER, ticks=(20, 20)), 0),
    "redelivery": (lambda: World(APPROVED, repeats=True), 1),
    "refuse": (lambda: World(APPROVED, wish="refuse", repeats=True), 1),
    "silent": (lambda: World(APPROVED, wish="silent", repeats=True), 1),
}
"""Each with what its bound is lower by."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_state_of_cancel_ship_and_expire_is_consistent(shop, scenario):
    begin, lower = SCENARIOS[scenario]
    explored = explore(begin, None if BOUND == "all" else int(BOUND) - lower)
    print(f"{scenario}: {explored}")
    assert explored.ends > 1


def save_in_any_version(world):
    """Cancel against ship is decided by the version check of this write."""
    world.order_store.save = world.order_store._keep


def replace_in_any_version(world):
    items = world.shipment_store._items

    def replace(old, **changes):
        items[old.order_id] = old.model_copy(update={**changes, "version": old.version + 1})
        return items[old.order_id]

    world.shipment_store.replace = replace


def commit_in_any_status(world):
    store = world.inventory_store

    def commit(order_id, now):
        store._write(store.reservations[order_id].model_copy(update={"status": ReservationStatus.COMMITTED}))
        return True

    store.commit = commit


@pytest.mark.parametrize("fault", [save_in_any_version, replace_in_any_version, commit_in_any_status])
def test_removed_condition_leads_to_a_state_that_is_wrong(shop, fault):
    def begin():
        world = World(APPROVED)
        fault(world)
        return world

    with pytest.raises(Violation) as found:
        explore(begin, 2)
    print(fault.__name__, found.value)


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
