"""Whatever order the calls of two use cases interleave in, no money stays held, taken or given back wrongly."""

from dataclasses import dataclass, field
from math import comb

import pytest

from chalicelib.payments.model import PaymentStatus
from chalicelib.payments.service import Payments
from tests.builders import euros
from tests.fakes import APPROVED, FakeGateway, FakeStore
from tests.interleaving import Watched, interleavings

ORDER, AMOUNT = "ord_1", euros(3750)


class Calls:
    def __init__(self):
        self.made = []

    def make(self, name):
        self.made.append(name)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (1, 1), (2, 3), (4, 4)])
def test_scheduler_tries_every_order_of_the_calls_once(first, second):
    def begin():
        calls = Calls()
        watched = Watched(calls)
        actors = [
            lambda name=name, times=times: [watched.make(name) for _ in range(times)]
            for name, times in (("a", first), ("b", second))
        ]
        return calls, actors

    orders = ["".join(run.world.made) for run in interleavings(begin)]

    assert len(orders) == len(set(orders)) == comb(first + second, first)


def test_scheduler_hands_on_what_an_actor_raises():
    def begin():
        return None, [lambda: 1 / 0, lambda: None]

    [run] = interleavings(begin)

    assert {number: type(failure) for number, failure in run.failures.items()} == {0: ZeroDivisionError}


@dataclass
class Books:
    store: FakeStore = field(default_factory=FakeStore)
    provider: FakeGateway = field(default_factory=FakeGateway)

    @property
    def payments(self):
        return Payments(Watched(self.store), Watched(self.provider))

    @property
    def held(self):
        return sum(intent.amount_capturable for intent in self.provider.intents_since(0))


def test_void_against_authorize_leaves_no_hold_in_any_order():
    def begin():
        books = Books()
        payments = books.payments
        return books, [lambda: payments.authorize(ORDER, AMOUNT, APPROVED), lambda: payments.void(ORDER)]

    for run in interleavings(begin):
        record = run.world.store.get(ORDER)
        assert (record.status, run.world.held) == (PaymentStatus.VOIDED, 0), run.steps
        assert 1 not in run.failures, run.steps
