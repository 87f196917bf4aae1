"""Interleavings: in every order of the calls of two use cases, no money is held, captured or refunded wrongly."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chalicelib.payments.confirmation import Confirmation
from chalicelib.payments.model import BuyerActionRequired, PaymentEnded, PaymentStatus
from chalicelib.payments.provider import PaymentDeclined, ProviderStatus, UnexpectedPaymentState
from chalicelib.payments.service import Payments
from testbed.scheduler import WatchedFake, interleavings
from testbed.shop.fake_payment_provider import APPROVED, WANTS_HOLDER, FakePaymentProvider
from tests.builders import TestClock, euros
from tests.fakes import FakeStore

ORDER, AMOUNT = "ord_1", euros(3750)


@dataclass
class Books:
    store: FakeStore = field(default_factory=FakeStore)
    provider: FakePaymentProvider = field(default_factory=FakePaymentProvider)

    @property
    def payments(self):
        return Payments(WatchedFake(self.store), WatchedFake(self.provider))

    @property
    def held(self):
        return sum(intent.held for intent in self.provider.payments_since(0))


def test_void_against_authorize_leaves_no_hold_in_any_order():
    def begin():
        books = Books()
        payments = books.payments
        return books, [lambda: payments.authorize(ORDER, AMOUNT, APPROVED), lambda: payments.void(ORDER)]

    for run in interleavings(begin):
        record = run.world.store.get(ORDER)
        assert (record.status, run.world.held) == (PaymentStatus.VOIDED, 0), run.steps
        assert 1 not in run.failures, run.steps


@dataclass
class Asked(Books):
    """The payment waits for the buyer, and the saga's step for a token; the time limit is over if `is_late`."""

    is_late: bool = False
    woken: list[str] = field(default_factory=list)

    def __post_init__(self):
        clock = TestClock()
        self.confirmation = Confirmation("https://shop.example", timedelta(minutes=15), clock)
        with suppress(BuyerActionRequired):
            Payments(self.store, self.provider, self.confirmation).authorize(ORDER, AMOUNT, WANTS_HOLDER)
        clock.passes(hours=1 if self.is_late else 0)

    @property
    def payments(self):
        return Payments(WatchedFake(self.store), WatchedFake(self.provider), self.confirmation)

    def answers(self):
        """The buyer confirms the payment at the bank, if that is still possible."""
        with suppress(UnexpectedPaymentState):
            WatchedFake(self.provider).answer("pi_1")

    def authorizes(self):
        with suppress(PaymentDeclined, PaymentEnded):
            self.payments.authorize(ORDER, AMOUNT, WANTS_HOLDER)

    def receives(self):
        """A webhook, or the buyer's return."""
        self.woken += self.payments.answered(ORDER)

    def awaits(self):
        if not self.payments.await_buyer(ORDER, "token"):
            self.woken.append("token")


@pytest.mark.parametrize("is_late", [True, False])
def test_void_against_the_buyers_answer_leaves_no_hold_in_any_order(is_late):
    def begin():
        books = Asked(is_late=is_late)
        payments = books.payments
        return books, [books.answers, lambda: payments.void(ORDER), books.authorizes]

    for run in interleavings(begin):
        record, intent = run.world.store.get(ORDER), run.world.provider.retrieve("pi_1")
        assert record.status in (PaymentStatus.VOIDED, PaymentStatus.DECLINED), run.steps
        assert (intent.status, run.world.held) == (ProviderStatus.CANCELLED, 0), run.steps
        assert 1 not in run.failures, run.steps


def test_time_limit_against_the_buyers_answer_holds_or_cancels_in_any_order():
    def begin():
        books = Asked(is_late=True)
        return books, [books.answers, books.authorizes, books.authorizes]

    seen = set()
    for run in interleavings(begin):
        record, intent = run.world.store.get(ORDER), run.world.provider.retrieve("pi_1")
        seen.add((record.status, intent.status))
        assert not run.failures, run.steps

    assert seen == {
        (PaymentStatus.AUTHORIZED, ProviderStatus.AUTHORIZED),
        (PaymentStatus.DECLINED, ProviderStatus.CANCELLED),
    }


def test_answer_against_the_wait_wakes_the_saga_in_any_order():
    """The webhook follows the buyer's answer, and may arrive before, while or after the token is stored."""

    def begin():
        books = Asked()

        def answers_and_is_received():
            books.answers()
            books.receives()

        return books, [answers_and_is_received, books.awaits]

    for run in interleavings(begin):
        assert run.world.woken, run.steps
