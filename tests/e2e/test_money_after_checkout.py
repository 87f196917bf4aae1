"""Money after the checkout: disputes that end and refunds that fail."""

import pytest


@pytest.fixture
def completed(guest, new_product):
    """Return the id of a completed order of one product at 25.00."""
    order_id = guest.buy(new_product(1, 2500), 1)
    assert guest.ended(order_id)["status"] == "COMPLETED"
    return order_id


def settled(guest, order_id):
    order = guest.order(order_id)
    return order if order["returns"] and order["returns"][0]["status"] == "REFUNDED" else None


@pytest.mark.parametrize(
    ("outcome", "refund", "shortfall", "payment"),
    [("won", 2500, None, "REFUNDED"), ("lost", 0, "DISPUTE_LOST", "CHARGED_BACK")],
)
def test_return_that_waits_for_a_dispute_ends_with_it(
    guest, completed, sandbox, executions, events_of, eventually, outcome, refund, shortfall, payment
):
    sandbox.webhooks("off")
    sandbox.happens(completed, "dispute")
    assert guest.give_back(completed).status == 202
    [waiting] = eventually(lambda: guest.order(completed)["returns"])
    eventually(lambda: executions("ReturnMachineArn", waiting["id"], statusFilter="SUCCEEDED"))
    assert settled(guest, completed) is None
    sandbox.webhooks("normal")
    sandbox.call("POST", f"/admin/disputes/{completed}/close", {"status": outcome})

    order = eventually(lambda: settled(guest, completed))

    assert (order["status"], order["payment"]["status"]) == ("RETURNED", payment)
    assert (order["returns"][0]["refund"]["amount"], order["returns"][0]["shortfall"]) == (refund, shortfall)

    def amounts():
        paid = guest.order(completed)["payment"]
        return paid["lost"], paid["withdrawn"]

    eventually(lambda: amounts() == (2500 - refund, 0))
    assert events_of(completed).count("PaymentDisputeLost" if outcome == "lost" else "PaymentDisputeWon") == 1
    assert sandbox.kept(completed) == 0


def test_refund_that_comes_back_is_made_again_by_an_operator_once(
    guest, admin, completed, sandbox, events_of, eventually
):
    guest.give_back(completed)
    eventually(lambda: settled(guest, completed))
    sandbox.call("POST", f"/admin/refunds/{completed}/fail", {})

    def states():
        order = guest.order(completed)
        return order["returns"][0]["status"], order["payment"]["status"]

    # The order's record is written before the payment's.
    eventually(lambda: states() == ("REFUND_FAILED", "CAPTURED"))
    assert sandbox.kept(completed) == 2500

    assert [admin.call("POST", f"/admin/orders/{completed}/refunds").status for _ in range(2)] == [202, 202]
    eventually(lambda: not guest.order(completed)["payment"]["refund_failed"])
    assert guest.order(completed)["returns"][0]["status"] == "REFUNDED"
    assert sandbox.kept(completed) == 0
    assert [events_of(completed).count(f"PaymentRefund{what}") for what in ("Failed", "Retried")] == [1, 1]
    refused = admin.call("POST", f"/admin/orders/{completed}/refunds")
    assert (refused.status, refused.body["code"]) == (409, "no_failed_refund")
