"""Contract of the payment provider port: Stripe's adapter, against the sandbox, and the fake behave alike.

An adapter for another provider passes with an entry in `ACCOUNTS`.
"""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import stripe

from chalicelib.payments.provider import (
    DisputeStatus,
    PaymentDeclined,
    PaymentDisputed,
    PaymentProvider,
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    PaymentUnknown,
    ProviderStatus,
    RefundStatus,
    RefundTooLarge,
    UnexpectedPaymentState,
)
from chalicelib.payments.stripe_provider import StripeProvider
from chalicelib.platform.parameters import Parameter
from infra.stripe_sandbox import serve
from testbed.shop.fake_payment_provider import APPROVED, DECLINED, WANTS_HOLDER, FakePaymentProvider
from tests.builders import euros

ORDER, OURS = "ord_1", "000000000000/eu-west-1/storefront-test"
AMOUNT = euros(2500)
FAR_FUTURE = 4_000_000_000


SANDBOX_STATUS = {
    DisputeStatus.OPEN: "needs_response",
    DisputeStatus.INQUIRY: "warning_needs_response",
    DisputeStatus.WITHDRAWN: "warning_closed",
}


class SandboxControl:
    """Changes outside the shop at the Stripe sandbox, and the sandbox's faults."""

    def __init__(self, url, account):
        self._url = url
        self._headers = {"Authorization": f"Bearer {account}", "Content-Type": "application/json"}

    def answer(self, payment_id, confirms=True):
        self._ask(f"payment_intents/{payment_id}/authenticate", outcome="complete" if confirms else "fail")

    def expire(self, payment_id):
        self._ask(f"payment_intents/{payment_id}/expire")

    def refund_by_hand(self, payment_id, amount):
        self._ask(f"payment_intents/{payment_id}/refund", amount=amount)

    def dispute(self, payment_id, amount=None, status=DisputeStatus.OPEN):
        self._ask(f"payment_intents/{payment_id}/dispute", status=SANDBOX_STATUS.get(status, status), amount=amount)

    def capture_by_hand(self, payment_id, amount):
        self._ask(f"payment_intents/{payment_id}/capture", amount=amount)

    def fail_refund(self, refund_id, status=RefundStatus.FAILED):
        self._ask(f"refunds/{refund_id}/fail", status=status)

    def close_dispute(self, payment_id, status):
        self._ask(f"disputes/{payment_id}/close", status=SANDBOX_STATUS.get(status, status))

    def fail(self, call, has_effect):
        self._ask("faults", operation=call, kind="sticky_error_after" if has_effect else "sticky_error")

    def lose(self, call):
        """Apply the fault twice, because the SDK retries by itself."""
        self._ask("faults", operation=call, kind="error_after", times=2)

    def _ask(self, path, **body):
        request = urllib.request.Request(
            f"{self._url}/admin/{path}", json.dumps(body).encode(), self._headers, method="POST"
        )
        urllib.request.urlopen(request).close()


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch):
    """The SDK waits half a second before each retry."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    server = serve(0, str(tmp_path_factory.mktemp("payments") / "state.sqlite"))
    yield server
    server.close()


@dataclass(frozen=True)
class Account:
    """A new account at a provider. `control` makes changes outside the shop; `silent` never responds."""

    provider: PaymentProvider
    control: Any
    silent: PaymentProvider


def at_stripe(request) -> Account:
    url, key = request.getfixturevalue("sandbox").url, f"sk_test_{uuid.uuid4().hex}"
    silent = StripeProvider(Parameter(lambda: key), "http://127.0.0.1:9")
    return Account(StripeProvider(Parameter(lambda: key), url, OURS), SandboxControl(url, key), silent)


def in_memory(request) -> Account:
    fake, silent = FakePaymentProvider(OURS), FakePaymentProvider()
    silent.is_down = True
    return Account(fake, fake, silent)


ACCOUNTS: dict[str, Callable[..., Account]] = {"stripe": at_stripe, "fake": in_memory}


@pytest.fixture(params=ACCOUNTS)
def account(request):
    return ACCOUNTS[request.param](request)


@pytest.fixture
def provider(account):
    return account.provider


@pytest.fixture
def others(account):
    return account.control


def refunds_of(provider, payment_id):
    return [(refund.amount, refund.reference) for refund in provider.retrieve(payment_id).refunds]


@pytest.fixture
def created(provider):
    return provider.create(ORDER, AMOUNT, "create").id


@pytest.fixture
def held(provider, created):
    return provider.confirm(created, APPROVED, "confirm").id


@pytest.fixture
def taken(provider, held):
    return provider.capture(held, "capture").id


def test_payment_belongs_to_its_order(provider):
    payment = provider.create(ORDER, AMOUNT, "create")

    assert (payment.status, payment.order_id, payment.amount) == (ProviderStatus.CREATED, ORDER, 2500)
    assert (payment.held, payment.captured, payment.refunded) == (0, 0, 0)
    assert provider.retrieve(payment.id) == payment


def test_idempotency_key_identifies_one_payment(provider):
    first, again, other = (provider.create(ORDER, AMOUNT, key) for key in ("create", "create", "create:1"))

    assert first == again
    assert other.id != first.id


def test_idempotency_key_of_another_request_fails(provider, created):
    with pytest.raises(PaymentProviderFailed):
        provider.create(ORDER, euros(100), "create")


def test_confirmed_intent_holds_the_money(provider, created):
    confirmed = provider.confirm(created, APPROVED, "confirm")

    assert (confirmed.id, confirmed.status, confirmed.captured) == (created, ProviderStatus.AUTHORIZED, 0)
    assert confirmed.held == 2500
    assert provider.confirm(created, APPROVED, "confirm") == confirmed
    assert provider.retrieve(created) == confirmed


def test_declined_card_is_named_and_declined_again(provider, created):
    for _ in range(2):
        with pytest.raises(PaymentDeclined, match="generic_decline"):
            provider.confirm(created, DECLINED, "confirm")

    assert provider.retrieve(created).status == ProviderStatus.DECLINED
    assert provider.retrieve(created).decline_code == "generic_decline"


def test_new_idempotency_key_is_a_new_attempt(provider, created):
    with pytest.raises(PaymentDeclined):
        provider.confirm(created, DECLINED, "confirm")

    assert provider.confirm(created, APPROVED, "confirm:1").status == ProviderStatus.AUTHORIZED
    with pytest.raises(PaymentDeclined):
        provider.confirm(created, DECLINED, "confirm")


def test_unknown_card_is_declined(provider, created):
    with pytest.raises(PaymentDeclined, match="invalid_payment_method"):
        provider.confirm(created, "pm_nobody_knows", "confirm")


@pytest.fixture
def asked(provider, created):
    """Return the id of a payment that its buyer has to confirm."""
    return provider.confirm(created, WANTS_HOLDER, "confirm", "https://shop.example/orders/ord_1").id


def test_card_may_require_authentication(provider, asked):
    payment = provider.retrieve(asked)

    assert (payment.status, payment.held) == (ProviderStatus.REQUIRES_ACTION, 0)
    assert payment.redirect_url.startswith("http") and payment.browser_secret.startswith(asked)
    assert provider.cancel(asked, "cancel").status == ProviderStatus.CANCELLED


@pytest.mark.parametrize(
    ("confirms", "status", "held", "code"),
    [
        (True, ProviderStatus.AUTHORIZED, 2500, None),
        (False, ProviderStatus.DECLINED, 0, "payment_intent_authentication_failure"),
    ],
)
def test_holder_confirms_or_fails_to(provider, others, asked, confirms, status, held, code):
    others.answer(asked, confirms)

    payment = provider.retrieve(asked)

    assert (payment.status, payment.held, payment.decline_code) == (status, held, code)
    assert payment.redirect_url is None


def test_canceled_payment_cannot_be_confirmed_later(provider, others, asked):
    provider.cancel(asked, "cancel")

    with pytest.raises((UnexpectedPaymentState, urllib.error.HTTPError)):
        others.answer(asked)
    assert provider.retrieve(asked).status == ProviderStatus.CANCELLED


def test_canceled_intent_cannot_be_confirmed(provider, created):
    provider.cancel(created, "cancel")

    with pytest.raises(UnexpectedPaymentState):
        provider.confirm(created, APPROVED, "confirm")


def test_held_money_is_taken_once(provider, held):
    captured = provider.capture(held, "capture")

    assert (captured.status, captured.captured) == (ProviderStatus.CAPTURED, 2500)
    assert provider.capture(held, "capture") == captured


def test_money_that_was_taken_otherwise_cannot_be_taken_again(provider, taken):
    with pytest.raises(UnexpectedPaymentState):
        provider.capture(taken, "by-hand")

    assert provider.retrieve(taken).captured == 2500


def test_money_that_is_not_held_cannot_be_taken(provider, created):
    with pytest.raises(UnexpectedPaymentState):
        provider.capture(created, "capture")


@pytest.mark.parametrize("state", ["created", "held"])
def test_uncaptured_payment_can_be_cancelled(provider, state, request):
    payment_id = request.getfixturevalue(state)

    cancelled = provider.cancel(payment_id, "cancel")

    assert cancelled.status == ProviderStatus.CANCELLED
    assert provider.cancel(payment_id, "cancel") == cancelled


def test_released_hold_cannot_be_captured(provider, held):
    provider.cancel(held, "another")

    with pytest.raises(UnexpectedPaymentState):
        provider.capture(held, "capture")
    with pytest.raises(UnexpectedPaymentState):
        provider.cancel(held, "cancel")


def test_hold_released_by_the_shop_is_not_lost(provider, held):
    assert provider.cancel(held, "cancel").cancelled_by_shop
    assert not provider.retrieve(held).is_lost_hold


def test_expired_authorization_is_lost(provider, others, held):
    others.expire(held)

    assert provider.retrieve(held).is_lost_hold
    assert provider.retrieve(held).held == 0
    with pytest.raises(UnexpectedPaymentState):
        provider.capture(held, "capture")


def test_captured_payment_can_only_be_refunded(provider, taken):
    with pytest.raises(UnexpectedPaymentState):
        provider.cancel(taken, "cancel")

    provider.refund(taken, 2500, "ord_1:refund", "refund")
    provider.refund(taken, 2500, "ord_1:refund", "refund")

    payment = provider.retrieve(taken)
    assert (payment.status, payment.refunded, payment.kept) == (ProviderStatus.CAPTURED, 2500, 0)


def test_refunds_are_listed_with_what_they_were_for(provider, others, taken):
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    provider.refund(taken, 500, "ord_1:ret_2", "ret_2")
    others.refund_by_hand(taken, 300)

    assert refunds_of(provider, taken) == [(300, None), (500, "ord_1:ret_2"), (1000, "ord_1:ret_1")]
    assert provider.retrieve(taken).kept == 700


def test_payment_without_refunds_lists_none(provider, taken):
    assert provider.retrieve(taken).refunds == ()


def test_refund_above_the_captured_amount_is_refused(provider, taken):
    provider.refund(taken, 2000, "ord_1:ret_1", "ret_1")

    with pytest.raises(RefundTooLarge):
        provider.refund(taken, 501, "ord_1:ret_2", "ret_2")

    assert provider.retrieve(taken).kept == 500


def test_disputed_payment_cannot_be_refunded(provider, others, taken):
    others.dispute(taken)

    assert provider.retrieve(taken).disputed
    with pytest.raises(PaymentDisputed):
        provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    assert provider.retrieve(taken).refunds == ()


def test_won_dispute_allows_a_refund_under_a_new_key_only(provider, others, taken):
    others.dispute(taken)
    with pytest.raises(PaymentDisputed):
        provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    others.close_dispute(taken, DisputeStatus.WON)

    with pytest.raises(PaymentDisputed):
        provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1:1")

    assert refunds_of(provider, taken) == [(1000, "ord_1:ret_1")]
    assert not provider.retrieve(taken).disputed


def test_payment_bears_the_mark_of_its_shop(provider, created):
    assert provider.retrieve(created).deployment == OURS
    assert [payment.deployment for payment in provider.payments_since(0)] == [OURS]


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELLED])
def test_refund_that_fails_later_is_kept_again(provider, others, taken, status):
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    [made] = provider.retrieve(taken).refunds

    others.fail_refund(made.id, status)

    payment = provider.retrieve(taken)
    assert [(refund.id, refund.status, refund.is_effective) for refund in payment.refunds] == [(made.id, status, False)]
    assert (payment.refunded, payment.kept) == (0, 2500)
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    assert provider.retrieve(taken).kept == 2500, "under the same key Stripe only repeats its answer"
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1:1")
    assert provider.retrieve(taken).kept == 1500


@pytest.mark.parametrize(
    ("begins", "ends", "withdrawn", "lost"),
    [
        (DisputeStatus.OPEN, DisputeStatus.WON, 1000, 0),
        (DisputeStatus.OPEN, DisputeStatus.LOST, 1000, 1000),
        (DisputeStatus.INQUIRY, DisputeStatus.WITHDRAWN, 0, 0),
    ],
)
def test_dispute_withdraws_until_it_ends(provider, others, taken, begins, ends, withdrawn, lost):
    others.dispute(taken, 1000, begins)
    during = provider.retrieve(taken)
    others.close_dispute(taken, ends)
    after = provider.retrieve(taken)

    assert (during.disputed, during.withdrawn, during.lost) == (True, withdrawn, 0)
    assert (after.disputed, after.withdrawn, after.lost, after.kept) == (False, 0, lost, 2500 - lost)


def test_disputed_amount_cannot_be_refunded(provider, others, taken):
    others.dispute(taken)
    others.close_dispute(taken, DisputeStatus.LOST)

    with pytest.raises(PaymentDisputed):
        provider.refund(taken, 2500, "ord_1:ret_1", "ret_1")


def test_movements_are_listed_by_their_own_age_with_their_payment(provider, others, taken):
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    others.dispute(taken)

    payment = provider.retrieve(taken)
    assert [(each.id, each.order_id, refund) for each, refund in provider.refunds_since(0)] == [
        (taken, ORDER, payment.refunds[0])
    ]
    assert [(each.deployment, dispute) for each, dispute in provider.disputes_since(0)] == [(OURS, payment.disputes[0])]
    assert [*provider.refunds_since(FAR_FUTURE), *provider.disputes_since(FAR_FUTURE)] == []


def test_partial_capture_outside_the_shop_is_possible(provider, others, held):
    others.capture_by_hand(held, 1000)

    payment = provider.retrieve(held)
    assert (payment.status, payment.captured, payment.amount) == (ProviderStatus.CAPTURED, 1000, 2500)


def test_missing_payment_is_unknown(provider, created):
    with pytest.raises(PaymentUnknown):
        provider.retrieve("pi_unknown")


def test_payments_are_listed_newest_first_in_their_current_state(provider, others, taken):
    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    other = provider.create("ord_2", AMOUNT, "create ord_2")

    assert list(provider.payments_since(0)) == [other, replace(provider.retrieve(taken), refunds=())]
    assert other in list(provider.payments_since(other.created))
    assert list(provider.payments_since(FAR_FUTURE)) == []


def test_payments_of_several_pages_are_all_listed(provider):
    created = [provider.create(ORDER, AMOUNT, f"create:{n}").id for n in range(101)]

    assert [payment.id for payment in provider.payments_since(0)] == created[::-1]


CALLS = {
    "create": (None, lambda provider, _, key: provider.create(ORDER, AMOUNT, key)),
    "confirm": ("created", lambda provider, payment_id, key: provider.confirm(payment_id, APPROVED, key)),
    "capture": ("held", lambda provider, payment_id, key: provider.capture(payment_id, key)),
    "cancel": ("held", lambda provider, payment_id, key: provider.cancel(payment_id, key)),
    "refund": ("taken", lambda provider, payment_id, key: provider.refund(payment_id, 1000, "ord_1:ret_1", key)),
}
DONE = {"confirm": ProviderStatus.AUTHORIZED, "capture": ProviderStatus.CAPTURED, "cancel": ProviderStatus.CANCELLED}


@pytest.mark.parametrize("call", CALLS)
class TestFailure:
    @pytest.fixture
    def ask(self, call, provider, payment_id):
        return lambda key: CALLS[call][1](provider, payment_id, key)

    @pytest.fixture
    def payment_id(self, call, request):
        before = CALLS[call][0]
        return request.getfixturevalue(before) if before else None

    @pytest.fixture
    def is_done(self, call, provider, payment_id):
        """Return whether the call had its effect."""
        if call == "create":
            return lambda: list(provider.payments_since(0)) != []
        if call == "refund":
            return lambda: provider.retrieve(payment_id).refunds != ()
        return lambda: provider.retrieve(payment_id).status == DONE[call]

    @pytest.mark.parametrize("has_effect", [False, True])
    def test_failure_of_the_providers_own_stays_under_its_key(self, call, others, ask, is_done, has_effect):
        others.fail(call, has_effect)

        for _ in range(2):
            with pytest.raises(PaymentProviderFailed):
                ask("key")

        assert is_done() == has_effect

    def test_failure_without_effect_is_no_failure_under_another_key(self, call, others, ask, is_done):
        others.fail(call, has_effect=False)
        with pytest.raises(PaymentProviderFailed):
            ask("key")

        ask("another key")

        assert is_done()

    def test_failure_to_hear_the_answer_leaves_the_answer_under_its_key(self, call, others, ask, is_done):
        others.lose(call)
        with pytest.raises(PaymentProviderUnavailable):
            ask("key")
        assert is_done()

        ask("key")


@pytest.mark.parametrize("call", CALLS)
def test_silent_provider_raises_unavailable_on_every_write(account, call):
    with pytest.raises(PaymentProviderUnavailable) as failure:
        CALLS[call][1](account.silent, "unknown", "key")

    assert not isinstance(failure.value, PaymentProviderFailed)


@pytest.mark.parametrize("read", ["retrieve", "payments_since", "refunds_since", "disputes_since"])
def test_silent_provider_raises_unavailable_on_every_read(account, read):
    with pytest.raises(PaymentProviderUnavailable):
        list(getattr(account.silent, read)("unknown" if read == "retrieve" else 0))


@pytest.mark.parametrize("call", ["confirm", "capture", "cancel", "refund"])
def test_unknown_payment_is_unknown_to_every_write(provider, call):
    with pytest.raises(PaymentUnknown):
        CALLS[call][1](provider, "pi_unknown", "key")


def test_refund_after_everything_was_refunded_is_too_large(provider, taken):
    provider.refund(taken, 2500, "ord_1:ret_1", "ret_1")

    with pytest.raises(RefundTooLarge):
        provider.refund(taken, 1, "ord_1:ret_2", "ret_2")


def test_declined_payment_can_be_cancelled_by_the_shop(provider, created):
    with pytest.raises(PaymentDeclined):
        provider.confirm(created, DECLINED, "confirm")

    cancelled = provider.cancel(created, "cancel")

    assert (cancelled.status, cancelled.is_lost_hold) == (ProviderStatus.CANCELLED, False)
    assert cancelled.decline_code == "generic_decline"


def test_failed_confirmation_allows_another_card(provider, others, asked):
    others.answer(asked, confirms=False)

    confirmed = provider.confirm(asked, APPROVED, "confirm:1")

    assert (confirmed.status, confirmed.held, confirmed.decline_code) == (ProviderStatus.AUTHORIZED, 2500, None)


def test_inquiry_does_not_prevent_a_refund(provider, others, taken):
    others.dispute(taken, 1000, DisputeStatus.INQUIRY)

    provider.refund(taken, 1000, "ord_1:ret_1", "ret_1")

    assert refunds_of(provider, taken) == [(1000, "ord_1:ret_1")]


def test_refund_after_a_lost_dispute_is_limited_to_the_rest(provider, others, taken):
    others.dispute(taken, 1000)
    others.close_dispute(taken, DisputeStatus.LOST)

    with pytest.raises(PaymentDisputed):
        provider.refund(taken, 2000, "ord_1:ret_1", "ret_1")


@pytest.mark.parametrize("call", ["confirm", "capture", "cancel", "refund"])
def test_reused_key_with_other_arguments_fails(provider, created, call):
    provider.create("ord_2", AMOUNT, "key")

    with pytest.raises(PaymentProviderFailed):
        CALLS[call][1](provider, created, "key")
