"""The steps of a return, each run twice, and how they are started."""

import pytest
from botocore.exceptions import ClientError

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment import returns
from chalicelib.orders.model import ReturnStatus, Status
from chalicelib.payments.model import PaymentDisputed


class Shelf:
    def __init__(self):
        self.restocked = {}

    def restock(self, return_id, quantities):
        self.restocked.setdefault(return_id, quantities)


@pytest.fixture
def shelf(monkeypatch):
    shelf = Shelf()
    monkeypatch.setattr(wiring, "inventory", lambda: shelf)
    return shelf


def run(order_id, return_id, times=1):
    """All steps, each so many times."""
    for _ in range(times):
        refunded = returns.refund_return(order_id, return_id)
    for _ in range(times):
        returns.restock_return(order_id, return_id)
    for _ in range(times):
        returns.complete_return(order_id, return_id, refunded)


class TestStart:
    @pytest.fixture
    def requested(self, shop):
        shop.sold()
        shop.orders.take_back("ord_1", "ret_1", None)
        return Envelope.model_validate(shop.order_store.events_of("ord_1")[-1][1])

    def test_is_named_by_the_return(self, shop, requested):
        for _ in range(2):
            returns.start(requested)

        assert shop.step_functions.started == {("order-return", "ret_1"): {"order_id": "ord_1", "return_id": "ret_1"}}

    def test_that_fails_otherwise_is_shown(self, shop, requested):
        shop.step_functions.failing = "ExecutionLimitExceeded"

        with pytest.raises(ClientError):
            returns.start(requested)


@pytest.mark.parametrize("times", [1, 2])
class TestSteps:
    def test_take_the_whole_order_back(self, shop, shelf, times):
        payment = shop.sold()
        shop.orders.take_back("ord_1", "ret_1", None)

        run("ord_1", "ret_1", times)

        assert shop.gateway.retrieve(payment).kept == 0
        assert shelf.restocked == {"ret_1": {"MUG-01": 2}}
        assert shop.orders.get("ord_1").status == Status.RETURNED
        assert shop.events().count("OrderReturned") == 1

    def test_take_it_back_piece_by_piece(self, shop, shelf, times):
        payment = shop.sold()
        for return_id in ("ret_1", "ret_2"):
            shop.orders.take_back("ord_1", return_id, {"MUG-01": 1})

        run("ord_1", "ret_1", times)
        assert (shop.gateway.retrieve(payment).kept, shop.orders.get("ord_1").status) == (1250, Status.COMPLETED)

        run("ord_1", "ret_2", times)
        assert (shop.gateway.retrieve(payment).kept, shop.orders.get("ord_1").status) == (0, Status.RETURNED)
        assert shop.gateway.moves.count("refund") == 2

    def test_give_back_what_is_left_and_note_that(self, shop, shelf, times):
        payment = shop.sold()
        shop.gateway.refund_by_hand(payment, 700)
        shop.orders.take_back("ord_1", "ret_1", None)

        run("ord_1", "ret_1", times)

        settled = shop.orders.get("ord_1").return_of("ret_1")
        assert (settled.refund.amount, settled.status) == (1800, ReturnStatus.REFUNDED)
        assert shop.gateway.retrieve(payment).kept == 0


def test_a_disputed_payment_is_not_given_back(shop, shelf):
    payment = shop.sold()
    shop.orders.take_back("ord_1", "ret_1", None)
    shop.gateway.dispute(payment)

    with pytest.raises(PaymentDisputed):
        returns.refund_return("ord_1", "ret_1")

    assert shop.gateway.retrieve(payment).kept == 2500
    assert shop.orders.get("ord_1").return_of("ret_1").status == ReturnStatus.REQUESTED
