"""3-D Secure: however the wait for the buyer's confirmation ends, no cancelled order keeps money."""

import json

import pytest

pytestmark = pytest.mark.takes_long

WANTS_HOLDER = "pm_card_threeDSecure2Required"
WEBHOOK, RETURN = "webhook", "return"


@pytest.fixture
def asked(guest, new_product, eventually):
    """Return an order that waits for its buyer's confirmation, and the sku of its one unit."""

    def buys(card=WANTS_HOLDER):
        sku = new_product(1)
        order_id = guest.buy(sku, card=card)
        eventually(lambda: guest.order(order_id)["status"] == "ACTION_REQUIRED")
        return guest.order(order_id), sku

    return buys


def statuses(order):
    return [moment["status"] for moment in order["history"]]


def comes_back(guest, order):
    return guest.confirmed(order["order_id"])


def available(guest, sku):
    return guest.call("GET", f"/products/{sku}").body["available"]


@pytest.mark.parametrize("confirmed_by", [WEBHOOK, RETURN])
def test_confirmed_payment_completes_the_order(guest, asked, sandbox, events_of, confirmed_by):
    sandbox.webhooks("normal" if confirmed_by == WEBHOOK else "off")
    order, sku = asked()
    order_id = order["order_id"]
    assert comes_back(guest, order).status == 202, "too early is harmless"

    sandbox.happens(order_id, "authenticate", outcome="complete")
    for _ in range(2 if confirmed_by == RETURN else 0):
        assert comes_back(guest, order).status == 202

    order = guest.ended(order_id)
    assert statuses(order) == ["PLACED", "RESERVED", "ACTION_REQUIRED", "AUTHORIZED", "SHIPPING", "COMPLETED"]
    assert (order["payment"]["status"], order["payment"]["next_action"]) == ("CAPTURED", None)
    assert events_of(order_id)[2:4] == ["OrderActionRequired", "OrderAuthorized"]
    assert (sandbox.kept(order_id), available(guest, sku)) == (order["total"]["amount"], 0)
    assert comes_back(guest, order).status == 202, "too late is harmless"


@pytest.mark.parametrize(
    ("card", "outcome", "code"),
    [
        (WANTS_HOLDER, "fail", "payment_intent_authentication_failure"),
        ("pm_card_threeDSecureRequiredChargeDeclined", "complete", "generic_decline"),
    ],
)
def test_payment_that_is_not_confirmed_declines_the_order(guest, asked, sandbox, card, outcome, code):
    order, sku = asked(card)

    sandbox.happens(order["order_id"], "authenticate", outcome=outcome)

    order = guest.ended(order["order_id"])
    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert order["payment"]["decline_code"] == code
    assert [payment["status"] for payment in sandbox.payments(order["order_id"])] == ["canceled"]
    assert available(guest, sku) == 1


def test_cancelling_ends_the_wait_at_once(guest, asked, sandbox):
    order, sku = asked()

    assert guest.cancel(order["order_id"]).status == 202

    order = guest.ended(order["order_id"], within_seconds=15)
    assert (order["status"], order["reason"]) == ("CANCELLED", "CUSTOMER_REQUEST")
    assert [payment["status"] for payment in sandbox.payments(order["order_id"])] == ["canceled"]
    assert available(guest, sku) == 1


def test_abandoned_order_is_cancelled_after_the_limit(guest, asked, sandbox, emails, eventually):
    """Two buyers leave. One has confirmed the payment, which neither a webhook nor the browser reports."""
    sandbox.webhooks("off")
    (order, sku), (confirmed, _) = asked(), asked()
    eventually(lambda: "Please confirm your payment" in emails(order["order_id"]))
    sandbox.happens(confirmed["order_id"], "authenticate", outcome="complete")

    order, confirmed = guest.ended(order["order_id"], 120), guest.ended(confirmed["order_id"], 120)

    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert order["payment"]["decline_code"] == "authentication_not_completed"
    assert [payment["status"] for payment in sandbox.payments(order["order_id"])] == ["canceled"]
    assert available(guest, sku) == 1
    assert confirmed["status"] == "COMPLETED"


def test_confirmation_details_are_shown_only_to_the_buyer(guest, admin, customer, asked, sandbox):
    order, _ = asked()
    order_id, action = order["order_id"], order["payment"]["next_action"]

    assert action["redirect_url"].startswith(f"{sandbox.url}/3d-secure/")
    assert action["client_secret"].startswith("pi_")
    assert admin.order(order_id)["payment"]["next_action"] is None
    assert customer.call("GET", f"/orders/{order_id}").status == 404
    for path in ("/admin/orders?status=ACTION_REQUIRED", f"/admin/orders/{order_id}/timeline"):
        shown = json.dumps(admin.call("GET", path).body)
        assert order_id in shown
        assert not [secret for secret in (action["redirect_url"], action["client_secret"]) if secret in shown]
    for stranger, status in ((customer, 404), (type(guest)(guest.api_url), 401)):
        assert stranger.call("POST", f"/orders/{order_id}/payment/confirmation").status == status
    guest.cancel(order_id)
    guest.ended(order_id)
