"""What the payments rely on at the provider: the fake and Stripe's own SDK against the sandbox agree."""

import uuid

import pytest

from chalicelib.payments.gateway import PaymentProviderUnavailable, StripeGateway, UnexpectedIntentState
from chalicelib.payments.model import PaymentDeclined
from infra.local.payments import serve
from tests.builders import euros
from tests.fakes import APPROVED, DECLINED, WANTS_HOLDER, FakeGateway

ORDER = "ord_1"
AMOUNT = euros(2500)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    server = serve(0, str(tmp_path_factory.mktemp("payments") / "state.sqlite"))
    yield server
    server.close()


@pytest.fixture(params=["sandbox", "fake"])
def gateway(request):
    if request.param == "fake":
        return FakeGateway()
    account = f"sk_test_{uuid.uuid4().hex}"
    return StripeGateway(lambda: account, request.getfixturevalue("sandbox").url)


@pytest.fixture
def created(gateway):
    return gateway.create(ORDER, AMOUNT).id


@pytest.fixture
def held(gateway, created):
    return gateway.confirm(ORDER, created, APPROVED).id


@pytest.fixture
def taken(gateway, held):
    return gateway.capture(ORDER, held).id


def test_an_order_has_one_intent(gateway):
    first, again = gateway.create(ORDER, AMOUNT), gateway.create(ORDER, AMOUNT)

    assert first == again
    assert (first.status, first.amount_received) == ("requires_payment_method", 0)
    assert gateway.create("ord_2", AMOUNT).id != first.id


def test_a_confirmed_intent_holds_the_money(gateway, created):
    confirmed = gateway.confirm(ORDER, created, APPROVED)

    assert (confirmed.id, confirmed.status, confirmed.amount_received) == (created, "requires_capture", 0)
    assert gateway.confirm(ORDER, created, APPROVED) == confirmed
    assert gateway.retrieve(created) == confirmed


def test_a_declined_card_is_named_and_declined_again(gateway, created):
    for _ in range(2):
        with pytest.raises(PaymentDeclined, match="generic_decline"):
            gateway.confirm(ORDER, created, DECLINED)

    assert gateway.retrieve(created).status == "requires_payment_method"


def test_an_unknown_card_is_declined(gateway, created):
    with pytest.raises(PaymentDeclined, match="invalid_payment_method"):
        gateway.confirm(ORDER, created, "pm_nobody_knows")


def test_a_card_may_want_its_holder(gateway, created):
    assert gateway.confirm(ORDER, created, WANTS_HOLDER).status == "requires_action"
    assert gateway.cancel(ORDER, created).status == "canceled"


def test_a_canceled_intent_cannot_be_confirmed(gateway, created):
    gateway.cancel(ORDER, created)

    with pytest.raises(UnexpectedIntentState):
        gateway.confirm(ORDER, created, APPROVED)


def test_held_money_is_taken_once(gateway, held):
    captured = gateway.capture(ORDER, held)

    assert (captured.status, captured.amount_received) == ("succeeded", 2500)
    assert gateway.capture(ORDER, held) == captured


def test_money_that_was_taken_otherwise_cannot_be_taken_again(gateway, taken):
    with pytest.raises(UnexpectedIntentState):
        gateway.capture("by-hand", taken)

    assert gateway.retrieve(taken).amount_received == 2500


def test_money_that_is_not_held_cannot_be_taken(gateway, created):
    with pytest.raises(UnexpectedIntentState):
        gateway.capture(ORDER, created)


@pytest.mark.parametrize("state", ["created", "held"])
def test_what_is_not_taken_can_be_let_go(gateway, state, request):
    intent_id = request.getfixturevalue(state)

    canceled = gateway.cancel(ORDER, intent_id)

    assert canceled.status == "canceled"
    assert gateway.cancel(ORDER, intent_id) == canceled


def test_a_hold_that_was_let_go_cannot_be_taken(gateway, held):
    gateway.cancel("expiry", held)

    with pytest.raises(UnexpectedIntentState):
        gateway.capture(ORDER, held)
    with pytest.raises(UnexpectedIntentState):
        gateway.cancel(ORDER, held)


def test_what_was_taken_can_only_be_given_back(gateway, taken):
    with pytest.raises(UnexpectedIntentState):
        gateway.cancel(ORDER, taken)

    gateway.refund(ORDER, taken)
    gateway.refund(ORDER, taken)

    assert gateway.retrieve(taken).status == "succeeded"


def test_a_provider_that_does_not_answer_is_unavailable():
    nowhere = StripeGateway(lambda: "sk_test_nobody", "http://127.0.0.1:9")

    with pytest.raises(PaymentProviderUnavailable):
        nowhere.create(ORDER, AMOUNT)
