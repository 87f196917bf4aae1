"""Interleavings: in every order of the calls of two shipping handlers, no dispatch is missed and no step hangs."""

from contextlib import suppress
from itertools import combinations, permutations

import pytest

from chalicelib.fulfilment.steps import parcel_of
from chalicelib.orders.model import CancellationRequested, Reason, Status, TooLateToCancel
from chalicelib.orders.service import Orders
from chalicelib.shipping.model import ShipmentEnded, ShipmentRefused, ShipmentStatus, WarehouseRequest
from chalicelib.shipping.service import Shipping
from testbed.scheduler import WatchedFake, interleavings
from tests.builders import a_reply, an_order_in
from tests.unit.conftest import LIMITS, Shop

ORDER = "ord_1"


class World(Shop):
    """An order in shipping; every call to a store or a queue is a switch point."""

    def __init__(self, requested):
        super().__init__()
        self.has(an_order_in(Status.SHIPPING))
        self.tokens = []
        if requested:
            self.request("token-1")
        watched = (WatchedFake(self.shipping._store), WatchedFake(self.warehouse), WatchedFake(self.saga))
        self.shipping = Shipping(*watched, self.clock, LIMITS)
        self.orders = Orders(WatchedFake(self.order_store), self.clock)

    def request(self, token):
        self.tokens.append(token)
        try:
            self.shipping.request(parcel_of(self.order_store.get(ORDER)), token)
        except (ShipmentEnded, ShipmentRefused) as refusal:
            self.shipping.fail(token, refusal)

    def cancel(self):
        with suppress(TooLateToCancel):
            self.orders.cancel(ORDER, Reason.CUSTOMER_REQUEST)
            self.shipping.stop(ORDER, CancellationRequested("CUSTOMER_REQUEST"))

    def redrive(self):
        if self.shipping.is_requested(ORDER):
            self.warehouse.send(WarehouseRequest(action="ship", order_id=ORDER, version=1))

    def recover(self):
        self.tokens.append("token-r")
        self.recovery.resume_shipment(ORDER, "token-r", "FULFILMENT_FAILED")

    def record(self):
        return self.shipping._store._target.get(ORDER)

    def will_ship(self, requests):
        """Whether a warehouse that keeps the protocol sends the parcel, if it reads the requests in this order."""
        recalled, ships = 0, False
        for request in requests:
            if request.action == "recall":
                recalled, ships = max(recalled, request.version), False
            else:
                ships = ships or request.version > recalled
        return ships


ACTORS = {
    "request": lambda world: world.request("token-2"),
    "dispatched": lambda world: world.cancellation.process_warehouse_reply(a_reply("dispatched")),
    "refused": lambda world: world.cancellation.process_warehouse_reply(a_reply("refused")),
    "accepted": lambda world: world.cancellation.process_warehouse_reply(a_reply("accepted")),
    "recall": lambda world: world.shipping.recall(ORDER),
    "cancel": lambda world: world.cancel(),
    "redrive": lambda world: world.redrive(),
    "recovery": lambda world: world.recover(),
}
PAIRS = list(combinations(ACTORS, 2))


def played(requested, first, second):
    def begin():
        world = World(requested)
        return world, [lambda name=name: ACTORS[name](world) for name in (first, second)]

    return interleavings(begin)


@pytest.mark.parametrize("requested", [True, False], ids=["requested", "fresh"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_concurrent_handlers_break_no_invariant(shop, requested, first, second):
    for run in played(requested, first, second):
        world, order = run.world, run.world.order_store.get(ORDER)
        if order.cancellation:
            # The event of the wish to cancel arrives in the end.
            world.shipping.stop(ORDER, CancellationRequested(order.cancellation))
        record = world.record()
        answered = {token for token, _ in world.saga.results}
        assert not run.failures, (run.steps, run.failures)
        assert not (order.cancellation and order.dispatched_at), run.steps
        if record is None:
            continue
        if record.status == ShipmentStatus.RECALLED:
            assert not any(map(world.will_ship, permutations(world.warehouse.sent))), run.steps
        if record.status in (ShipmentStatus.DISPATCHED, ShipmentStatus.REFUSED):
            assert not world.tokens or record.task_token in answered, run.steps
        if order.cancellation and record.task_token:
            assert record.task_token in answered, run.steps


def test_schedules_of_two_handlers_pass_many_switch_points(shop):
    """A switch point that is lost does not go unnoticed: a changed number needs a reason."""
    first_runs = [next(played(False, *pair)) for pair in PAIRS]
    assert sum(len(run.steps) for run in first_runs) == 151
