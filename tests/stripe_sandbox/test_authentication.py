"""3-D Secure: which payments need a challenge, the effect of each response, and that a response counts only once."""

from urllib.parse import parse_qs, urlsplit

import pytest

from .client import http, new_intent, refusal

WANTED = "pm_card_authenticationRequired"
BACK = "http://shop.localhost/orders/ord_1?from=bank"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def asked(shop, card=WANTED, **changes):
    given = {"payment_method": card, "confirm": True, "return_url": BACK}
    return shop.payment_intents.create(new_intent(**given | changes))


def path_of(intent):
    return urlsplit(intent.next_action.redirect_to_url.url).path


@pytest.fixture
def answer(sandbox):
    """Return a function that presses a button on the challenge's page as the card holder."""
    return lambda path, outcome: http(sandbox.url, "POST", path, f"outcome={outcome}", FORM)


def events_of(shop):
    return [event.type for event in reversed(shop.events.list().data)]


class TestNextAction:
    @pytest.mark.parametrize(
        "card",
        [
            WANTED,
            "pm_card_authenticationRequiredOnSetup",
            "pm_card_authenticationRequiredSetupForOffSession",
            "pm_card_threeDSecure2Required",
            "pm_card_threeDSecureRequired",
        ],
    )
    def test_return_url_gets_a_redirect_to_the_challenge(self, sandbox, shop, card):
        intent = asked(shop, card)

        action = intent.next_action
        assert (intent.status, action.type) == ("requires_action", "redirect_to_url")
        assert action.redirect_to_url.url.startswith(f"{sandbox.url}/3d-secure/{intent.id}/")
        assert action.redirect_to_url.return_url == BACK

    @pytest.mark.parametrize("parameters", [{"return_url": BACK, "use_stripe_sdk": True}, {}])
    def test_stripe_js_gets_an_action_of_its_own(self, shop, parameters):
        given = {"payment_method": WANTED, "confirm": True}

        intent = shop.payment_intents.create(new_intent(**given | parameters))

        assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")

    @pytest.mark.parametrize("card", ["pm_card_threeDSecureOptional", "pm_card_amex_threeDSecureNotSupported"])
    def test_card_without_authentication_is_authorized_at_once(self, shop, card):
        assert asked(shop, card).status == "requires_capture"

    def test_off_session_card_is_authorized_without_its_holder(self, shop):
        intent = asked(shop, "pm_card_authenticationRequiredSetupForOffSession", off_session=True)

        assert intent.status == "requires_capture"


class TestAnswer:
    def test_completing_holds_the_money_and_sends_the_holder_back(self, shop, answer):
        intent = asked(shop)

        sent = answer(path_of(intent), "complete")

        back, query = sent.headers["Location"].partition("?")[0], parse_qs(urlsplit(sent.headers["Location"]).query)
        assert (sent.status, back) == (303, BACK.partition("?")[0])
        assert query["from"] == ["bank"]
        assert (query["payment_intent"], query["redirect_status"]) == ([intent.id], ["succeeded"])
        assert query["payment_intent_client_secret"] == [intent.client_secret]
        held = shop.payment_intents.retrieve(intent.id)
        assert (held.status, held.amount_capturable, held.next_action) == ("requires_capture", 1250, None)
        assert events_of(shop) == [
            "payment_intent.created",
            "payment_intent.requires_action",
            "payment_intent.amount_capturable_updated",
            "charge.succeeded",
        ]

    def test_failing_wants_another_payment_method(self, shop, answer):
        intent = asked(shop)

        sent = answer(path_of(intent), "fail")

        assert parse_qs(urlsplit(sent.headers["Location"]).query)["redirect_status"] == ["failed"]
        failed = shop.payment_intents.retrieve(intent.id)
        assert (failed.status, failed.payment_method, failed.next_action) == ("requires_payment_method", None, None)
        assert failed.last_payment_error.code == "payment_intent_authentication_failure"
        assert failed.latest_charge is None
        assert events_of(shop)[-1] == "payment_intent.payment_failed"

    @pytest.mark.parametrize(
        ("card", "code"),
        [
            ("pm_card_threeDSecureRequiredChargeDeclined", "generic_decline"),
            ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
        ],
    )
    def test_card_may_be_declined_after_authentication(self, shop, answer, card, code):
        intent = asked(shop, card)

        answer(path_of(intent), "complete")

        declined = shop.payment_intents.retrieve(intent.id)
        assert (declined.status, declined.last_payment_error.decline_code) == ("requires_payment_method", code)

    def test_unanswered_challenge_changes_nothing(self, sandbox, shop, answer):
        intent = asked(shop)

        page = http(sandbox.url, "GET", path_of(intent))
        nonsense = answer(path_of(intent), "perhaps")

        assert (page.status, nonsense.status) == (200, 200)
        assert "Visa ending in 3184" in page.text and "12.50 USD" in page.text
        assert shop.payment_intents.retrieve(intent.id).status == "requires_action"

    @pytest.mark.parametrize("outcome", ["complete", "fail"])
    def test_challenge_is_answered_once(self, shop, answer, outcome):
        intent = asked(shop)
        answer(path_of(intent), outcome)
        before = shop.payment_intents.retrieve(intent.id).status

        assert answer(path_of(intent), "complete").status == 410
        assert shop.payment_intents.retrieve(intent.id).status == before

    def test_canceled_payment_cannot_be_authenticated(self, shop, answer, control_api):
        intent = asked(shop)
        shop.payment_intents.cancel(intent.id)

        assert answer(path_of(intent), "complete").status == 410
        assert control_api("POST", f"/payment_intents/{intent.id}/authenticate", outcome="complete").status == 400
        assert shop.payment_intents.retrieve(intent.id).status == "canceled"

    def test_challenge_is_accessible_by_its_secret_only(self, shop, answer):
        intent = asked(shop)

        assert answer(f"/3d-secure/{intent.id}/guessed", "complete").status == 410
        assert answer("/3d-secure/pi_of_nobody/guessed", "complete").status == 404
        assert shop.payment_intents.retrieve(intent.id).status == "requires_action"

    def test_latest_of_two_challenges_counts(self, shop, answer):
        first = asked(shop)
        second = shop.payment_intents.confirm(first.id, {"payment_method": WANTED, "return_url": BACK})

        assert answer(path_of(first), "complete").status == 410
        assert answer(path_of(second), "complete").status == 303


class TestControlApi:
    @pytest.mark.parametrize(
        ("outcome", "status"), [("complete", "requires_capture"), ("fail", "requires_payment_method")]
    )
    def test_control_api_answers_in_the_place_of_the_holder(self, shop, control_api, outcome, status):
        intent = asked(shop, metadata={"order_id": f"ord_{outcome}"})

        answered = control_api("POST", f"/payment_intents/ord_{outcome}/authenticate", outcome=outcome)

        assert (answered.status, answered.body["id"], answered.body["status"]) == (200, intent.id, status)

    def test_control_api_knows_two_answers(self, shop, control_api):
        intent = asked(shop)

        assert control_api("POST", f"/payment_intents/{intent.id}/authenticate").status == 400
        assert control_api("POST", f"/payment_intents/{intent.id}/authenticate", outcome="maybe").status == 400

    def test_page_and_ledger_show_pending_and_failed_challenges(self, sandbox, shop, secret, answer):
        waiting, failed = asked(shop), asked(shop)
        answer(path_of(failed), "fail")

        page = http(sandbox.url, "GET", "/").text
        ledger = http(sandbox.url, "GET", "/ledger", headers={"Authorization": f"Bearer {secret}"}).body["payments"]

        shown = {payment["payment_intent"]: payment for payment in ledger}
        assert shown[waiting.id]["challenge_url"] == waiting.next_action.redirect_to_url.url
        assert shown[failed.id]["last_error"] == "payment_intent_authentication_failure"
        assert shown[waiting.id]["challenge_url"] in page
        assert "payment intent authentication failure" in page


def test_payment_that_requires_action_cannot_be_captured(shop):
    assert refusal(shop.payment_intents.capture, asked(shop).id).code == "payment_intent_unexpected_state"
