"""Stripe webhooks: each event takes effect once, whether it arrives twice, late or out of order."""

import hashlib
import hmac
import json
import time

import pytest

from chalicelib.payments.webhooks import ABOUT_BUYERS
from infra.local import shop

pytestmark = pytest.mark.takes_long


@pytest.fixture
def completed(guest, new_product):
    def order(price=2000):
        order_id = guest.buy(new_product(1, price))
        assert guest.ended(order_id)["status"] == "COMPLETED"
        return order_id

    return order


@pytest.fixture
def sent(sandbox, eventually):
    """Return a function that waits until this number of events about an order is delivered and returns the deliveries.

    Without the one of every authorized payment, which the door takes in only while a buyer is awaited.
    """

    def wait(order_id, events=1):
        def nothing_is_pending():
            deliveries = [each for each in sandbox.deliveries(order_id) if each["type"] != ABOUT_BUYERS]
            is_all = len({each["event"] for each in deliveries}) >= events
            return deliveries if is_all and not any(each["pending"] for each in deliveries) else None

        return eventually(nothing_is_pending)

    return wait


@pytest.fixture
def processed(table, sent, eventually):
    """Return a function that also waits until the shop has processed each event."""
    effects = table("EffectsTableName")

    def is_done(event):
        return "done" in effects.get_item(Key={"id": f"stripe#{event}"}, ConsistentRead=True).get("Item", {})

    def wait(order_id, events=1):
        deliveries = sent(order_id, events)
        eventually(lambda: all(is_done(each["event"]) for each in deliveries), seconds=200)
        return deliveries

    return wait


@pytest.fixture
def post(guest, engine):
    """Return a function that sends an event to the webhook, by default signed with the shop's own secret."""
    parameter = engine.session.client("ssm").get_parameter(
        Name=f"/{shop.STACK}/stripe/webhook-secret", WithDecryption=True
    )
    secret = parameter["Parameter"]["Value"]

    def send(body, signature=None, age=0):
        moment = int(time.time()) - age
        digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
        signature = f"t={moment},v1={digest}" if signature is None else signature
        return guest.call("POST", "/webhooks/stripe", body, {"Stripe-Signature": signature})

    return send


def assert_problem(reply, status, code):
    assert (reply.status, reply.body["code"]) == (status, code), reply.body
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.body["title"] and reply.body["detail"] and reply.body["status"] == status


def an_event(**changes):
    intent = {"id": "pi_that_nobody_has", "object": "payment_intent"}
    return {"id": "evt_of_a_test", "type": "payment_intent.created", "data": {"object": intent}} | changes


@pytest.mark.parametrize("mode, copies", [("normal", 1), ("duplicate", 3)])
def test_refund_at_stripe_is_recorded_and_published_once(guest, completed, sandbox, processed, events_of, mode, copies):
    order_id = completed()
    sandbox.webhooks(mode)
    sandbox.happens(order_id, "refund")
    sent = processed(order_id)
    assert [(each["type"], each["last_status"]) for each in sent] == [("charge.refunded", 200)] * copies
    order = guest.order(order_id)
    assert (order["status"], order["payment"]["status"]) == ("COMPLETED", "REFUNDED")
    assert order["payment"]["refunded"] == 2000
    assert events_of(order_id).count("PaymentRefundedOutside") == 1


def test_own_refunds_publish_no_event(guest, completed, sandbox, processed, events_of, eventually):
    order_id = completed()
    guest.give_back(order_id)
    eventually(lambda: guest.order(order_id)["status"] == "RETURNED")
    assert [each["type"] for each in processed(order_id)] == ["charge.refunded"]
    assert "PaymentRefundedOutside" not in events_of(order_id)
    assert guest.order(order_id)["payment"]["refunded"] == 2000


def test_disputed_order_refuses_returns_until_the_bank_decides(
    guest, completed, sandbox, processed, events_of, eventually
):
    order_id = completed()
    sandbox.happens(order_id, "dispute")
    processed(order_id, events=2)
    order = guest.order(order_id)
    assert (order["status"], order["payment"]["disputed"]) == ("COMPLETED", True)
    assert events_of(order_id).count("PaymentDisputed") == 1
    assert_problem(guest.give_back(order_id), 409, "payment_disputed")
    assert guest.order(order_id)["returns"] == []

    sandbox.call("POST", f"/admin/disputes/{order_id}/close", {"status": "lost"})
    processed(order_id, events=3)
    accepted = guest.give_back(order_id)
    assert (accepted.status, accepted.body["refund"]["amount"]) == (202, 0)
    order = eventually(lambda: (found := guest.order(order_id))["status"] == "RETURNED" and found)
    assert (order["returns"][0]["shortfall"], order["payment"]["lost"]) == ("DISPUTE_LOST", 2000)
    assert [events_of(order_id).count(f"PaymentDispute{what}") for what in ("d", "Lost")] == [1, 1]


def test_order_whose_hold_is_lost_does_not_wait_for_the_warehouse(
    guest, engine, opened, new_product, sandbox, processed, eventually
):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["shipment"])
    sandbox.happens(order_id, "expire")
    order = guest.ended(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert (order["payment"]["status"], order["shipment"]["status"]) == ("VOIDED", "RECALLED")
    assert sandbox.kept(order_id) == 0
    assert [each["type"] for each in processed(order_id)] == ["payment_intent.canceled"]
    execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
    events = engine.session.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    failures = [event["taskFailedEventDetails"]["error"] for event in events if "taskFailedEventDetails" in event]
    assert failures == ["CancellationRequested"]


def test_event_of_an_unknown_payment_is_dropped(table, post, eventually):
    intent = {"id": "pi_that_nobody_has", "object": "payment_intent"}
    update = an_event(id="evt_of_nothing", type="payment_intent.canceled", data={"object": intent})
    assert post(json.dumps(update).encode()).status == 200
    effect = {"Key": {"id": "stripe#evt_of_nothing"}, "ConsistentRead": True}
    eventually(lambda: table("EffectsTableName").get_item(**effect).get("Item", {}).get("done"))


@pytest.mark.parametrize("mode", ["normal", "duplicate", "reorder", "late"])
def test_events_of_stripe_have_the_same_result_in_any_order(
    guest, completed, sandbox, sent, events_of, eventually, mode
):
    order_id = completed()
    sandbox.webhooks(mode)
    sandbox.happens(order_id, "refund", amount=300)
    sandbox.happens(order_id, "refund", amount=500)
    sandbox.happens(order_id, "dispute")
    sandbox.call("POST", f"/admin/disputes/{order_id}/close", {"status": "lost"})
    assert {each["last_status"] for each in sent(order_id, events=5)} == {200}

    def known():
        payment = guest.order(order_id)["payment"]
        return payment["status"], payment["captured"], payment["refunded"], payment["lost"], payment["disputed"]

    eventually(lambda: known() == ("CHARGED_BACK", 2000, 800, 1200, False))
    assert events_of(order_id).count("PaymentRefundedOutside") == 2
    assert events_of(order_id).count("PaymentDisputeLost") == 1
    assert events_of(order_id).count("PaymentDisputed") == 1


def test_outdated_payment_read_does_not_overwrite_a_newer_one(guest, completed, sandbox, processed, eventually):
    order_id = completed()
    sandbox.fault("retrieve", "slow", order_id=order_id, seconds=3)
    sandbox.happens(order_id, "refund", amount=500)  # who hears of this looks now, and is answered later
    eventually(lambda: sandbox.struck() == [1])
    sandbox.happens(order_id, "dispute")
    eventually(lambda: guest.order(order_id)["payment"]["disputed"])
    processed(order_id, events=2)
    payment = guest.order(order_id)["payment"]
    assert (payment["refunded"], payment["disputed"]) == (500, True)


@pytest.mark.parametrize("mode", ["wrong_signature", "stale"])
def test_event_with_a_wrong_or_stale_signature_is_refused(guest, completed, sandbox, sent, processed, events_of, mode):
    order_id = completed()
    sandbox.webhooks(mode)
    sandbox.happens(order_id, "refund")
    refused = sent(order_id)
    assert [each["last_status"] for each in refused] == [400]
    assert guest.order(order_id)["payment"]["refunded"] == 0
    assert "PaymentRefundedOutside" not in events_of(order_id)

    sandbox.webhooks("normal")
    sandbox.call("POST", "/admin/webhooks/resend", {"event": refused[0]["event"]})
    processed(order_id)
    assert guest.order(order_id)["payment"]["refunded"] == 2000
    assert events_of(order_id).count("PaymentRefundedOutside") == 1


def test_repeated_stripe_event_does_nothing(guest, completed, sandbox, processed, events_of):
    order_id = completed()
    sandbox.happens(order_id, "refund", amount=500)
    event = processed(order_id)[0]["event"]
    before, order = events_of(order_id), guest.order(order_id)
    for _ in range(3):
        sandbox.call("POST", "/admin/webhooks/resend", {"event": event})
    assert [each["last_status"] for each in processed(order_id)] == [200] * 4
    assert (events_of(order_id), guest.order(order_id)) == (before, order)


def test_unsigned_event_is_refused(guest, post):
    body = json.dumps(an_event()).encode()
    assert post(body).status == 200
    assert_problem(guest.call("POST", "/webhooks/stripe", body), 400, "signature_invalid")
    for signature in ("", "nonsense", "t=1", "t=now,v1=00", "v1=00", f"t={int(time.time())},v1={'0' * 64}", "t=,v1=,"):
        assert_problem(post(body, signature), 400, "signature_invalid")
    assert_problem(post(body, age=3600), 400, "signature_invalid")


@pytest.mark.parametrize(
    "body, status, code",
    [
        (b"", 422, "validation_failed"),
        (b"{", 422, "validation_failed"),
        (b"[]", 422, "validation_failed"),
        (b"null", 422, "validation_failed"),
        (b"[" * 20_000, 422, "validation_failed"),
        (b"{}", 422, "validation_failed"),
        (json.dumps(an_event(id="x" * 256)).encode(), 422, "validation_failed"),
        (json.dumps(an_event(id=5)).encode(), 422, "validation_failed"),
        (json.dumps(an_event(type=None)).encode(), 422, "validation_failed"),
        (json.dumps(an_event(data=[])).encode(), 422, "validation_failed"),
        (json.dumps(an_event(data={})).encode(), 422, "validation_failed"),
        (json.dumps(an_event(data={"object": "pi_1"})).encode(), 422, "validation_failed"),
        (json.dumps(an_event(more="x" * 300_000)).encode(), 413, "body_too_large"),
    ],
)
def test_signed_body_that_is_no_event_is_refused(post, body, status, code):
    assert_problem(post(body), status, code)


def test_bytes_that_are_no_text_are_refused(guest):
    reply = guest.call("POST", "/webhooks/stripe", b"\xff\xfe", {"Stripe-Signature": "t=1,v1=00"})
    assert_problem(reply, 422, "validation_failed")


@pytest.mark.parametrize(
    "event",
    [
        an_event(),
        an_event(type="a.kind.of.event.that.nobody.knows"),
        an_event(type="customer.created", data={"object": {"id": "cus_1", "object": "customer"}}),
        an_event(type="charge.refunded", data={"object": {"id": "ch_1", "object": "charge"}}),
        an_event(type="charge.refunded", data={"object": {"object": "charge", "payment_intent": {"id": "pi_1"}}}),
        an_event(more="x" * 200_000),
    ],
)
def test_events_that_mean_nothing_to_the_shop_are_received(post, event):
    reply = post(json.dumps(event).encode())
    assert (reply.status, reply.body) == (200, {"received": True})
