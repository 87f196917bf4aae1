"""Reconciliation with Stripe: the payments that it compares, reports and repairs."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.events.publisher import EventPublisher
from chalicelib.orders.model import Reason, Status
from chalicelib.payments.model import PaymentStatus
from chalicelib.payments.movements import DISPUTES_MOVE, HOLDS_MOVE, REFUNDS_MOVE
from chalicelib.payments.provider import DisputeStatus, PaymentProviderUnavailable, ProviderStatus
from chalicelib.payments.reconciliation import MismatchKind
from chalicelib.payments.reconciliation_report import ReconciliationReport
from chalicelib.platform.idempotency import AlreadyInProgress
from chalicelib.platform.shop import shop as shop_file
from testbed.shop.fake_payment_provider import APPROVED, FIRST_PAYMENT
from tests.builders import HAPPY_PATH, TO_THE_BUYER, an_order_in, euros
from tests.fakes import FakeBucket, FakeBus


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
def bucket():
    return FakeBucket()


@pytest.fixture
def books(shop, bus, bucket):
    """The shop, a minute after the provider's first payment, with everything that reconciliation needs."""
    shop.clock.now = datetime.fromtimestamp(FIRST_PAYMENT + 60, UTC)
    shop.reconciliation_report = ReconciliationReport(EventPublisher(bus, "shop-bus"), bucket, "reports")
    return shop


@pytest.fixture
def repairing(books):
    books.may_repair = True
    return books


def a_cancelled_order_with_a_hold(shop):
    payment = shop.sold(until=Status.AUTHORIZED, captured=False)
    shop.orders.advance("ord_1", Status.CANCELLED, Reason.FULFILMENT_FAILED)
    return payment


def a_cancelled_order_that_was_charged(shop):
    payment = shop.sold(until=Status.SHIPPING)
    shop.orders.advance("ord_1", Status.CANCELLED, Reason.FULFILMENT_FAILED)
    return payment


def a_return_without_its_refund(shop):
    payment = shop.sold()
    shop.orders.take_back("ord_1", "ret_1", {"MUG-01": 1})
    shop.orders.return_settled("ord_1", "ret_1", 1250)
    return payment


def reconcile(shop):
    return shop.reconciliation.reconcile_payments()


def kinds(shop):
    return [difference.kind for difference in reconcile(shop)]


class TestFinding:
    def test_books_that_agree_are_reported_as_such(self, books, bus, bucket):
        books.sold()

        assert reconcile(books) == []

        assert bus.published == []
        [report] = bucket.files.values()
        assert report.strip() == "kind,order_id,payment_intent,expected,found"
        assert books.metrics == {"LedgerMismatch": 0}

    def test_difference_is_published_logged_and_counted(self, books, bus, bucket):
        payment = a_cancelled_order_with_a_hold(books)

        [difference] = reconcile(books)

        assert (difference.kind, difference.order_id) == (MismatchKind.HOLD_NOT_NEEDED, "ord_1")
        [event] = bus.published
        assert (event["DetailType"], event["Source"]) == ("LedgerMismatch", "storefront.payments")
        assert json.loads(event["Detail"])["data"]["payment_intent"] == payment
        [row] = csv.DictReader(next(iter(bucket.files.values())).splitlines())
        assert (row["kind"], row["payment_intent"], row["found"]) == ("HOLD_NOT_NEEDED", payment, "2500")
        assert books.metrics == {"LedgerMismatch": 1}

    def test_report_is_named_by_its_time(self, books, bucket):
        reconcile(books)

        assert list(bucket.files) == [
            f"reconciliation/{shop_file().day_of(books.clock())}/{books.clock():%Y-%m-%dT%H%M%S.%fZ}.csv"
        ]

    def test_difference_found_again_is_reported_once(self, books, bus, bucket):
        a_cancelled_order_with_a_hold(books)

        assert kinds(books) == [MismatchKind.HOLD_NOT_NEEDED]
        books.clock.passes(hours=1)
        assert kinds(books) == []

        assert len(bus.published) == books.metrics["LedgerMismatch"] == 1
        assert [len(report.splitlines()) for report in bucket.files.values()] == [2, 1]

    def test_difference_that_another_run_reports_is_left_to_it(self, books, bus, monkeypatch):
        def is_held(key, work):
            raise AlreadyInProgress(key)

        a_cancelled_order_with_a_hold(books)
        monkeypatch.setattr(books.idempotency, "run_once", is_held)

        assert kinds(books) == bus.published == []

    def test_difference_whose_report_failed_is_reported_by_the_next_run(self, books, bus, monkeypatch):
        a_cancelled_order_with_a_hold(books)
        with monkeypatch.context() as patch:
            patch.setattr(bus, "put_events", lambda Entries: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                reconcile(books)

        assert kinds(books) == [MismatchKind.HOLD_NOT_NEEDED]

    def test_differences_above_the_batch_limit_are_all_published(self, books, bus):
        for n in range(12):
            payment = books.gateway.create(None, euros(100), f"by-hand:{n}").id
            books.gateway.confirm(payment, APPROVED, f"confirm:{n}")

        assert kinds(books) == [MismatchKind.HOLD_NOT_NEEDED] * 12
        assert len(bus.published) == 12

    def test_order_under_way_is_reported_only_when_overdue(self, books):
        books.sold(until=Status.AUTHORIZED, captured=False)

        books.clock.passes(minutes=59)
        assert kinds(books) == []
        books.clock.passes(minutes=2)
        assert kinds(books) == [MismatchKind.OVERDUE]

    @pytest.mark.parametrize("status", TO_THE_BUYER + HAPPY_PATH[2:4])
    def test_order_is_overdue_however_old_it_is(self, books, status):
        books.has(an_order_in(status))
        books.clock.passes(days=90)

        assert kinds(books) == [MismatchKind.OVERDUE]

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
    def test_order_that_has_ended_is_never_overdue(self, books, status):
        if status == Status.COMPLETED:
            books.sold()
        else:
            books.has(an_order_in(status))
        books.clock.passes(days=90)

        assert kinds(books) == []

    def test_delivered_order_without_a_payment_is_found(self, books):
        books.has(an_order_in(Status.COMPLETED))

        assert kinds(books) == [MismatchKind.CHARGED_TOO_LITTLE]

    def test_return_under_way_has_no_difference(self, books):
        books.sold()
        books.orders.take_back("ord_1", "ret_1", None)
        books.payments.refund_part("ord_1", euros(2500), "ret_1")

        assert kinds(books) == []

    def test_return_that_is_settled_agrees(self, books):
        books.sold()
        books.orders.take_back("ord_1", "ret_1", {"MUG-01": 1})
        refunded = books.payments.refund_part("ord_1", euros(1250), "ret_1").amount
        books.orders.return_settled("ord_1", "ret_1", refunded)

        assert kinds(books) == []

    def test_reconciliation_skips_payments_older_than_the_window(self, books):
        books.sold()
        books.has(an_order_in(Status.COMPLETED, "ord_2"))
        books.clock.now += HOLDS_MOVE + timedelta(days=1)

        assert kinds(books) == []

    def test_old_order_is_compared_if_stripe_names_it(self, books):
        """Its payment was begun within the window although the order was placed before."""
        now = books.clock.now
        books.clock.now -= HOLDS_MOVE + timedelta(days=1)
        a_cancelled_order_with_a_hold(books)
        books.clock.now = now

        assert kinds(books) == [MismatchKind.HOLD_NOT_NEEDED]

    def test_payment_of_a_missing_order_is_foreign(self, books):
        payment = books.gateway.create("ord_unknown", euros(100), "by-hand").id
        books.gateway.confirm(payment, APPROVED, "confirm")

        [difference] = reconcile(books)

        assert (difference.kind, difference.order_id) == (MismatchKind.HOLD_NOT_NEEDED, "ord_unknown")


class TestMovementsOfOldPayments:
    """Refunds fail after weeks, and disputes are opened and closed after months."""

    @pytest.fixture
    def later(self, books):
        """An order delivered 300 days ago, and what happens at Stripe happens now."""
        payment = books.sold()
        books.clock.passes(days=300)
        books.gateway.at(books.clock().timestamp())
        return payment

    def gave_back(self, books):
        books.orders.take_back("ord_1", "ret_1", None)
        given = books.payments.refund_part("ord_1", euros(2500), "ret_1")
        books.orders.return_settled("ord_1", "ret_1", given.amount)

    def test_refund_by_others_whose_event_was_lost_is_published(self, books, later):
        books.gateway.refund_by_hand(later, 700)

        assert kinds(books) == [MismatchKind.NOT_RECORDED]
        assert "PaymentRefundedOutside" in books.events()
        assert kinds(books) == []

    def test_refund_by_others_is_published_although_a_return_followed(self, books, later):
        books.gateway.refund_by_hand(later, 700)
        self.gave_back(books)

        assert kinds(books) == [MismatchKind.NOT_RECORDED]
        assert books.payments.of("ord_1").refunded_outside == 700
        assert "PaymentRefundedOutside" in books.events()
        assert kinds(books) == []

    def test_refund_that_failed_after_weeks_is_published_and_not_repeated(self, books, later):
        books.may_repair = True
        self.gave_back(books)
        books.clock.now += REFUNDS_MOVE - timedelta(days=1)
        books.gateway.fail_refund(books.gateway.retrieve(later).refunds[0].id)

        assert kinds(books) == [MismatchKind.NOT_RECORDED]
        assert [each.return_id for each in books.orders.get("ord_1").failed_refunds] == ["ret_1"]
        for _ in range(2):
            books.clock.passes(hours=1)
            assert kinds(books) == []
        assert books.gateway.retrieve(later).kept == 2500

    @pytest.mark.parametrize("status", [DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WITHDRAWN])
    def test_dispute_that_ended_unheard_settles_the_return_that_waited(self, books, later, status):
        books.orders.take_back("ord_1", "ret_1", None)
        books.gateway.dispute(later)
        assert kinds(books) == [MismatchKind.NOT_RECORDED]
        books.clock.now += DISPUTES_MOVE - timedelta(days=1)
        books.gateway.close_dispute(later, status)

        assert MismatchKind.NOT_RECORDED in kinds(books) or status != DisputeStatus.LOST

        assert [name for _, name in books.step_functions.started] == ["ret_1"]
        assert books.payments.of("ord_1").disputed is False

    def test_recorded_movement_costs_no_call(self, books, later, monkeypatch):
        self.gave_back(books)
        asked = []
        retrieve = books.gateway.retrieve
        monkeypatch.setattr(books.gateway, "retrieve", lambda intent_id: asked.append(intent_id) or retrieve(intent_id))

        assert kinds(books) == []
        assert asked == []


class TestOthers:
    """Other shops, and people, use the same account at Stripe."""

    @pytest.fixture(params=[None, "111122223333/eu-west-1/storefront-prod"])
    def theirs(self, request, repairing):
        return repairing.gateway.strangers(request.param)

    @pytest.mark.parametrize("order_id", [None, "ord_1", "ord_unknown"])
    def test_payments_are_neither_touched_nor_reported(self, repairing, theirs, order_id):
        repairing.sold()
        held = theirs.create(order_id, euros(100), "held").id
        theirs.confirm(held, APPROVED, "held confirm")
        taken = theirs.create(order_id, euros(100), "taken").id
        theirs.confirm(taken, APPROVED, "taken confirm")
        theirs.capture(taken, "taken capture")
        theirs.refund_by_hand(taken, 10)
        theirs.dispute(taken)
        before = [repairing.gateway.retrieve(each) for each in (held, taken)]

        for _ in range(2):
            assert kinds(repairing) == []
            repairing.clock.passes(days=20)

        assert [repairing.gateway.retrieve(each) for each in (held, taken)] == before


class TestLessThanWasOwed:
    def test_captured_in_part_is_reported_once_and_not_after_its_return(self, books):
        payment = books.sold(until=Status.SHIPPING, captured=False)
        books.gateway.capture_by_hand(payment, 1000)
        books.payments.capture("ord_1")
        books.orders.advance("ord_1", Status.COMPLETED)

        assert kinds(books) == [MismatchKind.CHARGED_TOO_LITTLE]
        assert kinds(books) == []

        books.orders.take_back("ord_1", "ret_1", None, books.payments.of("ord_1").kept)
        assert books.orders.get("ord_1").return_of("ret_1").refund == euros(1000)
        given = books.payments.refund_part("ord_1", euros(2500), "ret_1")
        books.orders.return_settled("ord_1", "ret_1", given.amount, given.shortfall)

        assert books.orders.get("ord_1").return_of("ret_1").shortfall == "CAPTURED_LESS"
        for _ in range(2):
            books.clock.passes(hours=1)
            assert kinds(books) == []


class TestRepair:
    @pytest.mark.parametrize("broken", [a_cancelled_order_with_a_hold, a_cancelled_order_that_was_charged])
    def test_repair_moves_no_money_unless_it_may(self, books, broken):
        broken(books)
        before = list(books.gateway.moves)

        reconcile(books)

        assert books.gateway.moves == before

    def test_repair_releases_an_unneeded_hold(self, repairing):
        payment = a_cancelled_order_with_a_hold(repairing)

        assert kinds(repairing) == [MismatchKind.HOLD_NOT_NEEDED]

        assert repairing.gateway.retrieve(payment).status == ProviderStatus.CANCELLED
        assert kinds(repairing) == [MismatchKind.NOT_RECORDED]
        assert repairing.payments.of("ord_1").status == PaymentStatus.VOIDED
        assert kinds(repairing) == []
        assert repairing.gateway.moves.count("cancel") == 1

    def test_failed_repair_is_made_by_the_next_run(self, repairing):
        payment = a_cancelled_order_with_a_hold(repairing)
        repairing.gateway.fail("cancel", has_effect=False)
        reconcile(repairing)
        assert repairing.gateway.retrieve(payment).status == ProviderStatus.AUTHORIZED

        repairing.gateway.forget_keys()
        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).status == ProviderStatus.CANCELLED

    def test_repair_gives_a_surplus_back(self, repairing):
        payment = a_cancelled_order_that_was_charged(repairing)

        assert kinds(repairing) == [MismatchKind.CHARGED_TOO_MUCH]

        assert repairing.gateway.retrieve(payment).kept == 0
        kinds(repairing)
        assert kinds(repairing) == []
        assert repairing.payments.of("ord_1").status == PaymentStatus.REFUNDED

    def test_repair_gives_back_only_the_surplus(self, repairing):
        payment = a_return_without_its_refund(repairing)

        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_settles_what_strangers_hold_and_took(self, repairing):
        for number, is_taken in enumerate((False, True)):
            payment = repairing.gateway.create(None, euros(100), f"create:{number}").id
            repairing.gateway.confirm(payment, APPROVED, f"confirm:{number}")
            if is_taken:
                repairing.gateway.capture(payment, "capture")

        reconcile(repairing)

        settled = [repairing.gateway.retrieve(each.id) for each in repairing.gateway.payments_since(0)]
        assert [(intent.held, intent.kept) for intent in settled] == [(0, 0)] * 2

    @pytest.mark.parametrize("may_move_money", [False, True])
    def test_repair_always_updates_the_payment_record(self, books, may_move_money):
        books.may_repair = may_move_money
        payment = books.sold()
        books.gateway.refund_by_hand(payment, 700)

        assert MismatchKind.NOT_RECORDED in kinds(books)

        assert books.payments.of("ord_1").refunded_outside == 700
        assert "PaymentRefundedOutside" in books.events()
        assert kinds(books) == []

    @pytest.mark.parametrize("kind", [MismatchKind.CHARGED_TOO_LITTLE, MismatchKind.OVERDUE])
    def test_repair_never_charges_anybody(self, repairing, kind):
        repairing.has(an_order_in(Status.COMPLETED if kind == MismatchKind.CHARGED_TOO_LITTLE else Status.PLACED))
        repairing.clock.passes(hours=2)

        assert kinds(repairing) == [kind]
        assert repairing.gateway.moves == []

    def test_repair_that_fails_stops_neither_the_others_nor_the_report(self, repairing, bucket):
        for number in range(2):
            payment = repairing.gateway.create(None, euros(100), f"create:{number}").id
            repairing.gateway.confirm(payment, APPROVED, f"confirm:{number}")
        repairing.gateway.losing = {"cancel"}

        assert len(reconcile(repairing)) == 2

        assert [intent.status for intent in repairing.gateway.payments_since(0)] == [ProviderStatus.CANCELLED] * 2
        [report] = bucket.files.values()
        assert len(report.splitlines()) == 3

    def test_repair_that_failed_at_stripe_is_another_attempt_in_the_next_run(self, repairing):
        payment = a_cancelled_order_that_was_charged(repairing)
        repairing.gateway.failing = {"refund": False}

        reconcile(repairing)
        repairing.clock.passes(hours=1)
        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).kept == 0

    @pytest.mark.parametrize("trouble", ["the answer is lost", "it fails with effect"])
    def test_unrecorded_refund_is_not_repeated(self, repairing, trouble):
        payment = a_return_without_its_refund(repairing)
        if trouble == "the answer is lost":
            repairing.gateway.losing = {"refund"}
        else:
            repairing.gateway.failing = {"refund": True}

        for _ in range(3):
            reconcile(repairing)
            repairing.clock.passes(hours=1)

        assert repairing.gateway.retrieve(payment).kept == 1250
        assert repairing.gateway.moves.count("refund") == 1

    def test_concurrent_repairs_give_a_surplus_back_once(self, repairing, monkeypatch):
        payment = a_return_without_its_refund(repairing)
        repair = repairing.payments.repair

        def after_another_run(*arguments):
            monkeypatch.setattr(repairing.payments, "repair", repair)
            repairing.clock.passes(seconds=1)
            reconcile(repairing)
            repair(*arguments)

        monkeypatch.setattr(repairing.payments, "repair", after_another_run)

        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_payment_that_another_run_repairs_is_left_to_it(self, repairing):
        payment = a_return_without_its_refund(repairing)
        lease = repairing.idempotency.acquire(f"repair#{payment}")

        reconcile(repairing)
        assert "refund" not in repairing.gateway.moves

        repairing.idempotency.release(lease)
        reconcile(repairing)
        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_run_of_the_next_hour_that_looked_before_gives_nothing_back_again(self, repairing, monkeypatch):
        """It has another key, so Stripe would not know it for the same refund."""
        payment = a_return_without_its_refund(repairing)
        acquire = repairing.idempotency.acquire

        def after_another_run(key):
            monkeypatch.setattr(repairing.idempotency, "acquire", acquire)
            repairing.clock.passes(hours=1)
            reconcile(repairing)
            return acquire(key)

        monkeypatch.setattr(repairing.idempotency, "acquire", after_another_run)

        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_disputed_surplus_is_refunded_after_a_won_dispute(self, repairing):
        payment = a_return_without_its_refund(repairing)
        repairing.gateway.dispute(payment)

        assert [kinds(repairing), kinds(repairing)] == [[MismatchKind.NOT_RECORDED], [MismatchKind.CHARGED_TOO_MUCH]]
        assert repairing.gateway.retrieve(payment).kept == 2500

        repairing.gateway.close_dispute(payment, DisputeStatus.WON)
        for _ in range(2):
            repairing.clock.passes(hours=1)
            reconcile(repairing)
        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_reconciliation_without_stripe_writes_no_report(self, books, bucket, monkeypatch):
        def is_down(_):
            raise PaymentProviderUnavailable

        monkeypatch.setattr(books.gateway, "payments_since", is_down)

        with pytest.raises(PaymentProviderUnavailable):
            reconcile(books)
        assert bucket.files == {}


class TestOverdue:
    """The saga of this order has ended without it, or never began. Recovering it is for tests/unit/test_recovery.py."""

    @pytest.fixture
    def overdue(self, repairing):
        repairing.sold(until=Status.SHIPPING, captured=False)
        repairing.clock.passes(hours=2)
        return repairing

    def test_overdue_order_is_reported_and_left_to_the_recovery(self, overdue):
        before = overdue.orders.get("ord_1")

        assert kinds(overdue) == [MismatchKind.OVERDUE]

        assert (overdue.orders.get("ord_1"), overdue.compensated) == (before, {})

    def test_overdue_order_completed_during_the_run_is_left_alone(self, overdue, monkeypatch):
        report = overdue.orders.placed_since

        def placed_since(*arguments):
            found = list(report(*arguments))
            if overdue.orders.get("ord_1").status == Status.SHIPPING:
                overdue.payments.capture("ord_1")
                overdue.orders.advance("ord_1", Status.COMPLETED)
            return iter(found)

        monkeypatch.setattr(overdue.orders, "placed_since", placed_since)

        assert kinds(overdue) == []
        assert overdue.compensated == {}


class TestWhileItReads:
    """What changes between the reading of Stripe's books and of ours is no difference."""

    @pytest.fixture
    def meanwhile(self, books, monkeypatch):
        """Lets something happen right after Stripe's books were read."""

        def happens(change):
            read = books.gateway.payments_since

            def read_and_change(created):
                found = list(read(created))
                change()
                return iter(found)

            monkeypatch.setattr(books.gateway, "payments_since", read_and_change)

        return happens

    def test_settled_return_is_not_refunded_again(self, repairing, meanwhile):
        payment = repairing.sold()
        repairing.orders.take_back("ord_1", "ret_1", {"MUG-01": 1})

        def settle():
            refunded = repairing.payments.refund_part("ord_1", euros(1250), "ret_1").amount
            repairing.orders.return_settled("ord_1", "ret_1", refunded)

        meanwhile(settle)

        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_concurrently_released_hold_is_not_released_again(self, repairing, meanwhile):
        a_cancelled_order_with_a_hold(repairing)
        meanwhile(lambda: repairing.payments.void("ord_1"))

        assert kinds(repairing) == []
        assert [call for call, _ in repairing.gateway.asked].count("cancel") == 1

    def test_surplus_refunded_by_another_run_is_not_refunded_again(self, repairing, meanwhile):
        payment = a_return_without_its_refund(repairing)
        another_run = [lambda: reconcile(repairing)]

        def other():
            while another_run:
                repairing.clock.passes(seconds=1)
                another_run.pop()()

        meanwhile(other)

        reconcile(repairing)

        assert repairing.gateway.retrieve(payment).kept == 1250

    def test_payment_that_changes_during_the_check_is_left_to_the_next_run(self, repairing, monkeypatch):
        """A concurrent caller refunds it at this moment."""
        payment = a_cancelled_order_that_was_charged(repairing)
        retrieve = repairing.gateway.retrieve

        def looks(intent_id):
            monkeypatch.setattr(repairing.gateway, "retrieve", retrieve)
            seen = retrieve(intent_id)
            repairing.payments.refund("ord_1")
            return seen

        monkeypatch.setattr(repairing.gateway, "retrieve", looks)

        assert kinds(repairing) == []
        assert [call for call, _ in repairing.gateway.asked].count("refund") == 1
        assert repairing.gateway.retrieve(payment).kept == 0

    def test_mismatch_that_remains_is_found(self, books, meanwhile):
        a_cancelled_order_with_a_hold(books)
        meanwhile(lambda: books.sold("ord_2", until=Status.AUTHORIZED, captured=False))

        assert kinds(books) == [MismatchKind.HOLD_NOT_NEEDED]

    def test_order_paid_and_completed_meanwhile_is_paid(self, books, meanwhile):
        meanwhile(lambda: books.sold())

        assert kinds(books) == []

    def test_order_that_is_completed_does_not_differ(self, books, meanwhile):
        books.sold(until=Status.SHIPPING, captured=False)

        def complete():
            books.payments.capture("ord_1")
            books.orders.advance("ord_1", Status.COMPLETED)

        meanwhile(complete)

        assert kinds(books) == []
