"""Schedules: each pair of actions on one payment, in every order of their calls, leaves the records consistent."""

from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import pytest

from chalicelib.payments.model import OUTCOMES, PaymentEnded
from chalicelib.payments.provider import (
    DisputeStatus,
    PaymentDisputed,
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    RefundTooLarge,
    UnexpectedPaymentState,
)
from chalicelib.payments.service import PaymentBusy, Payments
from testbed.scheduler import WatchedFake, interleavings
from testbed.shop.fake_payment_provider import APPROVED, FakePaymentProvider
from tests.builders import euros
from tests.fakes import FakeStore

ORDER, AMOUNT = "ord_1", euros(3750)
RET_1, RET_2, OUTSIDE, SURPLUS = 1000, 2000, 700, 600
RETRIED = 4
RETURNS = {"return 1", "return 2"}


@dataclass
class Books:
    """One order's payment at the provider, the shop's record of it and its events."""

    store: FakeStore = field(default_factory=FakeStore)
    provider: FakePaymentProvider = field(default_factory=FakePaymentProvider)
    published: list[tuple[str, str | None]] = field(default_factory=list)
    given: dict[str, int] = field(default_factory=dict)
    hour: int = 0

    @property
    def payments(self):
        return Payments(WatchedFake(self.store), WatchedFake(self.provider))

    @property
    def record(self):
        return self.store.get(ORDER)

    @property
    def held(self):
        return sum(intent.held for intent in self.provider.payments_since(0))

    @property
    def intent(self):
        return self.provider.retrieve(self.record.intent_id)

    def learn(self):
        if self.record and self.record.intent_id:
            publish = lambda _, update: self.published.append((update.kind, update.reference))  # noqa: E731
            self.payments.learn(self.record.intent_id, publish)

    def give_back(self, return_id, amount):
        self.given[return_id] = self.payments.refund_part(ORDER, euros(amount), return_id).amount

    def repair(self):
        """As reconciliation does: a look, and what is too much goes back. The run is repeated an hour later."""
        intent = self.payments.retrieve("pi_1")
        surplus = SURPLUS - sum(each.amount for each in intent.refunds if each.reference)
        if surplus > 0 and intent.kept >= surplus:
            self.payments.repair(intent, surplus, run=str(self.hour))


def nothing():
    return Books()


def authorized():
    books = Books()
    books.payments.authorize(ORDER, AMOUNT, APPROVED)
    return books


def captured():
    books = authorized()
    books.payments.capture(ORDER)
    return books


SHOP = {
    "authorize": lambda books: books.payments.authorize(ORDER, AMOUNT, APPROVED),
    "capture": lambda books: books.payments.capture(ORDER),
    "void": lambda books: books.payments.void(ORDER),
    "refund": lambda books: books.payments.refund(ORDER),
    "learn": lambda books: books.learn(),
    "return 1": lambda books: books.give_back("ret_1", RET_1),
    "return 2": lambda books: books.give_back("ret_2", RET_2),
    "repair": lambda books: books.repair(),
}
"""What the shop does, and repeats if it fails."""

OTHERS = {
    "expires": lambda books: WatchedFake(books.provider).expire("pi_1"),
    "is captured in part": lambda books: WatchedFake(books.provider).capture_by_hand("pi_1", RET_1),
    "is refunded outside": lambda books: WatchedFake(books.provider).refund_by_hand("pi_1", OUTSIDE),
    "is disputed": lambda books: WatchedFake(books.provider).dispute("pi_1"),
    "dispute is lost": lambda books: [
        WatchedFake(books.provider).dispute("pi_1"),
        WatchedFake(books.provider).close_dispute("pi_1", DisputeStatus.LOST),
    ],
    "refund fails": lambda books: WatchedFake(books.provider).fail_refund(books.intent.refunds[0].id),
}
"""What happens at the provider without the shop; it is refused where it cannot happen."""

DO = SHOP | OTHERS
SAGA = ["authorize", "capture", "void", "refund", "learn", "expires", "is captured in part"]
AFTERWARDS = [
    "refund", "void", "learn", "return 1", "return 2", "repair", "is refunded outside", "refund fails", "is disputed",
    "dispute is lost",
]  # fmt: skip
DISPUTES = {"is disputed", "dispute is lost"}
"""A payment is disputed once."""
PAIRS = [
    *((nothing, pair) for pair in combinations_with_replacement(["authorize", "void", "refund", "learn"], 2)),
    *((authorized, pair) for pair in combinations_with_replacement(SAGA, 2)),
    *((captured, pair) for pair in combinations_with_replacement(AFTERWARDS, 2) if not set(pair) <= DISPUTES),
]


def settle(books, pair, failures):
    """What is repeated in production is repeated: steps, undo, messages, and what waits for a bank's decision."""
    is_undone = bool({"void", "refund"} & set(pair)) or any(isinstance(each, PaymentEnded) for each in failures)
    for dispute in books.intent.disputes if books.record and books.record.intent_id else ():
        if not dispute.is_decided:
            books.provider.close_dispute("pi_1", DisputeStatus.WON)
    books.hour += 1
    again = {name for name in pair if name in SHOP and (name in RETURNS or not is_undone)}
    again |= {"refund", "void"} if is_undone else set()
    # An operator makes the refund again.
    again |= {"return 1"} if "refund fails" in pair else set()
    steps = [SHOP["learn"], *(SHOP[name] for name in SHOP if name in again), SHOP["learn"], SHOP["learn"]]
    for step in steps:
        for _ in range(RETRIED):
            try:
                step(books)
                break
            except (PaymentProviderUnavailable, PaymentBusy, RefundTooLarge):
                continue
            except PaymentEnded:
                break
    return is_undone


def check(books, pair, is_undone):
    if books.record is None or books.record.intent_id is None:
        assert books.held == 0
        return
    intent, record = books.intent, books.record
    is_over = is_undone or intent.captured
    assert not is_over or books.held == 0
    assert (record.captured - record.refunded - record.lost) == intent.kept >= 0
    assert record.as_at(intent) == record
    assert not is_undone or intent.kept == 0
    for return_id, amount in books.given.items():
        back = [
            each.amount for each in intent.refunds if each.is_effective and each.reference == f"{ORDER}:{return_id}"
        ]
        assert sum(back) == amount <= {"ret_1": RET_1, "ret_2": RET_2}[return_id] and len(back) <= 1
    surplus = [
        each.amount for each in intent.refunds if each.is_effective and (each.reference or "").endswith("surplus")
    ]
    assert sum(surplus) <= SURPLUS
    for each in intent.refunds:
        assert each.reference or ("REFUNDED_OUTSIDE", each.id) in books.published or not each.is_effective
        assert each.is_effective or not each.reference or ("REFUND_FAILED", each.id) in books.published
    for dispute in intent.disputes:
        assert {("DISPUTED", dispute.id), (OUTCOMES[dispute.status], dispute.id)} <= set(books.published)
    assert len(set(books.published)) == len(books.published) or pair.count("learn")


@pytest.mark.parametrize(
    ("begin", "pair"), PAIRS, ids=[f"{begin.__name__}: {' | '.join(pair)}" for begin, pair in PAIRS]
)
def test_concurrent_use_cases_agree_with_the_provider(begin, pair, record_property):
    def start():
        books = begin()
        if "refund fails" in pair:
            books.give_back("ret_1", RET_1)
        return books, [lambda name=name: DO[name](books) for name in pair]

    schedules = 0
    for run in interleavings(start):
        schedules += 1
        failures = list(run.failures.values())
        assert all(isinstance(each, EXPECTED) for each in failures), (run.steps, failures)
        is_undone = settle(run.world, pair, failures)
        try:
            check(run.world, pair, is_undone)
        except AssertionError as wrong:
            raise AssertionError(f"{run.steps} {failures}") from wrong
    record_property("schedules", schedules)


EXPECTED = (
    PaymentEnded,
    PaymentDisputed,
    UnexpectedPaymentState,
    RefundTooLarge,
    PaymentProviderFailed,
    IndexError,
)
"""IndexError: there was no refund that could fail."""
