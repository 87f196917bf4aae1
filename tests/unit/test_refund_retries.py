"""A refund that did not arrive is made again by an operator, exactly once."""

import pytest

from chalicelib.dead_letters.model import NoFailedRefund
from chalicelib.dead_letters.refunds import RefundRetries
from chalicelib.orders.model import OrderNotFound, Reason, Status
from tests.builders import euros


@pytest.fixture
def retries(shop):
    return RefundRetries(shop.orders, shop.return_workflow, shop.compensation_workflow)


@pytest.fixture
def failed_return(shop):
    """Returned whole; the refund came back. Returns the id of the payment."""
    payment = shop.sold()
    shop.orders.take_back("ord_1", "ret_1", None)
    shop.return_workflow.start("ret_1", {"order_id": "ord_1", "return_id": "ret_1"})
    given = shop.returns.refund_return("ord_1", "ret_1")
    shop.returns.complete_return("ord_1", "ret_1", given.amount, "")
    shop.step_functions.end("arn:aws:states:eu-central-1:000000000000:stateMachine:order-return", "ret_1")
    fail_newest(shop, payment)
    return payment


def fail_newest(shop, payment):
    shop.gateway.fail_refund(shop.gateway.retrieve(payment).refunds[0].id)
    shop.gateway.forget_keys()
    shop.payment_updates.learn(payment, "evt_failed")


def started(shop):
    return [name for _, name in shop.step_functions.started]


def test_retry_starts_the_return_again_once_while_it_runs(shop, retries, failed_return):
    for _ in range(2):
        assert retries.start("ord_1") == ["ret_1"]

    assert started(shop) == ["ret_1", "ret_1-1"]
    assert shop.step_functions.started["order-return", "ret_1-1"] == {"order_id": "ord_1", "return_id": "ret_1"}


def test_retry_pays_exactly_once_however_often_it_is_asked(shop, retries, failed_return):
    for _ in range(3):
        given = shop.returns.refund_return("ord_1", "ret_1")
        shop.returns.complete_return("ord_1", "ret_1", given.amount, "")
        shop.gateway.forget_keys()
        shop.payment_updates.learn(failed_return, "evt_again")

    assert (shop.gateway.retrieve(failed_return).kept, shop.orders.get("ord_1").owed) == (0, 0)
    assert shop.gateway.moves.count("refund") == 2
    assert (shop.events().count("OrderReturned"), shop.events().count("PaymentRefundRetried")) == (1, 1)
    with pytest.raises(NoFailedRefund):
        retries.start("ord_1")


def test_retry_refunds_no_more_than_what_did_not_arrive(shop):
    """The return got less than its value, because of a refund outside. Both fail, and reconciliation repairs that."""
    payment = shop.sold()
    shop.gateway.refund_by_hand(payment, 1500)
    shop.orders.take_back("ord_1", "ret_1", {"MUG-01": 1})
    given = shop.returns.refund_return("ord_1", "ret_1")
    shop.returns.complete_return("ord_1", "ret_1", given.amount, given.shortfall)
    for refund in shop.gateway.retrieve(payment).refunds:
        shop.gateway.fail_refund(refund.id)
    shop.payment_updates.learn(payment, "evt_failed")
    order = shop.orders.get("ord_1")
    shop.payments.repair(shop.gateway.retrieve(payment), 2500 - order.owed, run="1")

    assert shop.returns.refund_return("ord_1", "ret_1").amount == given.amount == 1000
    assert shop.gateway.retrieve(payment).kept == 1250


def test_retry_of_a_refund_that_fails_again_can_be_asked_again(shop, retries, failed_return):
    shop.returns.refund_return("ord_1", "ret_1")
    shop.payment_updates.learn(failed_return, "evt_again")
    fail_newest(shop, failed_return)

    assert retries.start("ord_1") == ["ret_1"]
    shop.returns.refund_return("ord_1", "ret_1")
    assert shop.gateway.retrieve(failed_return).kept == 0


def test_retry_of_a_cancelled_order_undoes_it_again(shop, retries):
    payment = shop.sold(until=Status.SHIPPING)
    shop.steps.refund_payment("ord_1")
    shop.orders.advance("ord_1", Status.CANCELLED, Reason.SHIPPING_FAILED)
    fail_newest(shop, payment)

    assert retries.start("ord_1") == ["ord_1"]
    assert shop.compensated == {"ord_1": {"order_id": "ord_1", "reason": "SHIPPING_FAILED"}}
    for _ in range(2):
        shop.steps.refund_payment("ord_1")
        shop.steps.void_payment("ord_1")
    assert shop.gateway.retrieve(payment).kept == 0


def test_retry_without_a_failed_refund_is_refused(shop, retries):
    shop.sold()

    with pytest.raises(NoFailedRefund):
        retries.start("ord_1")
    with pytest.raises(OrderNotFound):
        retries.start("ord_unknown")


def test_retry_undoes_no_order_that_was_delivered(shop, retries):
    """What reconciliation gave back too much of is not the whole payment."""
    payment = shop.sold()
    shop.gateway.refund(payment, 500, f"{payment}:surplus", "surplus")
    fail_newest(shop, payment)

    with pytest.raises(NoFailedRefund):
        retries.start("ord_1")
    assert started(shop) == []
    assert shop.orders.get("ord_1").owed == euros(2500).amount + 500
