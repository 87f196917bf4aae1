"""Whatever the payment provider does, an order ends as it should, and nobody is charged twice."""

import pytest

PRICE = 2000
REFUSE = "sandbox:refuse"
ONCE, TWICE, ALWAYS = 1, 2, 0
"""The shop's client asks again by itself, so only what strikes twice in a row makes a step fail."""


@pytest.fixture
def buy(guest, new_product, sandbox):
    """Buys one piece; returns the order when it has ended, after looking that every fault did strike."""

    def ended(card="pm_card_visa", line2=None):
        sku = new_product(1, PRICE)
        order = guest.ended(guest.buy(sku, card=card, line2=line2), within_seconds=120)
        assert all(sandbox.struck())
        is_sold = order["status"] == "COMPLETED"
        assert sandbox.kept(order["order_id"]) == (PRICE if is_sold else 0)
        assert guest.call("GET", f"/products/{sku}").body["available"] == (0 if is_sold else 1)
        return order

    return ended


@pytest.mark.parametrize(
    "operation, kind, times",
    [
        ("create", "error_before", TWICE),
        ("create", "error_after", TWICE),
        ("create", "rate_limited", TWICE),
        ("create", "sticky_error", ONCE),
        ("create", "sticky_error_after", ONCE),
        ("confirm", "error_before", TWICE),
        ("confirm", "error_after", TWICE),
        ("confirm", "rate_limited", TWICE),
        ("confirm", "sticky_error", ONCE),
        ("confirm", "sticky_error_after", ALWAYS),
        ("confirm", "slow", ONCE),
        ("confirm", "timeout", TWICE),
        ("capture", "error_before", TWICE),
        ("capture", "error_after", TWICE),
        ("capture", "rate_limited", TWICE),
        ("capture", "sticky_error", TWICE),
        ("capture", "sticky_error_after", ALWAYS),
        ("capture", "timeout", ONCE),
        ("any", "error_after", TWICE),
    ],
)
def test_what_passes_again_costs_no_order(buy, sandbox, operation, kind, times):
    sandbox.fault(operation, kind, times)
    order = buy()
    assert order["status"] == "COMPLETED"
    assert (order["payment"]["status"], order["payment"]["captured"]) == ("CAPTURED", PRICE)


@pytest.mark.parametrize(
    "operation, kind, payment, shipment",
    [
        ("create", "sticky_error", "VOIDED", "none"),
        ("confirm", "sticky_error", "VOIDED", "none"),
        ("confirm", "rate_limited", "VOIDED", "none"),
        ("confirm", "error_after", "VOIDED", "none"),
        ("confirm", "hold_expires", "VOIDED", "RECALLED"),
        ("capture", "sticky_error", "VOIDED", "RECALLED"),
        ("capture", "rate_limited", "VOIDED", "RECALLED"),
        ("capture", "error_after", "REFUNDED", "RECALLED"),
        ("capture", "hold_expires", "VOIDED", "RECALLED"),
    ],
)
def test_what_does_not_pass_is_undone(buy, sandbox, operation, kind, payment, shipment):
    sandbox.fault(operation, kind, ALWAYS)
    order = buy()
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert order["payment"]["status"] == payment
    assert order["shipment"] is None if shipment == "none" else order["shipment"]["status"] == shipment


@pytest.mark.parametrize(
    "kind, times",
    [
        ("error_before", TWICE),
        ("error_after", TWICE),
        ("rate_limited", TWICE),
        ("sticky_error", TWICE),
        ("sticky_error_after", ONCE),
    ],
)
def test_a_hold_is_let_go_in_the_end(buy, sandbox, kind, times):
    sandbox.fault("cancel", kind, times)
    order = buy(line2=REFUSE)
    assert (order["status"], order["reason"]) == ("CANCELLED", "SHIPPING_FAILED")
    assert order["payment"]["status"] == "VOIDED"


@pytest.mark.parametrize("kind, times", [("error_after", TWICE), ("sticky_error", TWICE), ("sticky_error_after", ONCE)])
def test_money_that_was_taken_unnoticed_is_given_back(buy, sandbox, kind, times):
    """The capture succeeds and says that it failed, and looking fails until the saga gives up."""
    sandbox.fault("capture", "sticky_error_after")
    sandbox.fault("retrieve", "error_before", times=9)
    sandbox.fault("refund", kind, times)
    order = buy()
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert (order["payment"]["status"], order["payment"]["refunded"]) == ("REFUNDED", PRICE)
    assert order["shipment"]["status"] == "RECALLED"
    [payment] = sandbox.payments(order["order_id"])
    assert [refund["amount"] for refund in payment["refunds"]] == [PRICE]


@pytest.mark.parametrize("kind, times", [("error_after", TWICE), ("sticky_error_after", ONCE)])
def test_a_refusal_that_gets_lost_is_still_a_refusal(buy, sandbox, kind, times):
    sandbox.fault("confirm", kind, times)
    order = buy(card="pm_card_visa_chargeDeclinedInsufficientFunds")
    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert order["payment"]["decline_code"] == "insufficient_funds"


@pytest.mark.parametrize("kind, times", [("error_after", TWICE), ("sticky_error", TWICE), ("slow", ONCE)])
def test_failed_confirmation_leaves_nothing_open(guest, new_product, eventually, sandbox, kind, times):
    order_id = guest.buy(new_product(1), card="pm_card_authenticationRequired")
    eventually(lambda: guest.order(order_id)["status"] == "ACTION_REQUIRED")
    sandbox.fault("cancel", kind, times)
    sandbox.happens(order_id, "authenticate", outcome="fail")

    order = guest.ended(order_id, within_seconds=120)

    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert [payment["status"] for payment in sandbox.payments(order_id)] == ["canceled"]
    assert all(sandbox.struck())


@pytest.mark.parametrize(
    "card, status",
    [
        ("pm_card_fault_confirm_errorAfter", "COMPLETED"),
        ("pm_card_fault_capture_holdExpires", "CANCELLED"),
        ("pm_card_fault_confirm_stickyError_always", "CANCELLED"),
    ],
)
def test_cards_bring_their_faults_along(buy, card, status):
    assert buy(card=card)["status"] == status
