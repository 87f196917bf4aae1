"""Payment updates: each change at Stripe is recorded on its order once, and an unpaid order is stopped."""

import pytest

from chalicelib.fulfilment import payment_updates
from chalicelib.orders.model import CancellationRequested, Reason, Status
from chalicelib.payments.model import PaymentStatus
from chalicelib.payments.provider import PaymentProviderUnavailable
from chalicelib.payments.webhooks import StripeEventRef
from testbed.shop.fake_payment_provider import APPROVED
from tests.builders import euros


def notice(payment_intent, event_id="evt_1"):
    return StripeEventRef(event_id=event_id, payment_intent=payment_intent)


class TestLostHold:
    @pytest.mark.parametrize("status", [Status.RESERVED, Status.ACTION_REQUIRED, Status.AUTHORIZED, Status.SHIPPING])
    def test_lost_hold_has_the_order_cancelled(self, shop, status):
        payment = shop.sold(until=status, captured=False)
        shop.gateway.expire(payment)

        shop.payment_updates.process_stripe_event(notice(payment))

        assert shop.orders.get("ord_1").cancellation == Reason.FULFILMENT_FAILED
        assert shop.payments.of("ord_1").status == PaymentStatus.VOIDED
        with pytest.raises(CancellationRequested):
            shop.orders.get("ord_1").must_go_on()

    def test_lost_hold_after_the_parcel_has_left_is_left_to_the_capture(self, shop):
        payment = shop.sold(until=Status.SHIPPING, captured=False)
        shop.orders.dispatched("ord_1")
        shop.gateway.expire(payment)

        shop.payment_updates.process_stripe_event(notice(payment))

        assert shop.orders.get("ord_1").cancellation is None
        assert shop.payments.of("ord_1").status == PaymentStatus.VOIDED

    def test_hold_released_by_the_shop_is_no_update(self, shop):
        payment = shop.sold(until=Status.SHIPPING, captured=False)
        shop.payments.void("ord_1")

        shop.payment_updates.process_stripe_event(notice(payment))

        assert shop.orders.get("ord_1").cancellation is None


def test_event_that_stripe_sends_twice_is_looked_at_once(shop, monkeypatch):
    payment, looks = shop.sold(), []
    monkeypatch.setattr(shop.payments, "learn", lambda payment_id, publish: looks.append(payment_id))

    for event_id in ("evt_1", "evt_1", "evt_2"):
        shop.payment_updates.process_stripe_event(notice(payment, event_id))

    assert looks == [payment, payment]


@pytest.mark.parametrize(
    ("happens", "event_type"),
    [
        (lambda gateway, payment: gateway.refund_by_hand(payment, 700), "PaymentRefundedOutside"),
        (lambda gateway, payment: gateway.dispute(payment), "PaymentDisputed"),
    ],
)
class TestOtherUpdates:
    def test_payment_update_is_published_counted_and_recorded_once(self, shop, happens, event_type):
        payment = shop.sold()
        happens(shop.gateway, payment)

        for event_id in ("evt_1", "evt_1", "evt_2"):
            shop.payment_updates.process_stripe_event(notice(payment, event_id))

        assert shop.events().count(event_type) == 1
        assert len(shop.orders.get("ord_1").noted) == 1
        assert shop.metrics == {event_type: 1}

    def test_payment_update_keeps_the_orders_status(self, shop, happens, event_type):
        payment = shop.sold()
        happens(shop.gateway, payment)

        shop.payment_updates.process_stripe_event(notice(payment))

        assert shop.orders.get("ord_1").status == Status.COMPLETED

    def test_payment_update_unrecorded_at_the_payment_reaches_the_order_once(
        self, shop, happens, event_type, monkeypatch
    ):
        payment = shop.sold()
        happens(shop.gateway, payment)
        with monkeypatch.context() as patch:
            patch.setattr(shop.payment_store, "replace", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                shop.payment_updates.process_stripe_event(notice(payment))

        shop.payment_updates.process_stripe_event(notice(payment))

        assert shop.events().count(event_type) == 1
        assert shop.payments.of("ord_1").disputed or shop.payments.of("ord_1").refunded_outside


def test_updates_of_a_stripe_event_are_published_once(shop):
    payment = shop.sold()
    shop.gateway.refund_by_hand(payment, 700)
    shop.gateway.dispute(payment)

    for event_id in ("evt_1", "evt_1", "evt_2"):
        shop.payment_updates.process_stripe_event(notice(payment, event_id))

    published = [event for _, event in shop.order_store.events_of("ord_1") if event["type"].startswith("Payment")]
    assert {event["type"]: event["causation_id"] for event in published} == {
        "PaymentRefundedOutside": "evt_1",
        "PaymentDisputed": "evt_1",
    }
    assert len(published) == 2


def test_second_of_two_updates_is_published_by_the_next_try(shop, monkeypatch):
    payment = shop.sold()
    shop.gateway.refund_by_hand(payment, 700)
    shop.gateway.dispute(payment)
    record = shop.orders.record

    def dies_at_the_dispute(order_id, event_type, *facts):
        if event_type == "PaymentDisputed":
            raise ConnectionError
        return record(order_id, event_type, *facts)

    with monkeypatch.context() as patch:
        patch.setattr(shop.orders, "record", dies_at_the_dispute)
        with pytest.raises(ConnectionError):
            shop.payment_updates.process_stripe_event(notice(payment))

    shop.payment_updates.process_stripe_event(notice(payment))

    assert [event for event in shop.events() if event.startswith("Payment")] == [
        "PaymentRefundedOutside",
        "PaymentDisputed",
    ]


def test_further_refunds_by_others_are_published(shop):
    payment = shop.sold()
    for number in range(2):
        shop.gateway.refund_by_hand(payment, 700)
        shop.payment_updates.process_stripe_event(notice(payment, f"evt_{number}"))

    assert shop.events().count("PaymentRefundedOutside") == 2


def test_refund_that_fails_later_is_published_counted_and_shown_once(shop):
    payment = shop.sold()
    shop.orders.take_back("ord_1", "ret_1", None)
    given = shop.payments.refund_part("ord_1", euros(2500), "ret_1")
    shop.orders.return_settled("ord_1", "ret_1", given.amount)
    shop.gateway.fail_refund(shop.gateway.retrieve(payment).refunds[0].id)

    for event_id in ("evt_1", "evt_1", "evt_2"):
        shop.payment_updates.process_stripe_event(notice(payment, event_id))

    order = shop.orders.get("ord_1")
    assert [(each.amount, each.return_id) for each in order.failed_refunds] == [(2500, "ret_1")]
    assert (shop.payments.of("ord_1").status, shop.payments.of("ord_1").kept) == (PaymentStatus.CAPTURED, 2500)
    assert shop.events().count("PaymentRefundFailed") == shop.metrics["PaymentRefundFailed"] == 1

    shop.payments.refund_part("ord_1", euros(2500), "ret_1")
    shop.payment_updates.process_stripe_event(notice(payment, "evt_3"))
    assert (shop.orders.get("ord_1").failed_refunds, shop.payments.of("ord_1").kept) == ((), 0)
    assert shop.events().count("PaymentRefundRetried") == 1


@pytest.mark.parametrize("deployment", [None, "111122223333/eu-west-1/storefront-prod"])
def test_payment_of_another_shop_with_the_same_order_id_changes_nothing(shop, deployment):
    shop.sold()
    others = shop.gateway.strangers(deployment)
    theirs = others.create("ord_1", euros(100), "theirs").id
    others.confirm(theirs, APPROVED, "theirs confirm")
    others.capture(theirs, "theirs capture")
    others.refund_by_hand(theirs, 50)
    others.dispute(theirs)
    before = (shop.orders.get("ord_1"), shop.payments.of("ord_1"))

    shop.payment_updates.process_stripe_event(notice(theirs))

    assert (shop.orders.get("ord_1"), shop.payments.of("ord_1"), shop.metrics) == (*before, {})


def test_failed_notice_raises_and_is_retried(shop, monkeypatch):
    payment = shop.sold()
    shop.gateway.dispute(payment)

    def is_down(_):
        raise PaymentProviderUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(shop.gateway, "retrieve", is_down)
        with pytest.raises(PaymentProviderUnavailable):
            shop.payment_updates.process_stripe_event(notice(payment))

    shop.payment_updates.process_stripe_event(notice(payment))

    assert shop.payments.of("ord_1").disputed


def test_notice_of_a_payment_that_stripe_does_not_have_is_dropped(shop, monkeypatch):
    logged = []
    monkeypatch.setattr(payment_updates.log, "warning", lambda text, extra: logged.append(extra))

    shop.payment_updates.process_stripe_event(notice("pi_unknown"))

    assert logged == [{"event_id": "evt_1"}]
    assert shop.metrics == {}


def test_payment_of_another_application_is_ignored(shop):
    stranger = shop.gateway.create(None, euros(100), "by-hand").id
    shop.gateway.expire(stranger)

    shop.payment_updates.process_stripe_event(notice(stranger))

    assert shop.metrics == {}
