"""Each kind of payment fault, once through the whole shop: the order ends as it should, and is charged at most once.

`tests/contract/test_payment_faults.py` has the matrix of calls and faults.
"""

import pytest

pytestmark = pytest.mark.takes_long

PRICE = 2000
REFUSE = "sandbox:refuse"
ONCE, TWICE, ALWAYS = 1, 2, 0
"""The shop's client retries by itself, so a step fails only if a fault applies twice in a row."""
CAPTURE_RETRIES = 12
"""While the payment provider fails: `statemachine/retries.yaml`."""


@pytest.fixture
def buy(guest, new_product, sandbox):
    """Return a function that buys one unit, checks that every fault was applied and returns the ended order."""

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
        ("confirm", "error_after", TWICE),
        ("confirm", "sticky_error", ONCE),
        ("confirm", "slow", ONCE),
        ("confirm", "timeout", TWICE),
        ("capture", "rate_limited", TWICE),
        ("capture", "sticky_error_after", ALWAYS),
    ],
)
def test_order_completes_after_a_fault_that_passes(buy, sandbox, operation, kind, times):
    sandbox.fault(operation, kind, times)
    order = buy()
    assert order["status"] == "COMPLETED"
    assert (order["payment"]["status"], order["payment"]["captured"]) == ("CAPTURED", PRICE)


@pytest.mark.parametrize(
    "operation, kind, payment, shipment",
    [
        ("create", "sticky_error", "VOIDED", "none"),
        ("confirm", "hold_expires", "VOIDED", "RECALLED"),
        ("capture", "error_after", "REFUNDED", "RECALLED"),
    ],
)
def test_order_is_cancelled_after_a_fault_that_lasts(buy, sandbox, operation, kind, payment, shipment):
    sandbox.fault(operation, kind, ALWAYS)
    order = buy()
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert order["payment"]["status"] == payment
    assert order["shipment"] is None if shipment == "none" else order["shipment"]["status"] == shipment


def test_hold_is_released_although_the_provider_fails_first(buy, sandbox):
    sandbox.fault("cancel", "error_after", TWICE)
    order = buy(line2=REFUSE)
    assert (order["status"], order["reason"]) == ("CANCELLED", "SHIPPING_FAILED")
    assert order["payment"]["status"] == "VOIDED"


def test_unnoticed_capture_is_refunded(buy, sandbox):
    """The capture succeeds but returns an error, and reading the payment fails until the saga fails permanently."""
    sandbox.fault("capture", "sticky_error_after")
    sandbox.fault("retrieve", "error_before", times=2 * CAPTURE_RETRIES + 1)
    sandbox.fault("refund", "sticky_error", TWICE)
    order = buy()
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert (order["payment"]["status"], order["payment"]["refunded"]) == ("REFUNDED", PRICE)
    assert order["shipment"]["status"] == "RECALLED"
    [payment] = sandbox.payments(order["order_id"])
    assert [refund["amount"] for refund in payment["refunds"]] == [PRICE]


def test_declined_card_stays_declined_when_its_answer_is_lost(buy, sandbox):
    sandbox.fault("confirm", "sticky_error_after", ONCE)
    order = buy(card="pm_card_visa_chargeDeclinedInsufficientFunds")
    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert order["payment"]["decline_code"] == "insufficient_funds"


def test_failed_authentication_leaves_no_payment_open(guest, new_product, eventually, sandbox):
    order_id = guest.buy(new_product(1), card="pm_card_authenticationRequired")
    eventually(lambda: guest.order(order_id)["status"] == "ACTION_REQUIRED")
    sandbox.fault("cancel", "error_before", TWICE)
    sandbox.happens(order_id, "authenticate", outcome="fail")

    order = guest.ended(order_id, within_seconds=120)

    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert [payment["status"] for payment in sandbox.payments(order_id)] == ["canceled"]
    assert all(sandbox.struck())


def test_fault_card_brings_its_fault_along(buy):
    assert buy(card="pm_card_fault_capture_holdExpires")["status"] == "CANCELLED"
