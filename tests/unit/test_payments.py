"""Money is moved at most once per step, and every end is final, however the calls repeat or cross."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.payments.model import Payment, PaymentEnded, PaymentStatus, Shortfall, UpdateKind
from chalicelib.payments.movements import DISPUTES_MOVE, HOLDS_MOVE, REFUNDS_MOVE
from chalicelib.payments.provider import (
    DisputeStatus,
    PaymentDeclined,
    PaymentDisputed,
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    PaymentUnknown,
    ProviderStatus,
)
from chalicelib.payments.service import Given, PaymentBusy, Payments
from testbed.shop.fake_payment_provider import APPROVED, DECLINED, FIRST_PAYMENT, FakePaymentProvider
from tests.builders import euros
from tests.fakes import FakeStore

ORDER = "ord_1"
AMOUNT = euros(2500)


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def provider():
    return FakePaymentProvider()


@pytest.fixture
def payments(store, provider):
    return Payments(store, provider)


@pytest.fixture
def authorized(payments):
    payments.authorize(ORDER, AMOUNT, APPROVED)
    return payments


@pytest.fixture
def captured(authorized):
    authorized.capture(ORDER)
    return authorized


def status_of(payments):
    return payments.of(ORDER).status


def intent_of(payments):
    return payments.of(ORDER).intent_id


def kept(provider):
    """What the provider took and did not give back, over all payments."""
    return sum(provider.retrieve(intent.id).kept for intent in provider.payments_since(0))


def held(provider):
    return sum(intent.held for intent in provider.payments_since(0))


class TestAuthorize:
    def test_authorize_holds_the_money_once_however_often_it_is_asked(self, payments, provider):
        payments.authorize(ORDER, AMOUNT, APPROVED)
        payments.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves == ["create", "confirm"]
        assert status_of(payments) == PaymentStatus.AUTHORIZED
        assert payments.of(ORDER).amount == AMOUNT

    def test_remembers_the_intent_before_it_is_confirmed(self, payments, provider):
        provider.losing = {"confirm"}

        with pytest.raises(PaymentProviderUnavailable):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        assert status_of(payments) == PaymentStatus.CREATED
        assert payments.of(ORDER).intent_id

    @pytest.mark.parametrize("lost", ["create", "confirm"])
    def test_authorize_goes_on_after_a_lost_answer(self, payments, provider, lost):
        provider.losing = {lost}
        with pytest.raises(PaymentProviderUnavailable):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        payments.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves == ["create", "confirm"]
        assert status_of(payments) == PaymentStatus.AUTHORIZED

    def test_concurrent_authorizations_confirm_only_the_stored_payment(self, store):
        class AnotherIsFaster(FakePaymentProvider):
            """A concurrent caller starts a payment and stores it before this one."""

            def create(self, order_id, amount, key):
                theirs = super().create(order_id, amount, "theirs")
                store.replace(store.get(order_id), intent_id=theirs.id)
                return super().create(order_id, amount, key)

        provider = AnotherIsFaster()

        Payments(store, provider).authorize(ORDER, AMOUNT, APPROVED)

        theirs, ours = "pi_1", "pi_2"
        assert store.get(ORDER).intent_id == theirs
        assert provider.retrieve(theirs).status == ProviderStatus.AUTHORIZED
        assert provider.retrieve(ours).status == ProviderStatus.CREATED

    def test_authorize_is_busy_if_the_payment_changes_all_the_time(self, provider):
        class NeverQuiet(FakeStore):
            def replace(self, old, **changes):
                return None

        with pytest.raises(PaymentBusy):
            Payments(NeverQuiet(), provider).authorize(ORDER, AMOUNT, APPROVED)

        assert "confirm" not in provider.moves

    def test_authorize_ends_if_the_hold_was_lost(self, authorized, provider):
        provider.expire(intent_of(authorized))
        authorized.learn(intent_of(authorized), lambda *_: None)

        with pytest.raises(PaymentEnded):
            authorized.authorize(ORDER, AMOUNT, APPROVED)

    def test_card_declined_during_a_failure_is_not_retried(self, payments, provider):
        provider.failing = {"confirm": True}
        with pytest.raises(PaymentProviderFailed):
            payments.authorize(ORDER, AMOUNT, DECLINED)

        with pytest.raises(PaymentDeclined, match="generic_decline"):
            payments.authorize(ORDER, AMOUNT, DECLINED)

        assert [call for call, _ in provider.asked] == ["create", "confirm"]

    def test_declined_card_stays_declined(self, payments, provider):
        for card in (DECLINED, APPROVED):
            with pytest.raises(PaymentDeclined, match="generic_decline"):
                payments.authorize(ORDER, AMOUNT, card)

        assert provider.moves == ["create"]
        assert payments.of(ORDER).decline_code == "generic_decline"

    def test_captured_payment_needs_no_other_hold(self, captured, provider):
        captured.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves.count("confirm") == 1

    def test_authorize_is_refused_after_a_void(self, payments, provider):
        payments.void(ORDER)

        with pytest.raises(PaymentEnded):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves == []

    def test_authorize_is_refused_if_the_void_came_during_the_creation(self, payments, provider, store):
        class VoidsMeanwhile(FakePaymentProvider):
            def create(self, order_id, amount, key):
                Payments(store, self).void(order_id)
                return super().create(order_id, amount, key)

        slow = VoidsMeanwhile()

        with pytest.raises(PaymentEnded):
            Payments(store, slow).authorize(ORDER, AMOUNT, APPROVED)

        assert "confirm" not in slow.moves

    def test_authorize_ends_if_the_void_came_after_the_confirmation(self, store):
        class VoidsAfterwards(FakePaymentProvider):
            def confirm(self, *request):
                intent = super().confirm(*request)
                Payments(store, self).void(ORDER)
                return intent

        slow = VoidsAfterwards()

        with pytest.raises(PaymentEnded):
            Payments(store, slow).authorize(ORDER, AMOUNT, APPROVED)

        assert slow.moves == ["create", "confirm", "cancel"]
        assert store.get(ORDER).status == PaymentStatus.VOIDED

    def test_authorize_ends_if_the_void_came_before_the_confirmation(self, store):
        class VoidsBefore(FakePaymentProvider):
            def confirm(self, *request):
                Payments(store, self).void(ORDER)
                return super().confirm(*request)

        with pytest.raises(PaymentEnded):
            Payments(store, VoidsBefore()).authorize(ORDER, AMOUNT, APPROVED)

        assert store.get(ORDER).status == PaymentStatus.VOIDED


class TestCapture:
    def test_capture_takes_the_held_money_once(self, authorized, provider):
        authorized.capture(ORDER)
        authorized.capture(ORDER)

        assert provider.moves == ["create", "confirm", "capture"]
        assert authorized.of(ORDER).captured == 2500

    def test_capture_goes_on_after_a_lost_answer(self, authorized, provider):
        provider.losing = {"capture"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.capture(ORDER)

        authorized.capture(ORDER)

        assert provider.moves.count("capture") == 1
        assert status_of(authorized) == PaymentStatus.CAPTURED

    def test_capture_notes_what_was_captured_otherwise(self, authorized, provider):
        provider.capture(intent_of(authorized), "by-hand")

        authorized.capture(ORDER)

        assert provider.moves.count("capture") == 1
        assert status_of(authorized) == PaymentStatus.CAPTURED
        assert authorized.of(ORDER).captured == 2500

    def test_expired_hold_cannot_be_captured(self, authorized, provider):
        provider.expire(intent_of(authorized))

        with pytest.raises(PaymentEnded):
            authorized.capture(ORDER)

        assert "capture" not in provider.moves

    def test_capture_without_a_payment_is_refused(self, payments):
        with pytest.raises(PaymentEnded):
            payments.capture(ORDER)

    @pytest.mark.parametrize(
        "status", [PaymentStatus.CREATED, PaymentStatus.DECLINED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED]
    )
    def test_capture_of_anything_but_a_hold_is_refused(self, payments, store, provider, status):
        store.create(Payment(order_id=ORDER, status=status, intent_id="pi_1", amount=AMOUNT))

        with pytest.raises(PaymentEnded):
            payments.capture(ORDER)

        assert provider.moves == []


class TestRefund:
    def test_refund_gives_captured_money_back_once(self, captured, provider):
        captured.refund(ORDER)
        captured.refund(ORDER)

        assert provider.moves.count("refund") == 1
        assert status_of(captured) == PaymentStatus.REFUNDED
        assert captured.of(ORDER).refunded == 2500

    def test_refund_goes_on_after_a_lost_answer(self, captured, provider):
        provider.losing = {"refund"}
        with pytest.raises(PaymentProviderUnavailable):
            captured.refund(ORDER)

        captured.refund(ORDER)

        assert provider.moves.count("refund") == 1
        assert status_of(captured) == PaymentStatus.REFUNDED

    def test_refund_gives_back_what_was_captured_and_not_noted(self, authorized, provider):
        provider.losing = {"capture"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.capture(ORDER)

        authorized.refund(ORDER)

        assert provider.moves[-2:] == ["capture", "refund"]
        assert (authorized.of(ORDER).captured, authorized.of(ORDER).refunded) == (2500, 2500)

    def test_refund_gives_back_only_the_amount_not_yet_refunded(self, captured, provider):
        provider.refund_by_hand(intent_of(captured), 700)

        captured.refund(ORDER)

        assert provider.retrieve(intent_of(captured)).refunds[0].amount == 1800
        assert (status_of(captured), captured.of(ORDER).refunded) == (PaymentStatus.REFUNDED, 2500)

    def test_refund_leaves_a_mere_hold_alone(self, authorized, provider):
        authorized.refund(ORDER)

        assert provider.moves == ["create", "confirm"]
        assert status_of(authorized) == PaymentStatus.AUTHORIZED

    def test_refund_is_nothing_where_there_was_no_payment(self, payments):
        payments.refund(ORDER)

        assert payments.of(ORDER) is None

    def test_refund_is_nothing_after_a_void(self, authorized, provider):
        authorized.void(ORDER)

        authorized.refund(ORDER)

        assert "refund" not in provider.moves

    def test_refund_is_nothing_after_a_decline(self, payments, provider):
        with pytest.raises(PaymentDeclined):
            payments.authorize(ORDER, AMOUNT, DECLINED)

        payments.refund(ORDER)

        assert status_of(payments) == PaymentStatus.DECLINED
        assert "refund" not in provider.moves

    def test_refund_ends_what_would_have_been_captured(self, captured):
        captured.refund(ORDER)

        with pytest.raises(PaymentEnded):
            captured.capture(ORDER)


class TestVoid:
    def test_void_releases_a_hold_once(self, authorized, provider):
        authorized.void(ORDER)
        authorized.void(ORDER)

        assert provider.moves == ["create", "confirm", "cancel"]
        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_void_leaves_a_sign_where_there_was_nothing(self, payments, provider):
        payments.void(ORDER)
        payments.void(ORDER)

        assert payments.of(ORDER) == Payment(order_id=ORDER, status=PaymentStatus.VOIDED)
        assert provider.moves == []

    def test_void_releases_a_hold_that_was_not_recorded(self, payments, provider):
        provider.losing = {"confirm"}
        with pytest.raises(PaymentProviderUnavailable):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        payments.void(ORDER)

        assert provider.moves == ["create", "confirm", "cancel"]
        assert status_of(payments) == PaymentStatus.VOIDED

    def test_void_goes_on_after_a_lost_answer(self, authorized, provider):
        provider.losing = {"cancel"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.void(ORDER)

        authorized.void(ORDER)

        assert provider.moves.count("cancel") == 1
        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_void_gives_back_what_was_captured_and_not_noted(self, authorized, provider):
        provider.losing = {"capture"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.capture(ORDER)

        authorized.void(ORDER)

        assert provider.moves == ["create", "confirm", "capture", "refund"]
        assert status_of(authorized) == PaymentStatus.REFUNDED

    def test_void_gives_back_what_was_captured(self, captured, provider):
        captured.void(ORDER)
        captured.void(ORDER)

        assert provider.moves == ["create", "confirm", "capture", "refund"]
        assert status_of(captured) == PaymentStatus.REFUNDED

    def test_void_of_what_was_refunded_before_it_was_noted_refunds_nothing(self, captured, provider):
        provider.losing = {"refund"}
        with pytest.raises(PaymentProviderUnavailable):
            captured.refund(ORDER)

        captured.void(ORDER)

        assert provider.moves.count("refund") == 1
        assert status_of(captured) == PaymentStatus.REFUNDED

    def test_void_notes_a_hold_that_expired(self, authorized, provider):
        provider.expire(intent_of(authorized))

        authorized.void(ORDER)

        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_void_is_nothing_after_a_decline_or_a_refund(self, payments, captured, provider):
        captured.refund(ORDER)
        before = list(provider.moves)

        captured.void(ORDER)

        assert provider.moves == before
        assert status_of(captured) == PaymentStatus.REFUNDED

    def test_void_leaves_a_decline_as_the_reason(self, payments, provider):
        with pytest.raises(PaymentDeclined):
            payments.authorize(ORDER, AMOUNT, DECLINED)

        payments.void(ORDER)

        assert status_of(payments) == PaymentStatus.DECLINED
        assert provider.moves == ["create"]

    def test_void_ends_what_would_have_been_captured(self, authorized, provider):
        authorized.void(ORDER)

        with pytest.raises(PaymentEnded):
            authorized.capture(ORDER)

        assert "capture" not in provider.moves


LOST, FAILED_BEFORE, FAILED_AFTER = "the answer is lost", "it fails without effect", "it fails with effect"
STEPS = {
    "create": (None, lambda payments: payments.authorize(ORDER, AMOUNT, APPROVED), ["confirm"], 2500, 0),
    "confirm": (None, lambda payments: payments.authorize(ORDER, AMOUNT, APPROVED), ["confirm"], 2500, 0),
    "capture": ("authorized", lambda payments: payments.capture(ORDER), ["confirm", "capture"], 0, 2500),
    "cancel": ("authorized", lambda payments: payments.void(ORDER), ["confirm", "cancel"], 0, 0),
    "refund": ("captured", lambda payments: payments.refund(ORDER), ["confirm", "capture", "refund"], 0, 0),
    "refund of a part": (
        "captured",
        lambda payments: payments.refund_part(ORDER, euros(1000), "ret_1"),
        ["confirm", "capture", "refund"],
        0,
        1500,
    ),
}


@pytest.mark.parametrize("trouble", [LOST, FAILED_BEFORE, FAILED_AFTER])
@pytest.mark.parametrize("step", STEPS)
class TestTrouble:
    """One answer that does not come, or is a failure of the provider's own, at every step that moves money."""

    @pytest.fixture
    def troubled(self, step, trouble, request, payments, provider):
        """The step, tried once, and failed."""
        before, act, *_ = STEPS[step]
        if before:
            request.getfixturevalue(before)
        call = step.split()[0]
        provider.asked.clear()
        if trouble == LOST:
            provider.losing = {call}
        else:
            provider.failing = {call: trouble == FAILED_AFTER}
        with pytest.raises(PaymentProviderUnavailable):
            act(payments)
        return lambda: act(payments)

    def test_failing_step_moves_no_money_twice(self, step, troubled, provider):
        *_, moves, then_held, then_kept = STEPS[step]

        troubled()
        troubled()

        assert [move for move in provider.moves if move != "create"] == moves
        assert (held(provider), kept(provider)) == (then_held, then_kept)

    def test_failing_step_makes_another_attempt_only_if_the_first_did_nothing(self, step, trouble, troubled, provider):
        troubled()

        call = step.split()[0]
        keys = [key for asked, key in provider.asked if asked == call]
        is_repeated = trouble == FAILED_BEFORE or (trouble == FAILED_AFTER and step == "create")
        assert len(keys) == len(set(keys)) == 1 + is_repeated

    def test_failing_step_survives_trouble_of_the_next_attempt_too(self, step, trouble, troubled, provider):
        *_, moves, then_held, then_kept = STEPS[step]
        if trouble == FAILED_BEFORE:
            provider.failing = {step.split()[0]: False}
            with pytest.raises(PaymentProviderFailed):
                troubled()

        troubled()

        assert [move for move in provider.moves if move != "create"] == moves
        assert (held(provider), kept(provider)) == (then_held, then_kept)


class TestRefundPart:
    def test_partial_refund_is_made_once_for_each_reference(self, captured, provider):
        assert captured.refund_part(ORDER, euros(1000), "ret_1") == Given(1000)
        assert captured.refund_part(ORDER, euros(1000), "ret_1") == Given(1000)
        assert captured.refund_part(ORDER, euros(500), "ret_2") == Given(500)

        assert [refund.amount for refund in provider.retrieve(intent_of(captured)).refunds] == [500, 1000]
        assert (status_of(captured), captured.of(ORDER).refunded) == (PaymentStatus.CAPTURED, 1500)
        assert captured.of(ORDER).refunded_outside == 0

    def test_partial_refund_is_made_once_although_stripe_has_forgotten_the_key(self, captured, provider):
        """Stripe keeps keys for a day; a parked return may be started again after a week."""
        captured.refund_part(ORDER, euros(1000), "ret_1")
        provider.forget_keys()

        assert captured.refund_part(ORDER, euros(1000), "ret_1") == Given(1000)
        assert kept(provider) == 1500

    def test_partial_refund_of_the_rest_ends_the_payment(self, captured):
        captured.refund_part(ORDER, euros(1000), "ret_1")
        captured.refund_part(ORDER, euros(1500), "ret_2")

        assert status_of(captured) == PaymentStatus.REFUNDED

    @pytest.mark.parametrize(("outside", "given"), [(1000, 1500), (2500, 0)])
    def test_partial_refund_is_never_more_than_is_left(self, captured, provider, outside, given):
        provider.refund_by_hand(intent_of(captured), outside)

        for _ in range(2):
            assert captured.refund_part(ORDER, AMOUNT, "ret_1") == Given(given, Shortfall.REFUNDED_BEFORE)

        assert kept(provider) == 0
        assert (status_of(captured), captured.of(ORDER).refunded) == (PaymentStatus.REFUNDED, 2500)

    def test_partial_refund_of_a_disputed_payment_is_a_failed_attempt(self, captured, provider):
        provider.dispute(intent_of(captured))
        before = captured.of(ORDER)

        with pytest.raises(PaymentDisputed):
            captured.refund_part(ORDER, euros(1000), "ret_1")

        noted = {"failed": {"ret_1": 1}, "version": before.version + 1}
        assert captured.of(ORDER) == before.model_copy(update=noted)
        assert kept(provider) == 2500

    def test_partial_refund_after_a_dispute_was_won_is_made_once_under_another_key(self, captured, provider):
        """Under the first one, Stripe would answer for a day that the payment is disputed."""
        provider.dispute(intent_of(captured))
        with pytest.raises(PaymentDisputed):
            captured.refund_part(ORDER, euros(1000), "ret_1")
        provider.close_dispute(intent_of(captured), DisputeStatus.WON)

        for _ in range(2):
            assert captured.refund_part(ORDER, euros(1000), "ret_1") == Given(1000)

        keys = [key for call, key in provider.asked if call == "refund"]
        assert len(keys) == len(set(keys)) == 2
        assert kept(provider) == 1500

    def test_partial_refund_of_an_undo_after_a_dispute_was_won_gives_all_back(self, captured, provider):
        provider.dispute(intent_of(captured))
        with pytest.raises(PaymentDisputed):
            captured.refund(ORDER)
        provider.close_dispute(intent_of(captured), DisputeStatus.WON)

        captured.refund(ORDER)

        assert (kept(provider), status_of(captured)) == (0, PaymentStatus.REFUNDED)

    def test_partial_refund_needs_a_payment(self, payments):
        with pytest.raises(PaymentEnded):
            payments.refund_part(ORDER, euros(1000), "ret_1")

    @pytest.mark.parametrize("amount", [1000, 2500])
    def test_partial_refund_is_recorded_although_stripe_reports_it_meanwhile(
        self, captured, provider, store, monkeypatch, amount
    ):
        refund = provider.refund

        def refund_and_publish(*arguments):
            refund(*arguments)
            captured.learn(intent_of(captured), lambda *_: None)

        monkeypatch.setattr(provider, "refund", refund_and_publish)

        assert captured.refund_part(ORDER, euros(amount), "ret_1") == Given(amount)
        assert captured.of(ORDER).refunded == amount


class TestRefundOfLess:
    def test_captured_in_part_gives_back_that_part_and_says_why(self, authorized, provider):
        provider.capture_by_hand(intent_of(authorized), 1000)
        authorized.capture(ORDER)

        for _ in range(2):
            assert authorized.refund_part(ORDER, AMOUNT, "ret_1") == Given(1000, Shortfall.CAPTURED_LESS)

        assert (kept(provider), status_of(authorized)) == (0, PaymentStatus.REFUNDED)

    @pytest.mark.parametrize(("disputed", "given"), [(2500, 0), (1000, 1500)])
    def test_lost_dispute_is_not_given_back_a_second_time(self, captured, provider, disputed, given):
        provider.dispute(intent_of(captured), disputed)
        provider.close_dispute(intent_of(captured), DisputeStatus.LOST)

        for _ in range(2):
            assert captured.refund_part(ORDER, AMOUNT, "ret_1") == Given(given, Shortfall.DISPUTE_LOST)

        assert kept(provider) == 0
        assert status_of(captured) == PaymentStatus.CHARGED_BACK

    def test_bank_that_refuses_after_a_lost_dispute_ends_the_return(self, captured, provider, monkeypatch):
        """A part is left, but Stripe does not refund a payment that was charged back."""
        provider.dispute(intent_of(captured), 1000)
        provider.close_dispute(intent_of(captured), DisputeStatus.LOST)

        def refuses(*_):
            raise PaymentDisputed

        monkeypatch.setattr(provider, "refund", refuses)

        assert captured.refund_part(ORDER, AMOUNT, "ret_1") == Given(0, Shortfall.DISPUTE_LOST)


class TestRefundThatFailsLater:
    @pytest.fixture
    def failed(self, captured, provider, published):
        """Return an order with a refund that failed after days and was reported."""
        captured.refund_part(ORDER, euros(1000), "ret_1")
        provider.fail_refund("re_1")
        provider.forget_keys()
        captured.learn(intent_of(captured), lambda _, update: published.append(update))
        return captured

    @pytest.fixture
    def published(self):
        return []

    def test_late_failed_refund_is_kept_again_and_published(self, failed, published):
        assert [(update.kind, update.amount, update.return_id) for update in published] == [
            (UpdateKind.REFUND_FAILED, 1000, "ret_1")
        ]
        assert (failed.of(ORDER).refunded, failed.of(ORDER).kept) == (0, 2500)

    @pytest.mark.parametrize("keys", ["kept", "pruned"])
    def test_late_failed_refund_is_made_again_exactly_once(self, captured, provider, published, keys):
        """Under the old key Stripe would say for a day that it succeeded."""
        captured.refund_part(ORDER, euros(1000), "ret_1")
        provider.fail_refund("re_1")
        if keys == "pruned":
            provider.forget_keys()

        for _ in range(2):
            assert captured.refund_part(ORDER, euros(1000), "ret_1") == Given(1000)

        assert (kept(provider), provider.moves.count("refund")) == (1500, 2)

    def test_late_failed_refund_made_again_is_published_once(self, failed, published):
        failed.refund_part(ORDER, euros(1000), "ret_1")

        for _ in range(2):
            failed.learn(intent_of(failed), lambda _, update: published.append(update))

        assert [update.kind for update in published] == [UpdateKind.REFUND_FAILED, UpdateKind.REFUND_RETRIED]
        assert (failed.of(ORDER).refunded, failed.of(ORDER).kept) == (1000, 1500)

    def test_late_failed_refund_of_an_undo_is_made_again_by_the_next_undo(self, captured, provider):
        captured.refund(ORDER)
        provider.fail_refund("re_1")
        captured.learn(intent_of(captured), lambda *_: None)

        for _ in range(2):
            captured.refund(ORDER)

        assert (kept(provider), status_of(captured), provider.moves.count("refund")) == (0, PaymentStatus.REFUNDED, 2)


class TestKeysOfStripeArePruned:
    """A redrive days later meets a provider that has forgotten every key."""

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("trouble", ["none", "the answer was lost", "it failed with effect"])
    def test_pruned_idempotency_keys_move_no_money_twice(self, payments, provider, request, step, trouble):
        before, act, moves, then_held, then_kept = STEPS[step]
        if before:
            request.getfixturevalue(before)
        call = step.split()[0]
        if trouble == "the answer was lost":
            provider.losing = {call}
        if trouble == "it failed with effect":
            provider.failing = {call: True}
        with suppress(PaymentProviderUnavailable):
            act(payments)
        provider.forget_keys()

        for _ in range(2):
            act(payments)
            provider.forget_keys()

        assert [move for move in provider.moves if move != "create"] == moves
        assert (held(provider), kept(provider)) == (then_held, then_kept)


class TestLearn:
    @pytest.fixture
    def published(self):
        return []

    @pytest.fixture
    def learn(self, captured, published):
        return lambda: captured.learn(intent_of(captured), lambda *update: published.append(update))

    def test_learn_publishes_each_update_once_for_its_order(self, learn, captured, provider, published):
        provider.refund_by_hand(intent_of(captured), 1000)
        provider.dispute(intent_of(captured))

        learn()
        learn()

        assert [(order, update.kind, update.amount) for order, update in published] == [
            (ORDER, UpdateKind.REFUNDED_OUTSIDE, 1000),
            (ORDER, UpdateKind.DISPUTED, 1500),
        ]
        payment = captured.of(ORDER)
        assert (payment.refunded, payment.refunded_outside, payment.withdrawn) == (1000, 1000, 1500)
        assert payment.disputed

    def test_learn_publishes_a_refund_at_stripe_before_a_return(self, learn, captured, provider, published):
        """The return comes first to note what Stripe says; its event was lost."""
        provider.refund_by_hand(intent_of(captured), 1000)
        captured.refund_part(ORDER, AMOUNT, "ret_1")

        learn()
        learn()

        assert [(update.kind, update.amount) for _, update in published] == [(UpdateKind.REFUNDED_OUTSIDE, 1000)]
        assert (captured.of(ORDER).refunded, captured.of(ORDER).refunded_outside) == (2500, 1000)

    def test_books_what_the_bank_took(self, learn, captured, provider, published):
        provider.dispute(intent_of(captured))
        learn()
        provider.close_dispute(intent_of(captured), DisputeStatus.LOST)
        learn()
        learn()

        assert [update.kind for _, update in published] == [UpdateKind.DISPUTED, UpdateKind.DISPUTE_LOST]
        payment = captured.of(ORDER)
        assert (payment.status, payment.lost, payment.withdrawn) == (PaymentStatus.CHARGED_BACK, 2500, 0)
        assert (payment.kept, payment.disputed) == (0, False)

    def test_learn_publishes_a_lost_hold(self, authorized, provider, published):
        provider.expire(intent_of(authorized))

        authorized.learn(intent_of(authorized), lambda _, update: published.append(update.kind))

        assert published == [UpdateKind.HOLD_LOST]
        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_learn_records_a_hold_released_by_the_shop_without_an_update(self, authorized, provider, published):
        provider.cancel(intent_of(authorized), "reconciliation")

        authorized.learn(intent_of(authorized), lambda *update: published.append(update))

        assert published == []
        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_learn_of_a_payment_that_stripe_does_not_have_is_shown(self, payments, published):
        with pytest.raises(PaymentUnknown):
            payments.learn("pi_unknown", lambda *update: published.append(update))

        assert published == []

    def test_learn_finds_nothing_new_in_what_we_did_ourselves(self, learn, captured, published):
        captured.refund_part(ORDER, euros(1000), "ret_1")
        before = captured.of(ORDER)

        learn()

        assert published == []
        assert captured.of(ORDER) == before

    def test_learn_writes_nothing_where_nothing_changed(self, learn, captured):
        before = captured.of(ORDER)

        learn()

        assert captured.of(ORDER).version == before.version

    def test_learn_records_an_unrecorded_capture_without_an_update(self, authorized, provider, published):
        provider.capture(intent_of(authorized), "by-hand")

        authorized.learn(intent_of(authorized), lambda *update: published.append(update))

        assert published == []
        assert (status_of(authorized), authorized.of(ORDER).captured) == (PaymentStatus.CAPTURED, 2500)

    def test_update_is_published_before_it_is_recorded(self, captured, provider):
        provider.dispute(intent_of(captured))
        noted = []

        captured.learn(intent_of(captured), lambda *_: noted.append(captured.of(ORDER).disputed))

        assert noted == [False]
        assert captured.of(ORDER).disputed

    def test_unpublished_update_is_published_by_the_next_try(self, learn, captured, provider, published):
        def dies(*_):
            raise ConnectionError

        provider.dispute(intent_of(captured))
        with pytest.raises(ConnectionError):
            captured.learn(intent_of(captured), dies)

        learn()

        assert [update.kind for _, update in published] == [UpdateKind.DISPUTED]

    def test_unrecorded_update_is_published_again_after_a_crash(
        self, learn, captured, store, provider, published, monkeypatch
    ):
        provider.dispute(intent_of(captured))
        with monkeypatch.context() as patch:
            patch.setattr(store, "replace", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                learn()

        learn()

        assert [update.kind for _, update in published] == [UpdateKind.DISPUTED] * 2
        assert len({update.fact for _, update in published}) == 1
        assert captured.of(ORDER).disputed

    def test_learn_is_tried_again_if_the_payment_changes_meanwhile(self, captured, store, provider):
        provider.dispute(intent_of(captured))

        with pytest.raises(PaymentBusy):
            captured.learn(intent_of(captured), lambda *_: store.replace(captured.of(ORDER), refunded=1))

        assert not captured.of(ORDER).disputed

    @pytest.mark.parametrize("order_id", [None, "ord_unknown", ORDER])
    def test_learn_leaves_payments_alone_that_no_order_knows(self, captured, provider, published, order_id):
        stranger = provider.create(order_id, AMOUNT, "by-hand").id
        provider.expire(stranger)
        before = captured.of(ORDER)

        captured.learn(stranger, lambda *update: published.append(update))

        assert published == []
        assert captured.of(ORDER) == before


RUN = "2030-05-17T00:00:00.000Z"


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


class TestReconciliation:
    def test_recently_created_payments_are_listed_newest_first(self, payments, provider):
        old, new = (provider.create(order_id, AMOUNT, order_id) for order_id in ("ord_1", "ord_2"))

        assert payments.recent_movements(at(old.created)).begun == [new, old]
        assert payments.recent_movements(at(old.created) + HOLDS_MOVE + timedelta(seconds=1)).begun == [new]

    def test_created_payments_are_listed_in_their_current_state(self, captured, provider):
        captured.refund_part(ORDER, euros(1000), "ret_1")
        provider.dispute(intent_of(captured))

        [intent] = captured.recent_movements(at(FIRST_PAYMENT)).begun

        assert intent == provider.retrieve(intent.id)

    @pytest.mark.parametrize(("what", "span"), [("refund", REFUNDS_MOVE), ("dispute", DISPUTES_MOVE)])
    def test_old_payments_are_listed_if_they_changed_recently(self, captured, provider, what, span):
        moment = at(FIRST_PAYMENT) + timedelta(days=300)
        provider.at(moment.timestamp())
        if what == "refund":
            provider.refund_by_hand(intent_of(captured), 1000)
        else:
            provider.dispute(intent_of(captured))

        [moved] = captured.recent_movements(moment + span).moved

        assert (moved.payment.id, len(moved.refunds) + len(moved.disputes)) == (intent_of(captured), 1)
        assert captured.recent_movements(moment + span + timedelta(seconds=1)).moved == []

    @pytest.mark.parametrize("deployment", [None, "111122223333/eu-west-1/storefront-prod"])
    def test_payments_of_other_applications_are_not_listed(self, captured, provider, deployment):
        others = provider.strangers(deployment)
        for order_id in (None, ORDER, "ord_2"):
            theirs = others.create(order_id, AMOUNT, f"theirs {order_id}").id
            others.confirm(theirs, APPROVED, f"confirm {order_id}")
            others.capture(theirs, f"capture {order_id}")
            others.refund_by_hand(theirs, 100)
            others.dispute(theirs)

        now = at(FIRST_PAYMENT)
        assert [intent.id for intent in captured.recent_movements(now).begun] == [intent_of(captured)]
        assert captured.recent_movements(now + HOLDS_MOVE + timedelta(days=1)).moved == []

    def test_recorded_payments_without_a_deployment_are_listed(self, store, provider):
        """Our own record names them."""
        old = provider.strangers(None)
        Payments(store, old).authorize(ORDER, AMOUNT, APPROVED)

        [intent] = Payments(store, provider).recent_movements(at(FIRST_PAYMENT)).begun

        assert (intent.order_id, intent.deployment) == (ORDER, None)

    def test_reconciliation_releases_a_hold(self, authorized, provider):
        intent = provider.retrieve(intent_of(authorized))

        authorized.repair(intent, 0, RUN)
        authorized.repair(intent, 0, RUN)

        assert provider.moves == ["create", "confirm", "cancel"]
        assert not provider.retrieve(intent.id).is_lost_hold

    def test_reconciliation_gives_a_surplus_back_once_in_each_run(self, captured, provider):
        intent = provider.retrieve(intent_of(captured))

        captured.repair(intent, 700, RUN)
        captured.repair(intent, 700, RUN)

        assert kept(provider) == 1800

    @pytest.mark.parametrize("has_effect", [False, True])
    def test_failure_is_stored_under_the_key_of_its_run(self, captured, provider, has_effect):
        intent = provider.retrieve(intent_of(captured))
        provider.failing = {"refund": has_effect}

        for _ in range(2):
            with pytest.raises(PaymentProviderFailed):
                captured.repair(intent, 700, RUN)

        assert kept(provider) == (1800 if has_effect else 2500)

    @pytest.mark.parametrize(("before", "surplus", "call"), [("authorized", 0, "cancel"), ("captured", 700, "refund")])
    def test_next_run_makes_a_new_attempt(self, payments, provider, request, before, surplus, call):
        request.getfixturevalue(before)
        intent = provider.retrieve(intent_of(payments))
        provider.failing = {call: False}
        with pytest.raises(PaymentProviderFailed):
            payments.repair(intent, surplus, RUN)

        payments.repair(intent, surplus, "2030-05-18T00:00:00.000Z")

        keys = [key for asked, key in provider.asked if asked == call]
        assert len(keys) == len(set(keys)) == 2
        assert provider.moves.count(call) == 1

    def test_reconciliation_gives_another_surplus_back_too(self, captured, provider):
        for run, surplus in enumerate((700, 300)):
            captured.repair(provider.retrieve(intent_of(captured)), surplus, f"run {run}")

        assert kept(provider) == 1500

    def test_refunded_surplus_does_not_count_as_a_requested_refund(self, captured, provider):
        published = []
        captured.repair(provider.retrieve(intent_of(captured)), 700, RUN)

        captured.learn(intent_of(captured), lambda *update: published.append(update))

        assert published == []
        assert (captured.of(ORDER).refunded, captured.of(ORDER).refunded_outside) == (700, 0)


class TestNothingToPay:
    @pytest.fixture
    def free(self, payments):
        payments.authorize(ORDER, euros(0), None)
        return payments

    def test_free_payment_is_captured_without_the_provider(self, free, provider):
        free.authorize(ORDER, euros(0), None)
        assert status_of(free) == PaymentStatus.AUTHORIZED

        free.capture(ORDER)
        free.capture(ORDER)

        assert status_of(free) == PaymentStatus.CAPTURED
        assert (provider.asked, free.of(ORDER).captured) == ([], 0)

    def test_free_payment_is_given_back_without_the_provider(self, free, provider):
        free.capture(ORDER)

        free.refund(ORDER)

        assert free.refund_part(ORDER, euros(0), "ret_1") == Given(0)
        assert provider.asked == []

    def test_free_payment_is_voided_without_the_provider_and_stays_so(self, free, provider):
        free.void(ORDER)

        with pytest.raises(PaymentEnded):
            free.capture(ORDER)
        with pytest.raises(PaymentEnded):
            free.authorize(ORDER, euros(0), None)
        assert provider.asked == []
