"""What the payments rely on at the provider: the fake and Stripe's own SDK against the sandbox agree."""

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import replace

import pytest
import stripe

from chalicelib.payments.gateway import (
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    StripeGateway,
    UnexpectedIntentState,
)
from chalicelib.payments.model import OUR_CANCELLATION, PaymentDeclined, PaymentDisputed, PaymentUnknown
from chalicelib.platform.parameters import Parameter
from infra.stripe_sandbox import serve
from tests.builders import euros
from tests.fakes import APPROVED, DECLINED, WANTS_HOLDER, FakeGateway

ORDER, OURS = "ord_1", "000000000000/eu-west-1/storefront-test"
AMOUNT = euros(2500)
FAR_FUTURE = 4_000_000_000


class ByHand:
    """What others than the shop do to a payment at the sandbox."""

    def __init__(self, url, account):
        self._url = url
        self._headers = {"Authorization": f"Bearer {account}", "Content-Type": "application/json"}

    def answer(self, intent_id, confirms=True):
        self._ask(f"payment_intents/{intent_id}/authenticate", outcome="complete" if confirms else "fail")

    def expire(self, intent_id):
        self._ask(f"payment_intents/{intent_id}/expire")

    def refund_by_hand(self, intent_id, amount):
        self._ask(f"payment_intents/{intent_id}/refund", amount=amount)

    def dispute(self, intent_id, amount=None, status="needs_response"):
        self._ask(f"payment_intents/{intent_id}/dispute", status=status, amount=amount)

    def capture_by_hand(self, intent_id, amount):
        self._ask(f"payment_intents/{intent_id}/capture", amount=amount)

    def fail_refund(self, refund_id, status="failed"):
        self._ask(f"refunds/{refund_id}/fail", status=status)

    def close_dispute(self, intent_id, status):
        self._ask(f"disputes/{intent_id}/close", status=status)

    def fail(self, call, has_effect):
        self._ask("faults", operation=call, kind="sticky_error_after" if has_effect else "sticky_error")

    def lose(self, call):
        """Twice, because the SDK asks again by itself."""
        self._ask("faults", operation=call, kind="error_after", times=2)

    def _ask(self, path, **body):
        request = urllib.request.Request(
            f"{self._url}/admin/{path}", json.dumps(body).encode(), self._headers, method="POST"
        )
        urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    server = serve(0, str(tmp_path_factory.mktemp("payments") / "state.sqlite"))
    yield server
    server.close()


@pytest.fixture
def account():
    return f"sk_test_{uuid.uuid4().hex}"


@pytest.fixture(params=["sandbox", "fake"])
def gateway(request, account):
    if request.param == "fake":
        return FakeGateway(OURS)
    return StripeGateway(Parameter(lambda: account), request.getfixturevalue("sandbox").url, OURS)


@pytest.fixture
def others(gateway, account, request):
    return gateway if isinstance(gateway, FakeGateway) else ByHand(request.getfixturevalue("sandbox").url, account)


def refunds_of(gateway, intent_id):
    return [(refund.amount, refund.reference) for refund in gateway.retrieve(intent_id).refunds]


@pytest.fixture
def created(gateway):
    return gateway.create(ORDER, AMOUNT, "create").id


@pytest.fixture
def held(gateway, created):
    return gateway.confirm(created, APPROVED, "confirm").id


@pytest.fixture
def taken(gateway, held):
    return gateway.capture(held, "capture").id


def test_a_payment_belongs_to_its_order(gateway):
    intent = gateway.create(ORDER, AMOUNT, "create")

    assert (intent.status, intent.order_id, intent.amount) == ("requires_payment_method", ORDER, 2500)
    assert (intent.amount_capturable, intent.amount_received, intent.amount_refunded) == (0, 0, 0)
    assert gateway.retrieve(intent.id) == intent


def test_the_same_key_is_the_same_payment_and_another_is_another(gateway):
    first, again, other = (gateway.create(ORDER, AMOUNT, key) for key in ("create", "create", "create:1"))

    assert first == again
    assert other.id != first.id


def test_a_key_that_was_used_for_something_else_fails(gateway, created):
    with pytest.raises(PaymentProviderFailed):
        gateway.create(ORDER, euros(100), "create")


def test_a_confirmed_intent_holds_the_money(gateway, created):
    confirmed = gateway.confirm(created, APPROVED, "confirm")

    assert (confirmed.id, confirmed.status, confirmed.amount_received) == (created, "requires_capture", 0)
    assert confirmed.amount_capturable == 2500
    assert gateway.confirm(created, APPROVED, "confirm") == confirmed
    assert gateway.retrieve(created) == confirmed


def test_a_declined_card_is_named_and_declined_again(gateway, created):
    for _ in range(2):
        with pytest.raises(PaymentDeclined, match="generic_decline"):
            gateway.confirm(created, DECLINED, "confirm")

    assert gateway.retrieve(created).is_declined
    assert gateway.retrieve(created).decline_code == "generic_decline"


def test_another_key_is_another_attempt(gateway, created):
    with pytest.raises(PaymentDeclined):
        gateway.confirm(created, DECLINED, "confirm")

    assert gateway.confirm(created, APPROVED, "confirm:1").status == "requires_capture"
    with pytest.raises(PaymentDeclined):
        gateway.confirm(created, DECLINED, "confirm")


def test_an_unknown_card_is_declined(gateway, created):
    with pytest.raises(PaymentDeclined, match="invalid_payment_method"):
        gateway.confirm(created, "pm_nobody_knows", "confirm")


@pytest.fixture
def asked(gateway, created):
    """The id of a payment that its buyer has to confirm."""
    return gateway.confirm(created, WANTS_HOLDER, "confirm", "https://shop.example/orders/ord_1").id


def test_a_card_may_want_its_holder(gateway, asked):
    intent = gateway.retrieve(asked)

    assert (intent.status, intent.amount_capturable) == ("requires_action", 0)
    assert intent.redirect_url.startswith("http") and intent.client_secret.startswith(asked)
    assert gateway.cancel(asked, "cancel").status == "canceled"


@pytest.mark.parametrize(
    ("confirms", "status", "held", "code"),
    [
        (True, "requires_capture", 2500, None),
        (False, "requires_payment_method", 0, "payment_intent_authentication_failure"),
    ],
)
def test_holder_confirms_or_fails_to(gateway, others, asked, confirms, status, held, code):
    others.answer(asked, confirms)

    intent = gateway.retrieve(asked)

    assert (intent.status, intent.amount_capturable, intent.decline_code) == (status, held, code)
    assert intent.redirect_url is None


def test_canceled_payment_is_confirmed_by_nobody(gateway, others, asked):
    gateway.cancel(asked, "cancel")

    with pytest.raises((UnexpectedIntentState, urllib.error.HTTPError)):
        others.answer(asked)
    assert gateway.retrieve(asked).status == "canceled"


def test_a_canceled_intent_cannot_be_confirmed(gateway, created):
    gateway.cancel(created, "cancel")

    with pytest.raises(UnexpectedIntentState):
        gateway.confirm(created, APPROVED, "confirm")


def test_held_money_is_taken_once(gateway, held):
    captured = gateway.capture(held, "capture")

    assert (captured.status, captured.amount_received) == ("succeeded", 2500)
    assert gateway.capture(held, "capture") == captured


def test_money_that_was_taken_otherwise_cannot_be_taken_again(gateway, taken):
    with pytest.raises(UnexpectedIntentState):
        gateway.capture(taken, "by-hand")

    assert gateway.retrieve(taken).amount_received == 2500


def test_money_that_is_not_held_cannot_be_taken(gateway, created):
    with pytest.raises(UnexpectedIntentState):
        gateway.capture(created, "capture")


@pytest.mark.parametrize("state", ["created", "held"])
def test_what_is_not_taken_can_be_let_go(gateway, state, request):
    intent_id = request.getfixturevalue(state)

    canceled = gateway.cancel(intent_id, "cancel")

    assert canceled.status == "canceled"
    assert gateway.cancel(intent_id, "cancel") == canceled


def test_a_hold_that_was_let_go_cannot_be_taken(gateway, held):
    gateway.cancel(held, "another")

    with pytest.raises(UnexpectedIntentState):
        gateway.capture(held, "capture")
    with pytest.raises(UnexpectedIntentState):
        gateway.cancel(held, "cancel")


def test_what_we_let_go_is_not_a_lost_hold(gateway, held):
    assert gateway.cancel(held, "cancel").cancellation_reason == OUR_CANCELLATION
    assert not gateway.retrieve(held).is_lost_hold


def test_a_hold_that_expired_is_lost(gateway, others, held):
    others.expire(held)

    assert gateway.retrieve(held).is_lost_hold
    assert gateway.retrieve(held).amount_capturable == 0
    with pytest.raises(UnexpectedIntentState):
        gateway.capture(held, "capture")


def test_what_was_taken_can_only_be_given_back(gateway, taken):
    with pytest.raises(UnexpectedIntentState):
        gateway.cancel(taken, "cancel")

    gateway.refund(taken, 2500, "ord_1:refund", "refund")
    gateway.refund(taken, 2500, "ord_1:refund", "refund")

    intent = gateway.retrieve(taken)
    assert (intent.status, intent.amount_refunded, intent.kept) == ("succeeded", 2500, 0)


def test_refunds_are_listed_with_what_they_were_for(gateway, others, taken):
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    gateway.refund(taken, 500, "ord_1:ret_2", "ret_2")
    others.refund_by_hand(taken, 300)

    assert refunds_of(gateway, taken) == [(300, None), (500, "ord_1:ret_2"), (1000, "ord_1:ret_1")]
    assert gateway.retrieve(taken).kept == 700


def test_a_payment_without_refunds_lists_none(gateway, taken):
    assert gateway.retrieve(taken).refunds == ()


def test_no_more_than_was_taken_can_be_given_back(gateway, taken):
    gateway.refund(taken, 2000, "ord_1:ret_1", "ret_1")

    with pytest.raises(stripe.InvalidRequestError):
        gateway.refund(taken, 501, "ord_1:ret_2", "ret_2")

    assert gateway.retrieve(taken).kept == 500


def test_a_disputed_payment_cannot_be_given_back(gateway, others, taken):
    others.dispute(taken)

    assert gateway.retrieve(taken).disputed
    with pytest.raises(PaymentDisputed):
        gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    assert gateway.retrieve(taken).refunds == ()


def test_a_dispute_that_was_won_allows_a_refund_under_another_key_only(gateway, others, taken):
    others.dispute(taken)
    with pytest.raises(PaymentDisputed):
        gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    others.close_dispute(taken, "won")

    with pytest.raises(PaymentDisputed):
        gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1:1")

    assert refunds_of(gateway, taken) == [(1000, "ord_1:ret_1")]
    assert not gateway.retrieve(taken).disputed


def test_payment_bears_the_mark_of_its_shop(gateway, created):
    assert gateway.retrieve(created).deployment == OURS
    assert [intent.deployment for intent in gateway.intents_since(0)] == [OURS]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_refund_that_fails_later_is_kept_again(gateway, others, taken, status):
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    [made] = gateway.retrieve(taken).refunds

    others.fail_refund(made.id, status)

    intent = gateway.retrieve(taken)
    assert [(refund.id, refund.status, refund.is_effective) for refund in intent.refunds] == [(made.id, status, False)]
    assert (intent.amount_refunded, intent.kept) == (0, 2500)
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    assert gateway.retrieve(taken).kept == 2500, "under the same key Stripe only repeats its answer"
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1:1")
    assert gateway.retrieve(taken).kept == 1500


@pytest.mark.parametrize(
    ("begins", "ends", "withdrawn", "lost"),
    [
        ("needs_response", "won", 1000, 0),
        ("needs_response", "lost", 1000, 1000),
        ("warning_needs_response", "warning_closed", 0, 0),
    ],
)
def test_dispute_withdraws_until_it_ends(gateway, others, taken, begins, ends, withdrawn, lost):
    others.dispute(taken, 1000, begins)
    during = gateway.retrieve(taken)
    others.close_dispute(taken, ends)
    after = gateway.retrieve(taken)

    assert (during.disputed, during.withdrawn, during.lost) == (True, withdrawn, 0)
    assert (after.disputed, after.withdrawn, after.lost, after.kept) == (False, 0, lost, 2500 - lost)


def test_what_a_bank_took_cannot_be_given_back_too(gateway, others, taken):
    others.dispute(taken)
    others.close_dispute(taken, "lost")

    with pytest.raises(PaymentDisputed):
        gateway.refund(taken, 2500, "ord_1:ret_1", "ret_1")


def test_movements_are_listed_by_their_own_age_with_their_payment(gateway, others, taken):
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    others.dispute(taken)

    intent = gateway.retrieve(taken)
    assert [(each.id, each.order_id, refund) for each, refund in gateway.refunds_since(0)] == [
        (taken, ORDER, intent.refunds[0])
    ]
    assert [(each.deployment, dispute) for each, dispute in gateway.disputes_since(0)] == [(OURS, intent.disputes[0])]
    assert [*gateway.refunds_since(FAR_FUTURE), *gateway.disputes_since(FAR_FUTURE)] == []


def test_somebody_may_capture_less(gateway, others, held):
    others.capture_by_hand(held, 1000)

    intent = gateway.retrieve(held)
    assert (intent.status, intent.amount_received, intent.amount) == ("succeeded", 1000, 2500)


def test_a_payment_that_there_is_not_is_unknown(gateway, created):
    with pytest.raises(PaymentUnknown):
        gateway.retrieve("pi_unknown")


def test_all_payments_are_listed_newest_first_as_they_are_now(gateway, others, taken):
    gateway.refund(taken, 1000, "ord_1:ret_1", "ret_1")
    other = gateway.create("ord_2", AMOUNT, "create ord_2")

    assert list(gateway.intents_since(0)) == [other, replace(gateway.retrieve(taken), refunds=())]
    assert other in list(gateway.intents_since(other.created))
    assert list(gateway.intents_since(FAR_FUTURE)) == []


def test_more_payments_than_a_page_holds_are_listed(gateway):
    created = [gateway.create(ORDER, AMOUNT, f"create:{n}").id for n in range(101)]

    assert [intent.id for intent in gateway.intents_since(0)] == created[::-1]


CALLS = {
    "create": (None, lambda gateway, _, key: gateway.create(ORDER, AMOUNT, key)),
    "confirm": ("created", lambda gateway, intent_id, key: gateway.confirm(intent_id, APPROVED, key)),
    "capture": ("held", lambda gateway, intent_id, key: gateway.capture(intent_id, key)),
    "cancel": ("held", lambda gateway, intent_id, key: gateway.cancel(intent_id, key)),
    "refund": ("taken", lambda gateway, intent_id, key: gateway.refund(intent_id, 1000, "ord_1:ret_1", key)),
}
DONE = {"confirm": "requires_capture", "capture": "succeeded", "cancel": "canceled"}


@pytest.mark.parametrize("call", CALLS)
class TestFailure:
    @pytest.fixture
    def ask(self, call, gateway, intent_id):
        return lambda key: CALLS[call][1](gateway, intent_id, key)

    @pytest.fixture
    def intent_id(self, call, request):
        before = CALLS[call][0]
        return request.getfixturevalue(before) if before else None

    @pytest.fixture
    def is_done(self, call, gateway, intent_id):
        """Whether it had its effect."""
        if call == "create":
            return lambda: list(gateway.intents_since(0)) != []
        if call == "refund":
            return lambda: gateway.retrieve(intent_id).refunds != ()
        return lambda: gateway.retrieve(intent_id).status == DONE[call]

    @pytest.mark.parametrize("has_effect", [False, True])
    def test_of_the_providers_own_stays_under_its_key(self, call, others, ask, is_done, has_effect):
        fail(others, call, has_effect)

        for _ in range(2):
            with pytest.raises(PaymentProviderFailed):
                ask("key")

        assert is_done() == has_effect

    def test_without_effect_is_no_failure_under_another_key(self, call, others, ask, is_done):
        fail(others, call, has_effect=False)
        with pytest.raises(PaymentProviderFailed):
            ask("key")

        ask("another key")

        assert is_done()

    def test_to_hear_the_answer_leaves_the_answer_under_its_key(self, call, others, ask, is_done):
        lose(others, call)
        with pytest.raises(PaymentProviderUnavailable):
            ask("key")
        assert is_done()

        ask("key")


def fail(others, call, has_effect):
    if isinstance(others, FakeGateway):
        others.failing[call] = has_effect
    else:
        others.fail(call, has_effect)


def lose(others, call):
    if isinstance(others, FakeGateway):
        others.losing.add(call)
    else:
        others.lose(call)


def test_a_provider_that_does_not_answer_is_unavailable():
    nowhere = StripeGateway(Parameter(lambda: "sk_test_nobody"), "http://127.0.0.1:9")

    with pytest.raises(PaymentProviderUnavailable) as failure:
        nowhere.create(ORDER, AMOUNT, "create")

    assert not isinstance(failure.value, PaymentProviderFailed)


class TestAKeyThatIsChanged:
    """The sandbox refuses what does not look like a key of its own, as Stripe refuses one that was rolled."""

    REVOKED = "revoked"

    @pytest.fixture
    def keys(self):
        return [self.REVOKED]

    @pytest.fixture
    def clock(self):
        return iter(range(0, 1_000_000, 10)).__next__

    def test_is_read_anew_when_the_old_one_is_refused(self, sandbox, keys, clock):
        def read():
            read_before.append(keys[0])
            keys[0] = "sk_test_new"
            return read_before[-1]

        read_before = []
        gateway = StripeGateway(Parameter(read, clock), sandbox.url)

        assert gateway.create(ORDER, AMOUNT, f"{ORDER}-create").amount == AMOUNT.amount
        assert read_before == [self.REVOKED, "sk_test_new"]

    def test_that_stays_wrong_may_be_right_later(self, sandbox, clock):
        gateway = StripeGateway(Parameter(lambda: self.REVOKED, clock), sandbox.url)

        with pytest.raises(PaymentProviderUnavailable):
            gateway.create(ORDER, AMOUNT, f"{ORDER}-create")
