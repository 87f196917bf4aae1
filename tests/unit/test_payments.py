"""Money is moved at most once per step, and every end is final, however the calls repeat or cross."""

import pytest

from chalicelib.payments.gateway import PaymentProviderUnavailable
from chalicelib.payments.model import Payment, PaymentDeclined, PaymentEnded, PaymentStatus
from chalicelib.payments.service import Payments
from tests.builders import euros
from tests.fakes import APPROVED, DECLINED, WANTS_HOLDER, FakeGateway, FakeStore

ORDER = "ord_1"
AMOUNT = euros(2500)


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def provider():
    return FakeGateway()


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


class TestAuthorize:
    def test_holds_the_money_once_however_often_it_is_asked(self, payments, provider):
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
    def test_goes_on_after_a_lost_answer(self, payments, provider, lost):
        provider.losing = {lost}
        with pytest.raises(PaymentProviderUnavailable):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        payments.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves == ["create", "confirm"]
        assert status_of(payments) == PaymentStatus.AUTHORIZED

    def test_a_declined_card_stays_declined(self, payments, provider):
        for card in (DECLINED, APPROVED):
            with pytest.raises(PaymentDeclined, match="generic_decline"):
                payments.authorize(ORDER, AMOUNT, card)

        assert provider.moves == ["create"]
        assert payments.of(ORDER).decline_code == "generic_decline"

    def test_a_card_that_wants_its_holder_is_declined_and_let_go(self, payments, provider):
        for _ in range(2):
            with pytest.raises(PaymentDeclined, match="authentication_required"):
                payments.authorize(ORDER, AMOUNT, WANTS_HOLDER)

        assert provider.moves == ["create", "confirm", "cancel"]
        assert status_of(payments) == PaymentStatus.DECLINED

    def test_a_captured_payment_needs_no_other_hold(self, captured, provider):
        captured.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves.count("confirm") == 1

    def test_finds_the_door_closed_after_a_void(self, payments, provider):
        payments.void(ORDER)

        with pytest.raises(PaymentEnded):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        assert provider.moves == []

    def test_finds_the_door_closed_if_the_void_came_while_the_intent_was_made(self, payments, provider, store):
        class VoidsMeanwhile(FakeGateway):
            def create(self, order_id, amount):
                Payments(store, self).void(order_id)
                return super().create(order_id, amount)

        slow = VoidsMeanwhile()

        with pytest.raises(PaymentEnded):
            Payments(store, slow).authorize(ORDER, AMOUNT, APPROVED)

        assert "confirm" not in slow.moves

    def test_ends_if_the_void_came_after_the_confirmation(self, store):
        class VoidsAfterwards(FakeGateway):
            def confirm(self, order_id, intent_id, payment_method):
                intent = super().confirm(order_id, intent_id, payment_method)
                Payments(store, self).void(order_id)
                return intent

        slow = VoidsAfterwards()

        with pytest.raises(PaymentEnded):
            Payments(store, slow).authorize(ORDER, AMOUNT, APPROVED)

        assert slow.moves == ["create", "confirm", "cancel"]
        assert store.get(ORDER).status == PaymentStatus.VOIDED

    def test_ends_if_the_void_came_before_the_confirmation(self, store):
        class VoidsBefore(FakeGateway):
            def confirm(self, order_id, intent_id, payment_method):
                Payments(store, self).void(order_id)
                return super().confirm(order_id, intent_id, payment_method)

        with pytest.raises(PaymentEnded):
            Payments(store, VoidsBefore()).authorize(ORDER, AMOUNT, APPROVED)

        assert store.get(ORDER).status == PaymentStatus.VOIDED


class TestCapture:
    def test_takes_the_held_money_once(self, authorized, provider):
        authorized.capture(ORDER)
        authorized.capture(ORDER)

        assert provider.moves == ["create", "confirm", "capture"]
        assert authorized.of(ORDER).captured == 2500

    def test_goes_on_after_a_lost_answer(self, authorized, provider):
        provider.losing = {"capture"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.capture(ORDER)

        authorized.capture(ORDER)

        assert provider.moves.count("capture") == 1
        assert status_of(authorized) == PaymentStatus.CAPTURED

    def test_notes_what_was_captured_otherwise(self, authorized, provider):
        provider.capture("by-hand", authorized.of(ORDER).intent_id)

        authorized.capture(ORDER)

        assert provider.moves.count("capture") == 1
        assert status_of(authorized) == PaymentStatus.CAPTURED
        assert authorized.of(ORDER).captured == 2500

    def test_an_expired_hold_cannot_be_captured(self, authorized, provider):
        provider.cancel("expiry", authorized.of(ORDER).intent_id)

        with pytest.raises(PaymentEnded):
            authorized.capture(ORDER)

        assert "capture" not in provider.moves

    def test_there_must_be_a_payment(self, payments):
        with pytest.raises(PaymentEnded):
            payments.capture(ORDER)

    @pytest.mark.parametrize(
        "status", [PaymentStatus.CREATED, PaymentStatus.DECLINED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED]
    )
    def test_only_a_hold_can_be_captured(self, payments, store, provider, status):
        store.create(Payment(order_id=ORDER, status=status, intent_id="pi_1", amount=AMOUNT))

        with pytest.raises(PaymentEnded):
            payments.capture(ORDER)

        assert provider.moves == []


class TestRefund:
    def test_gives_captured_money_back_once(self, captured, provider):
        captured.refund(ORDER)
        captured.refund(ORDER)

        assert provider.moves.count("refund") == 1
        assert status_of(captured) == PaymentStatus.REFUNDED
        assert captured.of(ORDER).refunded == 2500

    def test_goes_on_after_a_lost_answer(self, captured, provider):
        provider.losing = {"refund"}
        with pytest.raises(PaymentProviderUnavailable):
            captured.refund(ORDER)

        captured.refund(ORDER)

        assert provider.moves.count("refund") == 1
        assert status_of(captured) == PaymentStatus.REFUNDED

    def test_gives_back_what_was_captured_and_not_noted(self, authorized, provider):
        provider.losing = {"capture"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.capture(ORDER)

        authorized.refund(ORDER)

        assert provider.moves[-2:] == ["capture", "refund"]
        assert (authorized.of(ORDER).captured, authorized.of(ORDER).refunded) == (2500, 2500)

    def test_leaves_a_mere_hold_alone(self, authorized, provider):
        authorized.refund(ORDER)

        assert provider.moves == ["create", "confirm"]
        assert status_of(authorized) == PaymentStatus.AUTHORIZED

    def test_is_nothing_where_there_was_no_payment(self, payments):
        payments.refund(ORDER)

        assert payments.of(ORDER) is None

    def test_is_nothing_after_a_void(self, authorized, provider):
        authorized.void(ORDER)

        authorized.refund(ORDER)

        assert "refund" not in provider.moves

    def test_is_nothing_after_a_decline(self, payments, provider):
        with pytest.raises(PaymentDeclined):
            payments.authorize(ORDER, AMOUNT, DECLINED)

        payments.refund(ORDER)

        assert status_of(payments) == PaymentStatus.DECLINED
        assert "refund" not in provider.moves

    def test_ends_what_would_have_been_captured(self, captured):
        captured.refund(ORDER)

        with pytest.raises(PaymentEnded):
            captured.capture(ORDER)


class TestVoid:
    def test_lets_go_of_a_hold_once(self, authorized, provider):
        authorized.void(ORDER)
        authorized.void(ORDER)

        assert provider.moves == ["create", "confirm", "cancel"]
        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_leaves_a_sign_where_there_was_nothing(self, payments, provider):
        payments.void(ORDER)
        payments.void(ORDER)

        assert payments.of(ORDER) == Payment(order_id=ORDER, status=PaymentStatus.VOIDED)
        assert provider.moves == []

    def test_lets_go_of_a_hold_that_was_not_noted(self, payments, provider):
        provider.losing = {"confirm"}
        with pytest.raises(PaymentProviderUnavailable):
            payments.authorize(ORDER, AMOUNT, APPROVED)

        payments.void(ORDER)

        assert provider.moves == ["create", "confirm", "cancel"]
        assert status_of(payments) == PaymentStatus.VOIDED

    def test_goes_on_after_a_lost_answer(self, authorized, provider):
        provider.losing = {"cancel"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.void(ORDER)

        authorized.void(ORDER)

        assert provider.moves.count("cancel") == 1
        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_gives_back_what_was_captured_and_not_noted(self, authorized, provider):
        provider.losing = {"capture"}
        with pytest.raises(PaymentProviderUnavailable):
            authorized.capture(ORDER)

        authorized.void(ORDER)

        assert provider.moves == ["create", "confirm", "capture", "refund"]
        assert status_of(authorized) == PaymentStatus.REFUNDED

    def test_notes_a_hold_that_expired(self, authorized, provider):
        provider.cancel("expiry", authorized.of(ORDER).intent_id)

        authorized.void(ORDER)

        assert status_of(authorized) == PaymentStatus.VOIDED

    def test_is_nothing_after_a_decline_or_a_refund(self, payments, captured, provider):
        captured.refund(ORDER)
        before = list(provider.moves)

        captured.void(ORDER)

        assert provider.moves == before
        assert status_of(captured) == PaymentStatus.REFUNDED

    def test_leaves_a_decline_as_the_reason(self, payments, provider):
        with pytest.raises(PaymentDeclined):
            payments.authorize(ORDER, AMOUNT, DECLINED)

        payments.void(ORDER)

        assert status_of(payments) == PaymentStatus.DECLINED
        assert provider.moves == ["create"]

    def test_ends_what_would_have_been_captured(self, authorized, provider):
        authorized.void(ORDER)

        with pytest.raises(PaymentEnded):
            authorized.capture(ORDER)

        assert "capture" not in provider.moves
