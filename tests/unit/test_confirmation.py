"""A payment that the buyer has to confirm: what is held, for how long it waits, and that no late answer pays."""

from datetime import timedelta

import pytest

from chalicelib.payments.confirmation import CLOCKS_DIFFER, NOT_CONFIRMED, Confirmation
from chalicelib.payments.model import BuyerActionRequired, PaymentEnded, PaymentStatus
from chalicelib.payments.provider import (
    PaymentDeclined,
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    ProviderStatus,
    UnexpectedPaymentState,
)
from chalicelib.payments.service import PaymentBusy, Payments
from chalicelib.platform.clock import iso
from testbed.shop.fake_payment_provider import FAILED_AUTHENTICATION, WANTS_HOLDER, FakePaymentProvider
from tests.builders import NOW, TestClock, euros
from tests.fakes import FakeStore

ORDER, INTENT = "ord_1", "pi_1"
AMOUNT = euros(2500)
LIMIT = timedelta(minutes=15)


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def provider():
    return FakePaymentProvider()


@pytest.fixture
def payments(provider, clock):
    return Payments(FakeStore(), provider, Confirmation("https://shop.example", LIMIT, clock))


@pytest.fixture
def authorize(payments):
    return lambda: payments.authorize(ORDER, AMOUNT, WANTS_HOLDER)


@pytest.fixture
def asked(payments, authorize):
    with pytest.raises(BuyerActionRequired):
        authorize()
    return payments


def status_of(payments):
    return payments.of(ORDER).status


def held(provider):
    return provider.retrieve(INTENT).held


class TestAsking:
    def test_authorize_keeps_what_the_buyer_has_to_do(self, asked, provider):
        action = asked.of(ORDER).action

        assert status_of(asked) == PaymentStatus.ACTION_REQUIRED
        assert (action.redirect_url, action.client_secret) == ("https://bank.example/pi_1", "pi_1_secret")
        assert action.expires_at == iso(NOW + LIMIT)
        assert provider.moves == ["create", "confirm"]

    def test_authorize_asks_the_buyer_once_however_often_it_runs(self, asked, authorize, provider, clock):
        clock.passes(minutes=5)
        with pytest.raises(BuyerActionRequired):
            authorize()

        assert provider.moves == ["create", "confirm"]
        assert asked.of(ORDER).action.expires_at == iso(NOW + LIMIT)

    @pytest.mark.parametrize("fault", [{"losing": {"confirm"}}, {"failing": {"confirm": True}}])
    def test_authorize_goes_on_after_a_lost_answer(self, authorize, provider, payments, fault):
        vars(provider).update(fault)
        with pytest.raises((PaymentProviderUnavailable, PaymentProviderFailed)):
            authorize()

        with pytest.raises(BuyerActionRequired):
            authorize()

        assert provider.moves == ["create", "confirm"]
        assert payments.of(ORDER).action.redirect_url == "https://bank.example/pi_1"

    def test_secret_and_tokens_stay_out_of_every_repr(self, asked):
        asked.await_buyer(ORDER, "token-1")

        shown = f"{asked.of(ORDER)!r} {asked.of(ORDER)} {asked.retrieve(INTENT)!r}"

        assert not [secret for secret in ("pi_1_secret", "bank.example", "token-1") if secret in shown]


class TestAnswer:
    def test_confirmed_payment_is_authorized(self, asked, authorize, provider):
        provider.answer(INTENT)

        authorize()

        assert status_of(asked) == PaymentStatus.AUTHORIZED
        assert (asked.of(ORDER).action, held(provider)) == (None, 2500)

    def test_failed_confirmation_is_a_final_decline(self, asked, authorize, provider):
        provider.answer(INTENT, confirms=False)

        for _ in range(2):
            with pytest.raises(PaymentDeclined, match=FAILED_AUTHENTICATION):
                authorize()

        assert provider.retrieve(INTENT).status == ProviderStatus.CANCELLED
        assert (status_of(asked), asked.of(ORDER).action) == (PaymentStatus.DECLINED, None)
        with pytest.raises(UnexpectedPaymentState):
            provider.confirm(INTENT, "pm_card_visa", "by the buyer, with the client secret")

    def test_failed_confirmation_is_canceled_after_a_failure_of_stripe(self, asked, authorize, provider):
        provider.answer(INTENT, confirms=False)
        provider.failing = {"cancel": False}
        with pytest.raises(PaymentProviderFailed):
            authorize()

        with pytest.raises(PaymentDeclined):
            authorize()

        assert provider.retrieve(INTENT).status == ProviderStatus.CANCELLED

    def test_payment_that_is_not_confirmed_in_time_is_declined(self, asked, authorize, provider, clock):
        clock.passes(seconds=LIMIT.total_seconds() - CLOCKS_DIFFER.total_seconds() - 1)
        with pytest.raises(BuyerActionRequired):
            authorize()

        clock.passes(seconds=1)
        with pytest.raises(PaymentDeclined, match=NOT_CONFIRMED):
            authorize()

        assert provider.moves == ["create", "confirm", "cancel"]
        with pytest.raises(UnexpectedPaymentState):
            provider.answer(INTENT)

    def test_confirmation_at_the_deadline_counts(self, asked, authorize, provider, clock):
        clock.passes(hours=1)
        provider.answer(INTENT)

        authorize()

        assert (status_of(asked), held(provider)) == (PaymentStatus.AUTHORIZED, 2500)

    def test_payment_captured_by_others_at_the_deadline_goes_on(self, asked, authorize, provider, clock, monkeypatch):
        clock.passes(hours=1)
        cancel = provider.cancel

        def too_late(*request):
            provider.answer(INTENT)
            provider.capture_by_hand(INTENT, 2500)
            return cancel(*request)

        monkeypatch.setattr(provider, "cancel", too_late)
        authorize()

        assert status_of(asked) == PaymentStatus.AUTHORIZED

    def test_payment_that_is_not_canceled_yet_is_tried_again(self, asked, authorize, provider, clock, monkeypatch):
        clock.passes(hours=1)
        with monkeypatch.context() as patched:
            patched.setattr(provider, "cancel", lambda payment_id, key: provider.retrieve(payment_id))
            with pytest.raises(PaymentBusy):
                authorize()
        assert status_of(asked) == PaymentStatus.ACTION_REQUIRED

        with pytest.raises(PaymentDeclined):
            authorize()

        assert provider.retrieve(INTENT).status == ProviderStatus.CANCELLED

    def test_decline_is_kept_when_the_answer_to_our_cancel_is_lost(self, asked, authorize, provider, clock):
        clock.passes(hours=1)
        provider.losing = {"cancel"}
        with pytest.raises(PaymentProviderUnavailable):
            authorize()
        asked.learn(INTENT, lambda *_: None)

        with pytest.raises(PaymentDeclined, match=NOT_CONFIRMED):
            authorize()

    def test_payment_canceled_outside_the_shop_has_ended(self, asked, authorize, provider):
        provider.expire(INTENT)

        with pytest.raises(PaymentEnded):
            authorize()

        assert status_of(asked) == PaymentStatus.VOIDED

    def test_void_closes_the_confirmation(self, asked, provider):
        asked.await_buyer(ORDER, "token-1")

        asked.void(ORDER)

        assert (status_of(asked), asked.of(ORDER).action) == (PaymentStatus.VOIDED, None)
        assert asked.of(ORDER).task_tokens == ()
        with pytest.raises(UnexpectedPaymentState):
            provider.answer(INTENT)

    def test_void_lets_a_hold_go_that_the_buyer_has_just_confirmed(self, asked, provider):
        provider.answer(INTENT)

        asked.void(ORDER)

        assert (held(provider), provider.retrieve(INTENT).status) == (0, ProviderStatus.CANCELLED)


class TestWaiting:
    def test_tokens_of_all_attempts_are_woken_once_the_buyer_answered(self, asked, provider):
        assert asked.await_buyer(ORDER, "token-1") and asked.await_buyer(ORDER, "token-2")
        assert asked.await_buyer(ORDER, "token-2")
        assert asked.answered(ORDER) == ()

        provider.answer(INTENT, confirms=False)

        assert asked.answered(ORDER) == ("token-1", "token-2")

    @pytest.mark.parametrize("confirms", [True, False])
    def test_answer_before_the_wait_ends_it_at_once(self, asked, provider, confirms):
        provider.answer(INTENT, confirms)

        assert not asked.await_buyer(ORDER, "token-1")

    def test_answer_while_the_token_is_kept_ends_the_wait(self, provider, clock):
        class AnswersMeanwhile(FakeStore):
            def replace(self, old, **changes):
                if changes.get("task_tokens"):
                    provider.answer(INTENT)
                return super().replace(old, **changes)

        payments = Payments(AnswersMeanwhile(), provider, Confirmation("", LIMIT, clock))
        with pytest.raises(BuyerActionRequired):
            payments.authorize(ORDER, AMOUNT, WANTS_HOLDER)

        assert not payments.await_buyer(ORDER, "token-1")

    def test_payment_that_left_the_wait_wakes_no_step(self, asked, authorize, provider):
        asked.await_buyer(ORDER, "token-1")
        provider.answer(INTENT)
        authorize()

        assert asked.answered(ORDER) == () and not asked.await_buyer(ORDER, "token-2")
        assert asked.of(ORDER).task_tokens == ()
