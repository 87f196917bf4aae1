"""Waiting for the buyer: each sign of an answer resumes the saga, early, late or twice, and so does a cancellation."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.orders import routes as orders
from chalicelib.orders.model import CancellationRequested, Reason, Status
from chalicelib.payments.model import BuyerActionRequired
from chalicelib.payments.provider import PaymentDeclined, ProviderStatus
from chalicelib.payments.routes import receive_stripe_webhook as receive
from chalicelib.payments.webhooks import StripeEvent, StripeEventRef, WebhookReceiver
from chalicelib.platform.clock import iso
from chalicelib.platform.identity import Caller
from chalicelib.platform.parameters import Parameter
from testbed.shop.fake_payment_provider import WANTS_HOLDER
from tests.builders import NOW, an_order_in
from tests.fakes import FakeQueue

ORDER, INTENT = "ord_1", "pi_1"
WOKEN = ("token-1", {})
BACK = StripeEventRef(payment_intent=INTENT, order_id=ORDER)


@pytest.fixture
def asked(shop):
    """Return an order whose buyer has to confirm the payment."""
    shop.has(an_order_in(Status.RESERVED, payment_method=WANTS_HOLDER))
    with pytest.raises(BuyerActionRequired):
        shop.steps.authorize_payment(ORDER)
    return shop


def wish_to_cancel(shop):
    shop.orders.cancel(ORDER, Reason.CUSTOMER_REQUEST)
    return Envelope.model_validate(shop.order_store.events_of(ORDER)[-1][1])


def webhook(event_id="evt_1"):
    return StripeEventRef(event_id=event_id, payment_intent=INTENT, order_id=ORDER)


class TestAuthorizePayment:
    def test_authorize_payment_marks_the_order_as_waiting_for_the_buyer(self, asked):
        order = asked.orders.get(ORDER)

        assert order.status == Status.ACTION_REQUIRED
        assert asked.events()[-1] == "OrderActionRequired"

    def test_authorize_payment_continues_once_the_buyer_confirmed(self, asked):
        asked.gateway.answer(INTENT)

        asked.steps.authorize_payment(ORDER)

        assert asked.orders.get(ORDER).status == Status.AUTHORIZED

    def test_declines_after_the_time_limit(self, asked):
        asked.clock.passes(minutes=15)

        with pytest.raises(PaymentDeclined):
            asked.steps.authorize_payment(ORDER)

    def test_authorize_payment_of_an_order_to_be_cancelled_stops(self, asked):
        wish_to_cancel(asked)

        with pytest.raises(CancellationRequested):
            asked.steps.authorize_payment(ORDER)


class TestWaiting:
    @pytest.mark.parametrize("update", [webhook(), BACK])
    @pytest.mark.parametrize("confirms", [True, False])
    def test_answer_of_the_buyer_ends_the_wait(self, asked, update, confirms):
        asked.buyer_confirmation.await_buyer(ORDER, "token-1")
        asked.gateway.answer(INTENT, confirms)

        asked.payment_updates.process_stripe_event(update)

        assert asked.saga.results == [WOKEN]

    @pytest.mark.parametrize("update", [webhook(), BACK])
    def test_update_without_an_answer_wakes_no_step(self, asked, update):
        asked.buyer_confirmation.await_buyer(ORDER, "token-1")

        asked.payment_updates.process_stripe_event(update)

        assert asked.saga.results == []

    @pytest.mark.parametrize("update", [webhook(), BACK])
    def test_answer_that_comes_before_the_wait_is_not_lost(self, asked, update):
        asked.gateway.answer(INTENT)
        asked.payment_updates.process_stripe_event(update)
        assert asked.saga.results == []

        asked.buyer_confirmation.await_buyer(ORDER, "token-1")

        assert asked.saga.results == [WOKEN]

    def test_webhook_wakes_once_and_the_return_as_often_as_it_comes(self, asked):
        asked.buyer_confirmation.await_buyer(ORDER, "token-1")
        asked.gateway.answer(INTENT)

        for update in (webhook(), webhook(), BACK, BACK):
            asked.payment_updates.process_stripe_event(update)

        assert asked.saga.results == [WOKEN] * 3

    def test_attempts_of_the_step_are_all_woken(self, asked):
        for token in ("token-1", "token-2"):
            asked.buyer_confirmation.await_buyer(ORDER, token)
        asked.gateway.answer(INTENT)

        asked.payment_updates.process_stripe_event(webhook())

        assert asked.saga.results == [WOKEN, ("token-2", {})]


class TestCancelling:
    def test_cancellation_ends_the_wait(self, asked):
        asked.starts_saga()
        asked.buyer_confirmation.await_buyer(ORDER, "token-1")

        asked.cancellation.stop_fulfilment(wish_to_cancel(asked))

        assert asked.saga.results == [("token-1", "CancellationRequested")]

    def test_cancellation_before_the_token_is_kept_is_not_lost(self, asked):
        asked.starts_saga()
        asked.cancellation.stop_fulfilment(wish_to_cancel(asked))

        asked.buyer_confirmation.await_buyer(ORDER, "token-1")

        assert asked.saga.results == [("token-1", "CancellationRequested")]

    def test_cancellation_leaves_nothing_that_could_be_confirmed(self, asked):
        wish_to_cancel(asked)

        asked.steps.void_payment(ORDER)

        assert asked.gateway.retrieve(INTENT).status == ProviderStatus.CANCELLED


@pytest.fixture
def queue(monkeypatch):
    sent = FakeQueue()
    receiver = WebhookReceiver(sent, "https://sqs.example/stripe", Parameter(lambda: "whsec_1"))
    monkeypatch.setattr(wiring, "stripe_inbox", lambda: receiver)
    return sent


def call_of(customer_id=None, is_admin=False):
    caller = Caller(customer_id=customer_id, is_admin=is_admin)
    return SimpleNamespace(caller=caller, headers={})


class TestWebhook:
    def authorized(self):
        about = {"object": "payment_intent", "id": INTENT, "metadata": {"order_id": ORDER}}
        return StripeEvent(id="evt_1", type="payment_intent.amount_capturable_updated", data={"object": about})

    def test_webhook_of_an_authorization_is_taken_in_while_the_buyer_is_awaited(self, asked, queue):
        receive(None, self.authorized())

        assert queue.sent == [{"event_id": "evt_1", "payment_intent": INTENT, "order_id": ORDER}]

    def test_webhook_of_an_authorization_is_dropped_for_every_other_order(self, shop, queue):
        shop.sold(until=Status.AUTHORIZED, captured=False)

        receive(None, self.authorized())

        assert queue.sent == []


class TestOrderOverHttp:
    def test_order_response_shows_its_buyer_how_to_confirm_while_that_is_needed(self, asked):
        action = orders.get_order(call_of("ada"), ORDER).payment.next_action

        assert (action.redirect_url, action.client_secret) == ("https://bank.example/pi_1", "pi_1_secret")
        assert action.expires_at == iso(NOW + timedelta(minutes=15))

    def test_order_response_shows_an_admin_no_confirmation(self, asked):
        assert orders.get_order(call_of("keeper", is_admin=True), ORDER).payment.next_action is None

    @pytest.mark.parametrize("ends", [wish_to_cancel, lambda shop: shop.steps.authorize_payment(ORDER)])
    def test_order_response_shows_no_confirmation_once_it_is_not_needed(self, asked, ends):
        asked.gateway.answer(INTENT)
        ends(asked)

        assert orders.get_order(call_of("ada"), ORDER).payment.next_action is None

    def test_return_of_the_buyer_asks_stripe_while_the_payment_waits(self, asked, queue):
        orders.confirm_payment(call_of("ada"), ORDER)
        asked.gateway.answer(INTENT)
        asked.steps.authorize_payment(ORDER)

        accepted = orders.confirm_payment(call_of("ada"), ORDER)

        assert queue.sent == [{"payment_intent": INTENT, "order_id": ORDER}]
        assert accepted.status == Status.AUTHORIZED
