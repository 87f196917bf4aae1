"""Stripe webhooks: an event is accepted only with a valid signature, and only its ids are queued."""

import hashlib
import hmac
import time

import pytest
from pydantic import ValidationError

from chalicelib.payments.webhooks import (
    HANDLED,
    SIGNATURE_TOLERANCE_SECONDS,
    SignatureInvalid,
    StripeEvent,
    WebhookReceiver,
    check_signature,
)
from chalicelib.platform.parameters import Parameter
from tests.fakes import FakeQueue

SECRET = "whsec_test"
BODY = b'{"id": "evt_1", "type": "charge.refunded", "data": {"object": {}}}'
A_MINUTE = 60

INTENT = {"object": "payment_intent", "id": "pi_1"}
CHARGE = {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "billing_details": {"email": "ada@example.com"}}
REFUND = {"object": "refund", "id": "re_1", "payment_intent": "pi_1", "charge": "ch_1", "status": "failed"}
DISPUTE = {"object": "dispute", "id": "dp_1", "payment_intent": "pi_1", "charge": "ch_1"}
ABOUT = {
    "payment_intent.amount_capturable_updated": INTENT,
    "payment_intent.payment_failed": INTENT,
    "payment_intent.canceled": INTENT,
    "charge.refunded": CHARGE,
    "charge.refund.updated": REFUND,
    "refund.updated": REFUND,
    "refund.failed": REFUND,
    "charge.dispute.created": DISPUTE,
    "charge.dispute.updated": DISPUTE,
    "charge.dispute.closed": DISPUTE,
    "charge.dispute.funds_withdrawn": DISPUTE,
    "charge.dispute.funds_reinstated": DISPUTE,
}


def signed(body, secret=SECRET, ago=0):
    """Return the signature header that Stripe would have sent this number of seconds ago."""
    at = int(time.time()) - ago
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signature}"


def an_event(kind="charge.refunded", about=CHARGE, **more):
    return StripeEvent.model_validate({"id": "evt_1", "type": kind, "data": {"object": about}} | more)


class TestSignature:
    def test_signature_of_stripe_is_good(self):
        check_signature(BODY, signed(BODY), SECRET)

    def test_covers_the_bytes_as_they_came(self):
        body = '{"name": "Ada – Lovelace"}'.encode()

        check_signature(body, signed(body), SECRET)

    def test_signature_may_be_one_of_several_while_the_secret_is_changed(self):
        check_signature(BODY, f"{signed(BODY)},v1={'0' * 64},v0=other", SECRET)

    def test_signature_may_be_a_little_old(self):
        check_signature(BODY, signed(BODY, ago=SIGNATURE_TOLERANCE_SECONDS - A_MINUTE), SECRET)

    @pytest.mark.parametrize(
        ("body", "header"),
        [
            pytest.param(BODY, signed(BODY, secret="whsec_other"), id="another secret"),
            pytest.param(BODY + b" ", signed(BODY), id="another body"),
            pytest.param(BODY, "", id="no header"),
            pytest.param(BODY, "nonsense", id="no such header"),
            pytest.param(BODY, "t=now,v1=abc", id="no time"),
            pytest.param(BODY, signed(BODY).replace("v1=", "v0="), id="another scheme"),
            pytest.param(BODY, signed(BODY).partition(",")[0], id="no signature"),
            pytest.param(b"\xff\xfe", signed(b"\xff\xfe"), id="no text"),
        ],
    )
    def test_signature_of_another_secret_is_refused(self, body, header):
        with pytest.raises(SignatureInvalid):
            check_signature(body, header, SECRET)

    def test_signature_that_is_no_ascii_is_refused(self):
        with pytest.raises(SignatureInvalid):
            check_signature(BODY, f"{signed(BODY).partition(',')[0]},v1=é", SECRET)

    def test_signature_that_is_stale_is_refused(self):
        with pytest.raises(SignatureInvalid):
            check_signature(BODY, signed(BODY, ago=SIGNATURE_TOLERANCE_SECONDS + A_MINUTE), SECRET)


class TestEvent:
    @pytest.mark.parametrize("about", [INTENT, CHARGE, DISPUTE])
    def test_stripe_event_names_the_payment_that_it_is_about(self, about):
        assert an_event(about=about).payment_intent == "pi_1"

    @pytest.mark.parametrize(
        "about",
        [
            {},
            {"object": "charge", "id": "ch_1", "payment_intent": None},
            {"object": "customer", "id": "cus_1"},
            {"object": "charge", "payment_intent": {"id": "pi_1"}},
            {"object": "payment_intent", "id": 7},
        ],
    )
    def test_stripe_event_may_be_about_no_payment(self, about):
        assert an_event(about=about).payment_intent is None

    def test_stripe_event_may_bring_more_than_we_read(self):
        assert an_event(livemode=False, api_version="2030-01-01", request={"id": None}).id == "evt_1"

    @pytest.mark.parametrize("broken", [{"id": None}, {"type": "x" * 256}, {"data": {}}, {"data": {"object": "pi_1"}}])
    def test_stripe_event_must_have_the_form_of_one(self, broken):
        with pytest.raises(ValidationError):
            an_event(**broken)


class TestWebhookReceiver:
    @pytest.fixture
    def queue(self):
        return FakeQueue()

    @pytest.fixture
    def inbox(self, queue):
        return WebhookReceiver(queue, "https://sqs.example/stripe", Parameter(lambda: SECRET))

    def test_checks_with_its_secret(self, inbox):
        inbox.check(BODY, signed(BODY))

        with pytest.raises(SignatureInvalid):
            inbox.check(BODY, signed(BODY, secret="whsec_other"))

    def test_receiver_reads_its_secret_again_after_a_wrong_signature(self, queue):
        secrets = iter(["whsec_old", SECRET])
        inbox = WebhookReceiver(
            queue, "https://sqs.example/stripe", Parameter(secrets.__next__, iter((0, 10, 10)).__next__)
        )

        inbox.check(BODY, signed(BODY))

        assert next(secrets, None) is None

    @pytest.mark.parametrize("kind", sorted(HANDLED))
    def test_receiver_keeps_only_the_ids_of_what_we_handle(self, inbox, queue, kind):
        inbox.accept(an_event(kind, ABOUT[kind]))

        assert queue.sent == [{"event_id": "evt_1", "payment_intent": "pi_1"}]

    @pytest.mark.parametrize("kind", ["payment_intent.succeeded", "charge.updated", "customer.created", ""])
    def test_receiver_takes_in_nothing_else(self, inbox, queue, kind):
        inbox.accept(an_event(kind))

        assert queue.sent == []

    def test_receiver_takes_in_nothing_that_is_about_no_payment(self, inbox, queue):
        inbox.accept(an_event(about={"object": "charge", "payment_intent": None}))

        assert queue.sent == []
