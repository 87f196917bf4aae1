"""Control API: disputes and other changes at the provider that the shop does not make."""

import pytest

from .client import authorized, captured, http, new_intent, refusal


@pytest.fixture
def ledger(sandbox, secret):
    def read(query=""):
        return http(sandbox.url, "GET", f"/ledger{query}", headers={"Authorization": f"Bearer {secret}"})

    return read


class TestDisputes:
    def test_dispute_is_opened(self, shop, control_api):
        intent = captured(shop)

        answer = control_api("POST", f"/payment_intents/{intent.id}/dispute", reason="product_not_received")

        assert answer.status == 200
        dispute = shop.disputes.retrieve(answer.body["id"], {"expand": ["charge"]})
        assert dispute.id.startswith("dp_") and dispute.object == "dispute"
        assert (dispute.amount, dispute.currency, dispute.status) == (1250, "usd", "needs_response")
        assert (dispute.reason, dispute.payment_intent) == ("product_not_received", intent.id)
        assert (dispute.charge.id, dispute.charge.disputed) == (intent.latest_charge, True)
        withdrawn, event = shop.events.list({"type": "charge.dispute.*"}).data
        assert (event.type, event.data.object.id) == ("charge.dispute.created", dispute.id)
        assert withdrawn.type == "charge.dispute.funds_withdrawn"
        assert (event.request.id, event.request.idempotency_key) == (None, None)

    @pytest.mark.parametrize(("outcome", "refundable"), [(None, False), ("lost", False), ("won", True)])
    def test_refund_is_allowed_after_a_won_dispute_only(self, shop, control_api, outcome, refundable):
        intent = captured(shop)
        dispute = control_api("POST", f"/payment_intents/{intent.id}/dispute").body
        if outcome:
            closed = control_api("POST", f"/disputes/{dispute['id']}/close", status=outcome).body
            assert (closed["status"], closed["is_charge_refundable"]) == (outcome, refundable)
            assert len(shop.events.list({"type": "charge.dispute.closed"}).data) == 1

        refund = {"payment_intent": intent.id}
        if refundable:
            assert shop.refunds.create(refund).amount == 1250
        else:
            error = refusal(shop.refunds.create, refund)
            assert (error.http_status, error.code) == (400, "charge_disputed")
            assert control_api("POST", f"/payment_intents/{intent.id}/refund").status == 400

    def test_dispute_amount_is_the_unrefunded_part(self, shop, control_api):
        intent = captured(shop)
        shop.refunds.create({"payment_intent": intent.id, "amount": 250})

        assert control_api("POST", f"/payment_intents/{intent.id}/dispute").body["amount"] == 1000

    def test_unsettled_payment_cannot_be_disputed(self, shop, control_api):
        held, refunded, disputed = authorized(shop), captured(shop), captured(shop)
        shop.refunds.create({"payment_intent": refunded.id})
        assert control_api("POST", f"/payment_intents/{disputed.id}/dispute").status == 200

        for intent in (held, refunded, disputed, shop.payment_intents.create(new_intent())):
            assert control_api("POST", f"/payment_intents/{intent.id}/dispute").status == 400

    def test_dispute_is_closed_once(self, shop, control_api):
        dispute = control_api("POST", f"/payment_intents/{captured(shop).id}/dispute").body
        close = f"/disputes/{dispute['id']}/close"

        assert control_api("POST", close, status="undecided").status == 400
        assert control_api("POST", close, status="won").status == 200
        assert control_api("POST", close, status="lost").status == 400

    def test_disputes_are_listed(self, shop, control_api):
        intents = [captured(shop) for _ in range(3)]
        disputes = [control_api("POST", f"/payment_intents/{intent.id}/dispute").body["id"] for intent in intents]

        everything = [dispute.id for dispute in shop.disputes.list({"limit": 1}).auto_paging_iter()]
        assert everything == disputes[::-1]
        for target in ({"payment_intent": intents[1].id}, {"charge": intents[1].latest_charge}):
            assert [dispute.id for dispute in shop.disputes.list(target).data] == [disputes[1]]

    def test_ledger_and_the_page_show_disputes(self, sandbox, shop, control_api, ledger):
        captured(shop)
        disputed = captured(shop, amount=765432)
        dispute = control_api("POST", f"/payment_intents/{disputed.id}/dispute").body

        first, second = ledger().body["payments"]
        assert (first["disputed"], second["disputed"]) == (True, False)
        assert [entry["id"] for entry in first["disputes"]] == [dispute["id"]]
        assert second["disputes"] == second["refunds"] == []
        assert "$7,654.32 USD<small>needs response: fraudulent" in http(sandbox.url, "GET", "/").text


class TestOutsideTheShop:
    def test_authorization_expires_on_request(self, shop, control_api):
        intent = authorized(shop)

        answer = control_api("POST", f"/payment_intents/{intent.id}/expire")

        assert (answer.status, answer.body["status"]) == (200, "canceled")
        found = shop.payment_intents.retrieve(intent.id)
        assert (found.cancellation_reason, found.amount_capturable) == ("automatic", 0)
        assert len(shop.events.list({"type": "payment_intent.canceled"}).data) == 1

    def test_expiry_without_an_authorization_is_refused(self, shop, control_api):
        for intent in (captured(shop), shop.payment_intents.create(new_intent())):
            answer = control_api("POST", f"/payment_intents/{intent.id}/expire")
            assert (answer.status, answer.body["error"]["code"]) == (400, "payment_intent_unexpected_state")

    def test_refund_in_the_dashboard_is_recorded(self, shop, control_api, ledger):
        intent = captured(shop)

        part = control_api("POST", f"/payment_intents/{intent.id}/refund", amount=250).body
        rest = control_api("POST", f"/payment_intents/{intent.id}/refund").body

        assert (part["amount"], part["metadata"], rest["amount"]) == (250, {}, 1000)
        refunds = shop.refunds.list({"payment_intent": intent.id})
        assert [refund.id for refund in refunds.data] == [rest["id"], part["id"]]
        assert len(shop.events.list({"type": "refund.created"}).data) == 2
        assert ledger().body["payments"][0]["refunded"] == 1250

    def test_order_id_names_its_newest_payment(self, shop, control_api):
        authorized(shop, metadata={"order_id": "order_1"})
        newest = captured(shop, metadata={"order_id": "order_1"})
        captured(shop, metadata={"order_id": "order_2"})

        refund = control_api("POST", "/payment_intents/order_1/refund", amount=50).body
        dispute = control_api("POST", "/payment_intents/order_1/dispute").body
        closed = control_api("POST", "/disputes/order_1/close", status="won").body

        assert refund["payment_intent"] == dispute["payment_intent"] == newest.id
        assert (closed["id"], closed["status"]) == (dispute["id"], "won")
        assert control_api("POST", "/payment_intents/order_9/refund").status == 404
        assert control_api("POST", "/disputes/order_2/close", status="won").status == 404

    def test_list_can_show_charges(self, shop):
        intent = captured(shop)

        [listed] = shop.payment_intents.list({"expand": ["data.latest_charge"]}).data
        found = shop.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})

        assert listed.latest_charge == found.latest_charge
        assert found.latest_charge.amount_captured == 1250

    def test_ledger_can_be_limited_in_time(self, shop, ledger):
        moment = captured(shop).created

        assert len(ledger(f"?created[gte]={moment}").body["payments"]) == 1
        assert ledger(f"?created[gt]={moment}").body["payments"] == []
        assert ledger("?created=yesterday").status == 400


class TestControlApi:
    @pytest.mark.parametrize("path", ["/admin/faults", "/admin/webhooks", "/admin/nothing"])
    def test_control_api_needs_a_key(self, sandbox, path):
        assert http(sandbox.url, "GET", path).status == 401

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("PUT", "/faults"),
            ("GET", "/webhooks/resend"),
            ("POST", "/payment_intents//expire"),
            ("POST", "/payment_intents/pi_1/explode"),
        ],
    )
    def test_unknown_urls_are_unrecognized(self, control_api, method, path):
        answer = control_api(method, path)

        assert answer.status == 404
        assert answer.body["error"]["message"].startswith("Unrecognized request URL")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("{", "is not JSON"),
            (b"\xff", "is not JSON"),
            ("[]", "must be a JSON object"),
            ("{}", "Missing required param: operation"),
            ('{"operation": "create"}', "Missing required param: kind"),
            ('{"operation": "create", "kind": "explode"}', "There is no fault create:explode"),
            ('{"operation": "any", "kind": "hold_expires"}', "There is no fault any:hold_expires"),
            ('{"operation": "any", "kind": "slow", "colour": "red"}', "unknown parameter: colour"),
            ('{"operation": "any", "kind": "slow", "times": -1}', "greater than or equal to 0"),
            ('{"operation": "any", "kind": "slow", "times": true}', "Invalid integer"),
            ('{"operation": "any", "kind": "slow", "seconds": "long"}', "must be a number"),
            ('{"operation": "any", "kind": "slow", "seconds": NaN}', "must be a number"),
            ('{"operation": "any", "kind": "slow", "probability": 1.1}', "a number from 0 to 1"),
            ('{"operation": ["any"], "kind": "slow"}', "neither a text nor a number"),
        ],
    )
    def test_unreadable_requests_are_refused(self, sandbox, secret, body, message):
        answer = http(sandbox.url, "POST", "/admin/faults", body, {"Authorization": f"Bearer {secret}"})

        assert answer.status == 400
        assert message in answer.body["error"]["message"]


class TestInquiries:
    def test_inquiries_withdraw_nothing_and_allow_refunds(self, shop, control_api):
        intent = captured(shop)

        opened = control_api(
            "POST", f"/payment_intents/{intent.id}/dispute", status="warning_needs_response", amount=500
        ).body

        assert (opened["status"], opened["amount"], opened["is_charge_refundable"]) == (
            "warning_needs_response",
            500,
            True,
        )
        assert [event.type for event in shop.events.list({"type": "charge.dispute.*"}).data] == [
            "charge.dispute.created"
        ]
        assert shop.refunds.create({"payment_intent": intent.id, "amount": 250}).status == "succeeded"
        assert (
            control_api("POST", f"/disputes/{opened['id']}/close", status="warning_closed").body["status"]
            == "warning_closed"
        )

    def test_inquiries_cannot_be_about_more_than_is_left(self, shop, control_api):
        assert control_api("POST", f"/payment_intents/{captured(shop).id}/dispute", amount=1251).status == 400


class TestRefundThatFailsLater:
    @pytest.mark.parametrize(
        ("status", "sent"),
        [
            ("failed", ["refund.failed", "refund.updated", "charge.refund.updated"]),
            ("canceled", ["refund.updated", "charge.refund.updated"]),
        ],
    )
    def test_failed_refund_gives_the_amount_back_to_the_shop(self, shop, control_api, ledger, status, sent):
        intent = captured(shop)
        refund = shop.refunds.create({"payment_intent": intent.id})

        assert control_api("POST", f"/refunds/{refund.id}/fail", status=status).status == 200

        assert shop.refunds.retrieve(refund.id).status == status
        charge = shop.charges.retrieve(intent.latest_charge)
        assert (charge.amount_refunded, charge.refunded) == (0, False)
        assert ledger().body["payments"][0]["refunded"] == 0
        events = [event.type for event in shop.events.list({"type": "*refund*"}).data]
        assert [kind for kind in events if kind in {"refund.failed", "refund.updated", "charge.refund.updated"}] == sent
        assert shop.refunds.create({"payment_intent": intent.id}).amount == 1250

    def test_failed_refund_happens_once_and_by_the_name_of_its_payment(self, shop, control_api):
        intent = captured(shop)
        shop.refunds.create({"payment_intent": intent.id})

        assert control_api("POST", f"/refunds/{intent.id}/fail").body["status"] == "failed"
        assert control_api("POST", f"/refunds/{intent.id}/fail").status == 404


def test_capture_in_the_dashboard_may_be_partial(shop, control_api):
    intent = authorized(shop)

    assert control_api("POST", f"/payment_intents/{intent.id}/capture", amount=1000).status == 200

    assert (shop.payment_intents.retrieve(intent.id).amount_received, intent.amount) == (1000, 1250)
