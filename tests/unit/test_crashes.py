"""Crash matrix: the saga, its recovery and the warehouse's messages die at each call that they make.

A crash comes before the call's effect, or after it with the answer lost. What comes next must bring every order to an
end in which money, stock, record and warehouse agree.
"""

from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.inventory.service import Inventory
from chalicelib.orders.model import CancellationRequested, Reason, Status
from chalicelib.orders.service import Orders
from chalicelib.payments.service import Payments
from chalicelib.shipping.model import ShipmentStatus
from chalicelib.shipping.service import Shipping
from tests.builders import a_reply, an_order
from tests.fake_inventory_store import FakeInventoryStore
from tests.unit.conftest import LIMITS, Shop

ORDER, STOCK = "ord_1", 9


class Crash(BaseException):
    """The process is gone; nothing catches this."""


class Fuse:
    """Crashes at the calls with these numbers, counted from the last crash; negative ones before their effect."""

    def __init__(self, *numbers):
        self._numbers = list(numbers)
        self.calls = 0

    def around(self, call):
        self.calls += 1
        number = self._numbers[0] if self._numbers else 0
        if self.calls == -number:
            self._blow()
        answer = call()
        if self.calls == number:
            self._blow()
        return answer

    def _blow(self):
        self._numbers.pop(0)
        self.calls = 0
        raise Crash


class Fused:
    def __init__(self, target, fuse):
        self._target, self._fuse = target, fuse

    def __getattr__(self, name):
        found = getattr(self._target, name)
        return (lambda *a, **o: self._fuse.around(lambda: found(*a, **o))) if callable(found) else found


class World(Shop):
    """A shop with one order and a warehouse that keeps the protocol; every call outwards runs through the fuse."""

    def __init__(self, fuse, wish):
        super().__init__()
        self.has(an_order(ORDER))
        self.wish, self.ledger, self.replies, self._read, self._number = wish, {}, [], 0, 0
        self.inventory_store = FakeInventoryStore(MUG_01=STOCK)
        self.orders = Orders(Fused(self.order_store, fuse), self.clock)
        self.inventory = Inventory(Fused(self.inventory_store, fuse), self.clock, timedelta(minutes=30))
        self.payments = Payments(
            Fused(self.payment_store, fuse), Fused(self.gateway, fuse), self.payments._confirmation
        )
        parts = (self.shipping._store, self.warehouse, self.saga)
        self.shipping = Shipping(*(Fused(part, fuse) for part in parts), self.clock, LIMITS)

    def exchange(self):
        """The warehouse reads its requests; its replies are processed. A reply whose handler dies comes again."""
        for request in self.warehouse.sent[self._read :]:
            self._read += 1
            self.replies += self._answers(request)
        while self.replies:
            self.cancellation.process_warehouse_reply(self.replies[0])
            self.replies.pop(0)

    def _answers(self, request):
        known, recalled = self.ledger.get(ORDER, (None, 0))
        if request.action == "recall":
            self.ledger[ORDER] = ("RETURNED" if known in ("DISPATCHED", "RETURNED") else "RECALLED", request.version)
            return [a_reply("recalled" if self.ledger[ORDER][0] == "RECALLED" else "returned")]
        if request.version <= recalled or self.wish == "silent":
            return []
        if self.wish == "refuse":
            return [a_reply("refused")]
        self.ledger[ORDER] = ("DISPATCHED", recalled)
        return [a_reply("accepted"), a_reply("dispatched")]

    def waits(self, step, *arguments):
        """Run a step that waits for a token; return the name of its error, or None."""
        self._number += 1
        token = f"token-{self._number}"
        for _ in range(3):
            step(ORDER, token, *arguments)
            self.exchange()
            for results, outcome in self.saga.results:
                if results == token:
                    return outcome if isinstance(outcome, str) else None
            self.clock.passes(minutes=2)
        raise AssertionError("the step sleeps for ever")


def saga(world):
    world.steps.reserve_inventory(ORDER)
    world.steps.authorize_payment(ORDER)
    if world.waits(world.steps.ship_order):
        return compensation(world)
    world.steps.capture_payment(ORDER)
    world.steps.complete_order(ORDER)


def compensation(world):
    world.steps.refund_payment(ORDER)
    world.steps.recall_shipment(ORDER)
    world.steps.void_payment(ORDER)
    world.steps.release_inventory(ORDER)
    world.steps.cancel_order(ORDER, "SHIPPING_FAILED")
    world.exchange()


def recovered(world):
    error = world.waits(world.recovery.resume_shipment, "FULFILMENT_FAILED")
    if error == "OrderEnded":
        return
    if error:
        return compensation(world)
    world.steps.capture_payment(ORDER)
    world.steps.complete_order(ORDER)


def cancelled(world):
    """The buyer's wish to cancel while the saga waits, and the event of it, before the saga goes on."""
    world.steps.reserve_inventory(ORDER)
    world.steps.authorize_payment(ORDER)
    world.steps.ship_order(ORDER, "token-0")
    world.orders.cancel(ORDER, Reason.CUSTOMER_REQUEST)
    world.shipping.stop(ORDER, CancellationRequested("CUSTOMER_REQUEST"))
    compensation(world)


SCENARIOS = {
    "happy": (saga, None),
    "refused": (saga, "refuse"),
    "silent": (saga, "silent"),
    "cancel": (cancelled, None),
}


def played(scenario, *crashes):
    first, wish = SCENARIOS[scenario]
    fuse = Fuse(*crashes)
    world = World(fuse, wish)
    try:
        first(world)
    except Crash:
        for _ in range(len(crashes) + 1):
            with suppress(Crash):
                recovered(world)
    with suppress(Crash):
        world.exchange()
    return world, fuse.calls


def disagreements(world):
    """What is wrong at the end, in words."""
    order, record = world.order_store.get(ORDER), world.shipping._store._target.get(ORDER)
    stock, kept = (
        world.inventory_store.counters["MUG-01"],
        sum(intent.kept for intent in world.gateway.payments_since(0)),
    )
    held = sum(intent.held for intent in world.gateway.payments_since(0))
    is_sent = world.ledger.get(ORDER, (None,))[0] == "DISPATCHED"
    is_done = order.status == Status.COMPLETED
    checks = {
        f"it is {order.status}": order.is_over,
        f"{held} is held": not held,
        f"{kept} is kept": kept == (order.total.amount if is_done else 0),
        f"the stock is {stock}": stock.reserved == 0 and stock.sold == (2 if is_done else 0),
        "items are lost": stock.is_right,
        f"the warehouse says {world.ledger}": is_sent == is_done,
        f"the record says {record}": (bool(record) and record.status == ShipmentStatus.DISPATCHED) == is_done,
    }
    return [problem for problem, is_right in checks.items() if not is_right]


def points(scenario):
    _, calls = played(scenario)
    return [sign * number for number in range(1, calls + 1) for sign in (-1, 1)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_order_ends_well_without_a_crash(shop, scenario):
    world, _ = played(scenario)
    assert disagreements(world) == []
    assert (world.order_store.get(ORDER).status == Status.COMPLETED) == (scenario == "happy")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_order_ends_well_wherever_the_saga_and_its_recovery_crash(shop, scenario):
    wrong, tried, singles = {}, 0, points(scenario)
    for first in singles:
        world, calls = played(scenario, first)
        for second in (0, *(sign * number for number in range(1, calls + 1, 3) for sign in (-1, 1))):
            if second:
                world, _ = played(scenario, first, second)
            tried += 1
            if problems := disagreements(world):
                wrong[first, second] = problems
    print(f"{scenario}: {len(singles)} crash points, {tried - len(singles)} pairs")
    assert not wrong, list(wrong.items())[:5]
    assert tried > 500
