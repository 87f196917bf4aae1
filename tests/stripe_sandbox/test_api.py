"""The Stripe sandbox behaves like Stripe's API, with Stripe's own SDK and over plain HTTP."""

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from infra.stripe_sandbox import serve

from .client import WAIT, authorized, captured, http, new_intent, refusal, shop_at


@pytest.fixture
def post(sandbox, secret):
    """Return a function that sends a POST with this test's account and returns status, headers and JSON."""

    def send(path, body="", **headers):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        bearer = {"Authorization": f"Bearer {secret}"}
        return http(sandbox.url, "POST", path, body, {**form, **bearer, **headers})

    return send


@pytest.fixture
def get(sandbox, secret):
    def send(path, **headers):
        return http(sandbox.url, "GET", path, "", {"Authorization": f"Bearer {secret}", **headers})

    return send


def all_at_once(count, work):
    """Run `work(0)`, `work(1)`, … in parallel threads that start at the same moment."""
    start = threading.Barrier(count)

    def run(number):
        start.wait(WAIT)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class TestAuthorizeAndCapture:
    def test_confirmed_manual_payment_is_authorized(self, shop):
        intent = authorized(shop, metadata={"order_id": "o-1"})

        assert intent.status == "requires_capture"
        assert (intent.amount_capturable, intent.amount_received) == (1250, 0)
        assert intent.client_secret.startswith(f"{intent.id}_secret_")
        assert intent.metadata["order_id"] == "o-1"
        assert intent.livemode is False
        charge = shop.charges.retrieve(intent.latest_charge)
        assert (charge.paid, charge.captured, charge.status) == (True, False, "succeeded")
        assert charge.outcome.type == "authorized"
        assert charge.payment_intent == intent.id

    def test_capture_takes_all_that_is_held(self, shop):
        intent = captured(shop)

        assert intent.status == "succeeded"
        assert (intent.amount_capturable, intent.amount_received) == (0, 1250)
        charge = shop.charges.retrieve(intent.latest_charge)
        assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 1250, 0)

    def test_capture_of_a_part_releases_the_rest(self, shop):
        intent = authorized(shop)

        taken = shop.payment_intents.capture(intent.id, {"amount_to_capture": 1000})

        assert (taken.status, taken.amount_received, taken.amount_capturable) == (
            "succeeded",
            1000,
            0,
        )
        assert shop.charges.retrieve(intent.latest_charge).amount_captured == 1000

    def test_capture_of_more_than_authorized_is_refused(self, shop):
        intent = authorized(shop)

        error = refusal(shop.payment_intents.capture, intent.id, {"amount_to_capture": 1251})

        assert (error.http_status, error.code) == (400, "amount_too_large")
        assert shop.payment_intents.retrieve(intent.id).status == "requires_capture"

    def test_automatic_capture_succeeds_at_once(self, shop):
        intent = authorized(shop, capture_method="automatic")

        assert (intent.status, intent.amount_received) == ("succeeded", 1250)

    def test_intent_passes_through_its_statuses(self, shop):
        intent = shop.payment_intents.create(new_intent())
        assert intent.status == "requires_payment_method"

        intent = shop.payment_intents.update(intent.id, {"payment_method": "pm_card_visa"})
        assert intent.status == "requires_confirmation"

        intent = shop.payment_intents.confirm(intent.id)
        assert intent.status == "requires_capture"

    def test_confirming_without_a_payment_method_is_refused(self, shop):
        intent = shop.payment_intents.create(new_intent())

        error = refusal(shop.payment_intents.confirm, intent.id)

        assert error.code == "payment_intent_unexpected_state"
        assert error.error.payment_intent.id == intent.id

    def test_confirming_twice_is_refused(self, shop):
        for intent in (authorized(shop), captured(shop)):
            error = refusal(shop.payment_intents.confirm, intent.id)
            assert error.code == "payment_intent_unexpected_state"

    @pytest.mark.parametrize("brand", ["visa", "mastercard", "amex"])
    def test_use_of_a_test_card_creates_a_new_payment_method(self, shop, brand):
        intent = shop.payment_intents.create(new_intent(payment_method=f"pm_card_{brand}", expand=["payment_method"]))

        assert intent.payment_method.id != f"pm_card_{brand}"
        assert intent.payment_method.card.brand == brand


class TestRedirects:
    def test_methods_that_may_redirect_need_a_return_url(self, shop):
        redirecting = new_intent(payment_method="pm_card_visa", confirm=True)
        del redirecting["payment_method_types"]

        error = refusal(shop.payment_intents.create, redirecting)
        assert (error.http_status, error.param) == (400, "return_url")
        assert shop.payment_intents.list().data == []

        with_url = {**redirecting, "return_url": "https://shop.example/done"}
        assert shop.payment_intents.create(with_url).status == "requires_capture"

    def test_methods_that_never_redirect_do_not(self, shop):
        intent = new_intent(
            payment_method="pm_card_visa",
            confirm=True,
            automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
        )
        del intent["payment_method_types"]

        assert shop.payment_intents.create(intent).status == "requires_capture"


DECLINES = {
    "chargeDeclined": ("card_declined", "generic_decline", None),
    "chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds", None),
    "chargeDeclinedLostCard": ("card_declined", "lost_card", None),
    "chargeDeclinedStolenCard": ("card_declined", "stolen_card", None),
    "chargeDeclinedFraudulent": ("card_declined", "fraudulent", None),
    "chargeDeclinedExpiredCard": ("expired_card", "expired_card", "exp_month"),
    "chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc", "cvc"),
    "chargeDeclinedProcessingError": ("processing_error", "processing_error", None),
}


class TestDeclines:
    @pytest.mark.parametrize("infix", ["", "visa_"])
    @pytest.mark.parametrize("name", DECLINES)
    def test_card_declines_for_its_reason(self, shop, name, infix):
        intent = shop.payment_intents.create(new_intent())
        card = {"payment_method": f"pm_card_{infix}{name}"}

        error = refusal(shop.payment_intents.confirm, intent.id, card, expected=stripe.CardError)

        assert error.http_status == 402
        assert (error.code, error.error.decline_code, error.param) == DECLINES[name]

    def test_declined_intent_accepts_another_card(self, shop):
        intent = shop.payment_intents.create(new_intent())
        declining = {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}

        error = refusal(shop.payment_intents.confirm, intent.id, declining, expected=stripe.CardError)

        after = shop.payment_intents.retrieve(intent.id)
        assert after.status == "requires_payment_method"
        assert after.payment_method is None
        assert after.last_payment_error.decline_code == "insufficient_funds"
        assert after.latest_charge == error.error.charge
        assert error.error.payment_intent.status == "requires_payment_method"
        failed = shop.charges.retrieve(error.error.charge)
        assert (failed.status, failed.paid) == ("failed", False)
        assert failed.failure_code == "card_declined"

        paid = shop.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert (paid.status, paid.last_payment_error) == ("requires_capture", None)
        attempts = shop.charges.list({"payment_intent": intent.id}).data
        assert [charge.status for charge in attempts] == ["succeeded", "failed"]

    def test_decline_on_creation_keeps_the_intent(self, shop):
        declining = new_intent(payment_method="pm_card_chargeDeclined", confirm=True)

        error = refusal(shop.payment_intents.create, declining, expected=stripe.CardError)

        [left] = shop.payment_intents.list().data
        assert left.id == error.error.payment_intent.id


class TestAuthentication:
    def test_card_may_require_authentication(self, shop):
        intent = shop.payment_intents.create(new_intent(payment_method="pm_card_authenticationRequired", confirm=True))

        assert intent.status == "requires_action"
        assert intent.next_action.type == "use_stripe_sdk"
        assert intent.latest_charge is None
        error = refusal(shop.payment_intents.capture, intent.id)
        assert error.code == "payment_intent_unexpected_state"
        assert shop.payment_intents.cancel(intent.id).status == "canceled"

    @pytest.mark.parametrize(
        ("option", "decline_code"),
        [
            ({"off_session": True}, "authentication_required"),
            ({"error_on_requires_action": True}, "authentication_not_handled"),
        ],
    )
    def test_off_session_authentication_is_declined(self, shop, option, decline_code):
        absent = new_intent(payment_method="pm_card_authenticationRequired", confirm=True, **option)

        error = refusal(shop.payment_intents.create, absent, expected=stripe.CardError)

        assert (error.http_status, error.code) == (402, "authentication_required")
        assert error.error.decline_code == decline_code
        assert error.error.payment_intent.status == "requires_payment_method"

    def test_being_on_session_is_not_a_decline(self, shop):
        intent = shop.payment_intents.create(
            new_intent(payment_method="pm_card_authenticationRequired", confirm=True, off_session=False)
        )

        assert intent.status == "requires_action"


class TestCancel:
    def test_cancel_releases_what_is_held(self, shop):
        intent = authorized(shop)

        canceled = shop.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

        assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
        assert canceled.cancellation_reason == "abandoned"
        assert canceled.canceled_at >= canceled.created
        assert shop.charges.retrieve(intent.latest_charge).captured is False

    def test_final_statuses_stay(self, shop):
        canceled = shop.payment_intents.cancel(authorized(shop).id)
        succeeded = captured(shop)
        steps = (
            (shop.payment_intents.cancel, canceled.id),
            (shop.payment_intents.cancel, succeeded.id),
            (shop.payment_intents.capture, canceled.id),
            (shop.payment_intents.capture, succeeded.id),
            (shop.payment_intents.confirm, canceled.id, {"payment_method": "pm_card_visa"}),
            (shop.payment_intents.update, succeeded.id, {"amount": 999}),
            (shop.payment_intents.update, succeeded.id, {"payment_method": "pm_card_visa"}),
        )
        for step in steps:
            error = refusal(*step)
            assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")

        assert shop.payment_intents.retrieve(canceled.id).status == "canceled"
        assert shop.payment_intents.retrieve(succeeded.id).amount == 1250


class TestRefunds:
    def test_parts_add_up_to_a_full_refund(self, shop):
        intent = captured(shop)

        first = shop.refunds.create({"payment_intent": intent.id, "amount": 450, "reason": "requested_by_customer"})
        charge = shop.charges.retrieve(intent.latest_charge)
        assert (first.status, first.amount, first.charge) == ("succeeded", 450, charge.id)
        assert (charge.amount_refunded, charge.refunded) == (450, False)

        rest = shop.refunds.create({"charge": charge.id, "metadata": {"order_id": "o-1"}})
        charge = shop.charges.retrieve(charge.id)
        assert (rest.amount, rest.metadata["order_id"]) == (800, "o-1")
        assert (charge.amount_refunded, charge.refunded) == (1250, True)
        assert shop.refunds.retrieve(first.id).reason == "requested_by_customer"
        listed = shop.refunds.list({"payment_intent": intent.id}).data
        assert [refund.id for refund in listed] == [rest.id, first.id]

    def test_refund_above_the_remainder_is_refused(self, shop):
        intent = captured(shop)
        shop.refunds.create({"payment_intent": intent.id, "amount": 1000})

        error = refusal(shop.refunds.create, {"payment_intent": intent.id, "amount": 251})
        assert (error.http_status, error.code, error.param) == (400, None, "amount")
        assert "$2.51" in error.user_message and "$2.50" in error.user_message

        shop.refunds.create({"payment_intent": intent.id, "amount": 250})
        error = refusal(shop.refunds.create, {"payment_intent": intent.id})
        assert (error.http_status, error.code) == (400, "charge_already_refunded")

    def test_refund_above_the_captured_part_is_refused(self, shop):
        intent = authorized(shop)
        shop.payment_intents.capture(intent.id, {"amount_to_capture": 1000})

        assert shop.refunds.create({"payment_intent": intent.id}).amount == 1000

    def test_authorization_is_canceled_and_not_refunded(self, shop):
        intent = authorized(shop)

        for target in ({"payment_intent": intent.id}, {"charge": intent.latest_charge}):
            error = refusal(shop.refunds.create, target)
            assert (error.http_status, error.code) == (400, None)
            assert "You must cancel the PaymentIntent" in error.user_message

    def test_unpaid_payment_cannot_be_refunded(self, shop):
        canceled = shop.payment_intents.cancel(authorized(shop).id)
        unpaid = shop.payment_intents.create(new_intent())

        for intent in (canceled, unpaid):
            error = refusal(shop.refunds.create, {"payment_intent": intent.id})
            assert "does not have a successful charge to refund" in error.user_message


class TestUnknownThings:
    def test_unknown_ids_are_missing(self, shop):
        calls = (
            (shop.payment_intents.retrieve, "pi_none", "intent"),
            (shop.payment_intents.confirm, "pi_none", "intent"),
            (shop.payment_intents.capture, "pi_none", "intent"),
            (shop.payment_intents.cancel, "pi_none", "intent"),
            (shop.charges.retrieve, "ch_none", "id"),
            (shop.refunds.retrieve, "re_none", "id"),
            (shop.refunds.create, {"payment_intent": "pi_none"}, "payment_intent"),
        )
        for call, target, param in calls:
            error = refusal(call, target)
            assert (error.http_status, error.code) == (404, "resource_missing")
            assert error.param == param

    def test_unknown_payment_method_is_missing(self, shop):
        strange = new_intent(payment_method="pm_card_monopoly", confirm=True)

        error = refusal(shop.payment_intents.create, strange)

        assert (error.http_status, error.code) == (400, "resource_missing")
        assert error.param == "payment_method"
        assert error.user_message == "No such PaymentMethod: 'pm_card_monopoly'"

    def test_id_of_another_kind_is_missing(self, shop):
        intent = authorized(shop)

        assert refusal(shop.payment_intents.retrieve, intent.latest_charge).http_status == 404

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/customers"),
            ("GET", "/v1/payment_intents/"),
            ("POST", "/v1/payment_intents/pi_1/explode"),
            ("POST", "/v1/payment_intents/pi_1/capture/now"),
            ("DELETE", "/v1/payment_intents/pi_1"),
            ("PUT", "/v1/refunds"),
            ("GET", "/v1/"),
            ("GET", "/nowhere"),
            ("POST", "/ledgers"),
        ],
    )
    def test_unknown_urls_are_unrecognized(self, sandbox, secret, method, path):
        answer = http(sandbox.url, method, path, headers={"Authorization": f"Bearer {secret}"})

        assert answer.status == 404
        assert answer.body["error"]["type"] == "invalid_request_error"
        assert answer.body["error"]["message"].startswith("Unrecognized request URL")


VALID = {"amount": "1250", "currency": "usd"}
INVALID_INTENTS = [
    ({}, "parameter_missing", "amount"),
    ({"amount": "1250"}, "parameter_missing", "currency"),
    ({**VALID, "amount": "12.5"}, "parameter_invalid_integer", "amount"),
    ({**VALID, "amount": "1e3"}, "parameter_invalid_integer", "amount"),
    ({**VALID, "amount": "٣٠٠"}, "parameter_invalid_integer", "amount"),
    ({**VALID, "amount": "9" * 5000}, "parameter_invalid_integer", "amount"),
    ({**VALID, "amount": "-5"}, "parameter_invalid_integer", "amount"),
    ({**VALID, "amount": "0"}, "parameter_invalid_integer", "amount"),
    ({**VALID, "amount": ""}, "parameter_invalid_empty", "amount"),
    ({**VALID, "amount[gte]": "5"}, None, "amount[gte]"),
    ({"currency": "usd", "amount[gte]": "5"}, None, "amount"),
    ({**VALID, "amount": "49"}, "amount_too_small", "amount"),
    ({**VALID, "amount": "29", "currency": "gbp"}, "amount_too_small", "amount"),
    ({**VALID, "amount": "100000000"}, "amount_too_large", "amount"),
    ({**VALID, "currency": "shells"}, None, "currency"),
    ({**VALID, "capture_method": "later"}, None, "capture_method"),
    ({**VALID, "confirm": "yes"}, None, "confirm"),
    ({**VALID, "off_session": "perhaps"}, None, "off_session"),
    ({**VALID, "receipt_email": "nobody"}, "email_invalid", "receipt_email"),
    ({**VALID, "metadata": "o-1"}, None, "metadata"),
    ({**VALID, "metadata[a][b]": "1"}, None, "metadata[a]"),
    ({**VALID, "metadata[a]": "x" * 501}, None, "metadata[a]"),
    ({**VALID, "payment_method_types": "card"}, None, "payment_method_types"),
    ({**VALID, "payment_method_types[]": "cash"}, None, "payment_method_types[0]"),
    (
        {**VALID, "automatic_payment_methods[allow_redirects]": "never"},
        "parameter_missing",
        "automatic_payment_methods[enabled]",
    ),
    ({**VALID, "colour": "red"}, "parameter_unknown", "colour"),
    ({**VALID, "expand[]": "metadata"}, None, None),
]


class TestParameters:
    @pytest.mark.parametrize(("form", "code", "param"), INVALID_INTENTS)
    def test_invalid_intents_are_refused_by_name(self, post, shop, form, code, param):
        answer = post("/v1/payment_intents", urlencode(form))

        error = answer.body["error"]
        assert answer.status == 400
        assert error["type"] == "invalid_request_error"
        assert (error.get("code"), error.get("param")) == (code, param)
        assert shop.payment_intents.list().data == []

    def test_minimum_amount_is_accepted(self, shop):
        assert shop.payment_intents.create(new_intent(amount=50)).amount == 50
        assert shop.payment_intents.create(new_intent(amount=30, currency="gbp")).amount == 30

    @pytest.mark.parametrize(
        ("path", "form", "param"),
        [
            ("/v1/payment_intents/{id}/capture", {"amount_to_capture": "0"}, "amount_to_capture"),
            ("/v1/payment_intents/{id}/cancel", {"cancellation_reason": "mood"}, None),
            ("/v1/refunds", {"payment_intent": "{id}", "amount": "-1"}, "amount"),
            ("/v1/refunds", {"payment_intent": "{id}", "reason": "mood"}, "reason"),
            ("/v1/refunds", {"amount": "100"}, None),
        ],
    )
    def test_invalid_steps_are_refused(self, post, shop, path, form, param):
        intent = authorized(shop)
        named = {name: value.format(id=intent.id) for name, value in form.items()}

        answer = post(path.format(id=intent.id), urlencode(named))

        assert answer.status == 400
        assert param in (None, answer.body["error"].get("param"))
        assert shop.payment_intents.retrieve(intent.id).status == "requires_capture"

    def test_metadata_is_merged_and_unset(self, shop):
        intent = shop.payment_intents.create(new_intent(metadata={"order_id": "o-1", "gift": "1"}))

        changed = shop.payment_intents.update(
            intent.id, {"description": "Two lamps", "metadata": {"gift": "", "note": "é & <b>"}}
        )
        assert changed.description == "Two lamps"
        assert changed.metadata.to_dict() == {"order_id": "o-1", "note": "é & <b>"}

        emptied = shop.payment_intents.update(intent.id, {"metadata": ""})
        assert emptied.metadata.to_dict() == {}

    def test_list_parameters_are_read_in_both_spellings(self, post):
        for spelling in ("expand[]", "expand[0]"):
            form = {
                **VALID,
                "payment_method_types[]": "card",
                "payment_method": "pm_card_visa",
                "confirm": "true",
                spelling: "latest_charge.payment_intent",
            }
            answer = post("/v1/payment_intents", urlencode(form))
            assert answer.body["latest_charge"]["payment_intent"]["id"] == answer.body["id"]

    @pytest.mark.parametrize(
        "body",
        [
            b"\xff\xfe\x00",
            b"amount=%ff%fe",
            b"amount",
            b"&&&===&",
            b"[amount]=1",
            b"amount[=1",
            b"amount]=1",
            b"a[b][c][d][e][f][g]=1",
            b"metadata=1&metadata[a]=2",
            b"metadata[a]=1&metadata[a][b]=2",
            b"metadata" + b"[a]" * 5000 + b"=1",
            b"=1",
            b"&".join([b"a=1"] * 2000),
            b'{"amount": 1250}',
            b"\x00=\x00",
            b"expand[][x]=1&amount=1250&currency=usd",
        ],
    )
    def test_malformed_bodies_are_the_senders_fault(self, post, body):
        for path in ("/v1/payment_intents", "/v1/refunds", "/v1/payment_intents/pi_1/capture"):
            answer = post(path, body)
            assert answer.status == 400
            assert answer.body["error"]["message"]

    def test_json_bodies_are_not_understood(self, post):
        body = json.dumps({"amount": 1250, "currency": "usd"})

        answer = post("/v1/payment_intents", body, **{"Content-Type": "application/json"})

        assert answer.status == 400

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=101",
            "limit=ten",
            "created[soon]=1",
            "created[gte]=x",
            "q=1",
            "starting_after=pi_none",
            "%ff=1",
            "expand[]=latest_charge",
            "limit[]=1",
        ],
    )
    def test_invalid_lists_are_refused(self, get, query):
        assert get(f"/v1/payment_intents?{query}").status == 400


class TestLists:
    def test_pages_run_from_the_newest_to_the_oldest(self, shop):
        ids = [shop.payment_intents.create(new_intent()).id for _ in range(5)]

        first = shop.payment_intents.list({"limit": 2})
        assert [intent.id for intent in first.data] == [ids[4], ids[3]]
        assert first.has_more is True
        everything = [intent.id for intent in first.auto_paging_iter()]
        assert everything == ids[::-1]

        last = shop.payment_intents.list({"limit": 2, "starting_after": ids[2]})
        assert [intent.id for intent in last.data] == [ids[1], ids[0]]
        assert last.has_more is False
        newer = shop.payment_intents.list({"limit": 2, "ending_before": ids[1]})
        assert [intent.id for intent in newer.data] == [ids[3], ids[2]]
        assert newer.has_more is True

    def test_lists_are_filtered(self, shop):
        intent, other = captured(shop), captured(shop)
        refund = shop.refunds.create({"payment_intent": intent.id, "amount": 100})
        shop.refunds.create({"payment_intent": other.id, "amount": 100})

        charges = shop.charges.list({"payment_intent": intent.id}).data
        assert [charge.id for charge in charges] == [intent.latest_charge]
        for target in ({"payment_intent": intent.id}, {"charge": intent.latest_charge}):
            assert [found.id for found in shop.refunds.list(target).data] == [refund.id]

    def test_lists_are_limited_in_time(self, shop):
        intent = shop.payment_intents.create(new_intent())

        for created, found in (
            ({"gte": intent.created}, 1),
            ({"gt": intent.created}, 0),
            ({"gte": intent.created - 1, "lt": intent.created + 1}, 1),
            ({"lt": intent.created}, 0),
            (intent.created, 1),
        ):
            assert len(shop.payment_intents.list({"created": created}).data) == found

    def test_listed_objects_can_be_expanded(self, shop):
        authorized(shop)

        [intent] = shop.payment_intents.list({"expand": ["data.latest_charge"]}).data

        assert intent.latest_charge.amount == 1250


class TestIdempotency:
    def test_repeated_request_returns_the_stored_response(self, post, shop):
        form = urlencode({**VALID, "metadata[order_id]": "o-1"})

        first = post("/v1/payment_intents", form, **{"Idempotency-Key": "o-1:create"})
        again = post("/v1/payment_intents", form, **{"Idempotency-Key": "o-1:create"})

        assert (again.status, again.text) == (200, first.text)
        assert first.headers["Idempotent-Replayed"] is None
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Original-Request"] == first.headers["Request-Id"]
        assert again.headers["Request-Id"] != first.headers["Request-Id"]
        assert len(shop.payment_intents.list().data) == 1

    def test_replay_returns_the_first_response_unchanged(self, shop):
        key = {"idempotency_key": "o-1:authorize"}
        intent = shop.payment_intents.create(new_intent(payment_method="pm_card_visa", confirm=True), key)
        shop.payment_intents.capture(intent.id)

        replayed = shop.payment_intents.create(new_intent(payment_method="pm_card_visa", confirm=True), key)

        assert (replayed.id, replayed.status) == (intent.id, "requires_capture")

    def test_decline_is_stored_under_its_key(self, shop):
        intent = shop.payment_intents.create(new_intent())
        request = (
            intent.id,
            {"payment_method": "pm_card_chargeDeclined"},
            {"idempotency_key": "o-1:confirm"},
        )

        first = refusal(shop.payment_intents.confirm, *request, expected=stripe.CardError)
        again = refusal(shop.payment_intents.confirm, *request, expected=stripe.CardError)

        assert again.http_body == first.http_body
        assert again.headers["Idempotent-Replayed"] == "true"
        assert len(shop.charges.list({"payment_intent": intent.id}).data) == 1

    def test_refusal_by_state_is_stored_under_its_key(self, shop):
        intent = shop.payment_intents.create(new_intent())
        capture = (intent.id, {}, {"idempotency_key": "o-1:capture"})
        refusal(shop.payment_intents.capture, *capture)
        shop.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

        error = refusal(shop.payment_intents.capture, *capture)

        assert error.code == "payment_intent_unexpected_state"
        assert error.headers["Idempotent-Replayed"] == "true"

    def test_invalid_request_is_not_stored_under_its_key(self, post, sandbox):
        key = {"Idempotency-Key": "o-1:create"}
        incomplete = post("/v1/payment_intents", "amount=1250", **key)
        strange = post("/v1/payment_intents", urlencode(VALID), Authorization="Bearer x", **key)
        assert (incomplete.status, strange.status) == (400, 401)

        complete = post("/v1/payment_intents", urlencode(VALID), **key)

        assert complete.status == 200
        assert complete.headers["Idempotent-Replayed"] is None

    def test_idempotency_key_belongs_to_its_parameters(self, shop):
        key = {"idempotency_key": "o-1:create"}
        shop.payment_intents.create(new_intent(), key)

        error = refusal(
            shop.payment_intents.create,
            new_intent(amount=999),
            key,
            expected=stripe.IdempotencyError,
        )

        assert error.http_status == 400
        assert len(shop.payment_intents.list().data) == 1

    def test_idempotency_key_belongs_to_its_endpoint(self, shop):
        first, second = authorized(shop), authorized(shop)
        key = {"idempotency_key": "o-1:capture"}
        shop.payment_intents.capture(first.id, {}, key)

        refusal(shop.payment_intents.capture, second.id, {}, key, expected=stripe.IdempotencyError)

        assert shop.payment_intents.retrieve(second.id).status == "requires_capture"

    def test_idempotency_key_belongs_to_its_account(self, sandbox, shop, secret):
        key = {"idempotency_key": "o-1:create"}
        other = shop_at(sandbox.url, f"{secret}2")

        assert shop.payment_intents.create(new_intent(), key).id != other.payment_intents.create(new_intent(), key).id

    def test_parameters_may_change_their_order(self, post):
        key = {"Idempotency-Key": "o-1:create"}

        first = post("/v1/payment_intents", "amount=1250&currency=usd", **key)
        again = post("/v1/payment_intents", "currency=usd&amount=1250", **key)

        assert again.body["id"] == first.body["id"]

    def test_idempotency_key_in_use_is_a_conflict(self, sandbox, post):
        """An outside lock on the state file blocks the first of the requests."""
        key = {"Idempotency-Key": "o-1:create"}
        lock = sqlite3.connect(sandbox.state, isolation_level=None)
        with ThreadPoolExecutor(2) as pool:
            lock.execute("BEGIN IMMEDIATE")
            try:
                requests = [pool.submit(post, "/v1/payment_intents", urlencode(VALID), **key) for _ in range(2)]
                done, stuck = wait(requests, WAIT, FIRST_COMPLETED)
            finally:
                lock.execute("ROLLBACK")
                lock.close()
            [conflict], [first] = done, stuck
            error = conflict.result().body["error"]

            assert conflict.result().status == 409
            assert error["code"] == "idempotency_key_in_use"
            assert first.result(WAIT).status == 200

        again = post("/v1/payment_intents", urlencode(VALID), **key)
        assert again.body == first.result().body

    def test_server_error_is_stored_under_its_key(self, sandbox, post, shop):
        intent = authorized(shop)
        path = f"/v1/payment_intents/{intent.id}/capture"
        file = sqlite3.connect(sandbox.state, isolation_level=None)
        [[body]] = file.execute("SELECT body FROM objects WHERE id = ?", (intent.id,))
        file.execute("UPDATE objects SET body = 'torn' WHERE id = ?", (intent.id,))

        failed = post(path, **{"Idempotency-Key": "o-1:capture"})
        file.execute("UPDATE objects SET body = ? WHERE id = ?", (body, intent.id))
        file.close()
        again = post(path, **{"Idempotency-Key": "o-1:capture"})

        assert (failed.status, failed.body["error"]["type"]) == (500, "api_error")
        assert (again.status, again.headers["Idempotent-Replayed"]) == (500, "true")
        assert post(path, **{"Idempotency-Key": "o-1:capture-again"}).status == 200

    def test_reading_takes_no_key(self, get, shop):
        intent = authorized(shop)
        path = f"/v1/payment_intents/{intent.id}"

        get(path, **{"Idempotency-Key": "k"})
        shop.payment_intents.capture(intent.id)

        assert get(path, **{"Idempotency-Key": "k"}).body["status"] == "succeeded"

    def test_keys_have_a_limit(self, post):
        for length, status in ((255, 200), (256, 400)):
            answer = post("/v1/payment_intents", urlencode(VALID), **{"Idempotency-Key": "k" * length})
            assert answer.status == status


class TestConcurrency:
    THREADS = 8

    def test_concurrent_captures_succeed_once(self, shop, post):
        intent = authorized(shop)

        answers = all_at_once(self.THREADS, lambda _: post(f"/v1/payment_intents/{intent.id}/capture"))

        assert sorted(answer.status for answer in answers) == [200] + [400] * (self.THREADS - 1)

    def test_concurrent_confirmations_succeed_once(self, shop, post):
        intent = shop.payment_intents.create(new_intent())

        answers = all_at_once(
            self.THREADS,
            lambda _: post(f"/v1/payment_intents/{intent.id}/confirm", "payment_method=pm_card_visa"),
        )

        assert sorted(answer.status for answer in answers) == [200] + [400] * (self.THREADS - 1)
        assert len(shop.charges.list({"payment_intent": intent.id}).data) == 1

    def test_refunds_never_exceed_the_payment(self, shop, post):
        intent = captured(shop)
        form = urlencode({"payment_intent": intent.id, "amount": 400})

        answers = all_at_once(self.THREADS, lambda _: post("/v1/refunds", form))

        assert [answer.status for answer in answers].count(200) == 3
        assert shop.charges.retrieve(intent.latest_charge).amount_refunded == 1200

    def test_concurrent_capture_and_cancel_succeed_once(self, shop, post):
        intent = authorized(shop)
        steps = ("capture", "cancel")

        answers = all_at_once(2, lambda n: post(f"/v1/payment_intents/{intent.id}/{steps[n]}"))

        assert sorted(answer.status for answer in answers) == [200, 400]
        winner = steps[[answer.status for answer in answers].index(200)]
        expected = {"capture": "succeeded", "cancel": "canceled"}[winner]
        assert shop.payment_intents.retrieve(intent.id).status == expected

    def test_idempotency_key_has_one_effect(self, shop, post):
        key = {"Idempotency-Key": "o-1:create"}

        answers = all_at_once(self.THREADS, lambda _: post("/v1/payment_intents", urlencode(VALID), **key))

        assert {answer.status for answer in answers} <= {200, 409}
        assert len({answer.text for answer in answers if answer.status == 200}) == 1
        assert len(shop.payment_intents.list().data) == 1


class TestAccounts:
    def test_accounts_do_not_see_each_other(self, sandbox, shop, secret):
        intent = captured(shop)
        stranger = shop_at(sandbox.url, f"{secret}2")

        assert stranger.payment_intents.list().data == []
        assert refusal(stranger.payment_intents.retrieve, intent.id).http_status == 404
        assert refusal(stranger.charges.retrieve, intent.latest_charge).http_status == 404
        assert refusal(stranger.refunds.create, {"payment_intent": intent.id}).http_status == 404

    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer",
            "Bearer sk_live_1234567890",
            "Bearer pk_test_1",
            "Basic !!!",
            "Bearer sk_test_a b",
        ],
    )
    def test_account_is_opened_by_secret_test_keys_only(self, sandbox, authorization):
        headers = {} if authorization is None else {"Authorization": authorization}

        answer = http(sandbox.url, "GET", "/v1/payment_intents", headers=headers)

        assert answer.status == 401
        assert answer.body["error"]["type"] == "invalid_request_error"
        assert "sk_live_1234567890" not in answer.text

    def test_sdk_reports_a_wrong_key(self, sandbox):
        stranger = shop_at(sandbox.url, "sk_wrong")

        refusal(stranger.payment_intents.list, expected=stripe.AuthenticationError)

    def test_basic_authentication_opens_the_same_account(self, sandbox, shop, secret):
        intent = authorized(shop)
        basic = base64.b64encode(f"{secret}:".encode()).decode()

        answer = http(
            sandbox.url,
            "GET",
            f"/v1/payment_intents/{intent.id}",
            headers={"Authorization": f"Basic {basic}"},
        )

        assert answer.body["id"] == intent.id


class TestRestart:
    def test_everything_survives_a_restart(self, tmp_path, secret):
        state, key = str(tmp_path / "state.sqlite"), {"idempotency_key": "o-1:authorize"}
        request = new_intent(payment_method="pm_card_visa", confirm=True)
        before = serve(0, state)
        intent = shop_at(before.url, secret).payment_intents.create(request, key)
        before.close()

        after = serve(0, state)
        shop = shop_at(after.url, secret)
        replayed = shop.payment_intents.create(request, key)
        taken = shop.payment_intents.capture(intent.id)
        after.close()

        assert replayed.id == intent.id
        assert (taken.status, taken.amount_received) == ("succeeded", 1250)

    def test_keys_older_than_a_day_are_forgotten(self, tmp_path, secret):
        state, key = str(tmp_path / "state.sqlite"), {"idempotency_key": "o-1:create"}
        before = serve(0, state)
        first = shop_at(before.url, secret).payment_intents.create(new_intent(), key)
        before.close()
        with sqlite3.connect(state) as file:
            file.execute("UPDATE answers SET answered = answered - 25 * 60 * 60")
        file.close()

        after = serve(0, state)
        second = shop_at(after.url, secret).payment_intents.create(new_intent(), key)
        after.close()

        assert second.id != first.id

    def test_closed_sandbox_answers_no_request(self, tmp_path, secret):
        server = serve(0, str(tmp_path / "state.sqlite"))
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=WAIT)
        connection.request("GET", "/health")
        assert connection.getresponse().read()

        server.close()

        with pytest.raises(OSError):
            connection.auto_open = 0
            connection.request("GET", "/health")
            connection.getresponse()
        connection.close()


class TestHttp:
    def test_answers_name_request_and_version(self, get):
        answer = get("/v1/payment_intents", **{"Stripe-Version": "2024-06-20"})

        assert answer.headers["Request-Id"].startswith("req_")
        assert answer.headers["Stripe-Version"] == "2024-06-20"
        assert answer.headers["Content-Type"] == "application/json"

    def test_connection_is_kept_alive(self, sandbox):
        connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=WAIT)
        sockets = set()
        for path in ("/health", "/v1/payment_intents", "/nowhere", "/health"):
            connection.request("POST" if "nowhere" in path else "GET", path, "a=b")
            connection.getresponse().read()
            sockets.add(connection.sock)
        connection.close()

        assert len(sockets) == 1 and None not in sockets

    @pytest.mark.parametrize(
        "headers",
        [
            "Content-Length: many",
            "Content-Length: -1",
            "Content-Length: 99999999999",
            f"Content-Length: {'9' * 5000}",
            "Transfer-Encoding: chunked",
        ],
    )
    def test_bodies_of_unknown_length_are_refused(self, sandbox, secret, headers):
        answer = raw(
            sandbox.url,
            f"POST /v1/payment_intents HTTP/1.1\r\nHost: x\r\n{headers}\r\nAuthorization: Bearer {secret}\r\n\r\n",
        )

        assert answer.startswith("HTTP/1.1 400")

    def test_half_a_body_has_no_effect(self, sandbox, shop, secret):
        answer = raw(
            sandbox.url,
            "POST /v1/payment_intents HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Authorization: Bearer {secret}\r\n\r\ncurrency=usd&amount=125",
        )

        assert answer == ""
        assert shop.payment_intents.list().data == []

    def test_echoed_headers_cannot_break_the_answer(self, sandbox, secret):
        answer = raw(
            sandbox.url,
            "GET /v1/payment_intents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: Bearer {secret}\r\nStripe-Version: 1\r\n\tEvil: yes\r\n\r\n",
        )

        assert answer.startswith("HTTP/1.1 200")
        assert not any(line.strip().startswith("Evil") for line in answer.splitlines())


def raw(url, request):
    """Send text unchanged, close the sending side and return the whole response."""
    host, port = urlsplit(url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received.decode()


class TestLedger:
    def test_ledger_lists_what_happened_to_an_account(self, get, shop):
        refunded = captured(shop, metadata={"order_id": "o-1"})
        refund = shop.refunds.create({"payment_intent": refunded.id, "amount": 250})
        declined = shop.payment_intents.create(new_intent(metadata={"order_id": "o-2"}))
        refusal(
            shop.payment_intents.confirm,
            declined.id,
            {"payment_method": "pm_card_chargeDeclined"},
            expected=stripe.CardError,
        )
        voided = shop.payment_intents.cancel(authorized(shop).id)
        held = authorized(shop)

        payments = get("/ledger").body["payments"]

        columns = (
            "payment_intent",
            "order_id",
            "status",
            "authorized",
            "capturable",
            "captured",
            "refunded",
        )
        assert [tuple(payment[column] for column in columns) for payment in payments] == [
            (held.id, None, "requires_capture", 1250, 1250, 0, 0),
            (voided.id, None, "canceled", 1250, 0, 0, 0),
            (declined.id, "o-2", "requires_payment_method", 0, 0, 0, 0),
            (refunded.id, "o-1", "succeeded", 1250, 0, 1250, 250),
        ]
        assert payments[2]["declines"] == ["generic_decline"]
        assert [entry["id"] for entry in payments[3]["refunds"]] == [refund.id]

    def test_account_can_be_selected(self, sandbox, get, shop):
        intent = authorized(shop)
        [mine] = get("/ledger").body["payments"]

        picked = http(sandbox.url, "GET", f"/ledger?account={mine['account']}").body["payments"]
        everyone = http(sandbox.url, "GET", "/ledger").body["payments"]
        of_unknown = http(sandbox.url, "GET", "/ledger?account=acct_none").body["payments"]

        assert picked == [mine] and mine["payment_intent"] == intent.id
        assert mine in everyone and len(everyone) > 1
        assert of_unknown == []
        assert get("/ledger", Authorization="Bearer wrong").status == 401

    def test_page_shows_payments_and_escapes_them(self, sandbox, shop):
        order_id = f"<script>alert('{uuid.uuid4().hex}')</script>"
        intent = captured(shop, amount=123456, metadata={"order_id": order_id})
        shop.refunds.create({"payment_intent": intent.id, "amount": 1000, "reason": "duplicate"})

        page = http(sandbox.url, "GET", "/")

        assert page.status == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert intent.id in page.text
        assert "$1,234.56 USD" in page.text and "$10.00 duplicate" in page.text
        assert "<script" not in page.text
        assert order_id.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;") in page.text

    def test_keys_are_shown_nowhere(self, sandbox, shop, secret):
        authorized(shop)

        for path in ("/", "/ledger"):
            assert secret not in http(sandbox.url, "GET", path).text

    def test_health_is_answered_without_a_key(self, sandbox):
        assert http(sandbox.url, "GET", "/health").status == 200


class TestCommandLine:
    def start(self, state, port=0):
        return subprocess.Popen(
            [sys.executable, "-m", "infra.stripe_sandbox", "--port", str(port), "--state", state],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    @pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
    def test_server_prints_when_it_is_ready_and_stops_on_a_signal(self, tmp_path, stop):
        process = self.start(str(tmp_path / "state.sqlite"))
        ready = process.stdout.readline()
        health = http(ready.split()[-1], "GET", "/health")

        process.send_signal(stop)
        output, problems = process.communicate(timeout=WAIT)

        assert ready.startswith("Stripe sandbox ready at http://127.0.0.1:")
        assert health.status == 200
        assert (process.returncode, output, problems) == (0, "", "")

    def test_busy_port_is_named(self, sandbox, tmp_path):
        port = urlsplit(sandbox.url).port

        process = self.start(str(tmp_path / "state.sqlite"), port)
        output, problems = process.communicate(timeout=WAIT)

        assert (process.returncode, output) == (1, "")
        assert f"port {port}" in problems and "Traceback" not in problems
