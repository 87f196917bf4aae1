"""The steps of a return, each run twice, and how they are started."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.events.envelope import Envelope
from chalicelib.orders.model import Status
from chalicelib.orders.returns import ReturnStatus
from chalicelib.payments.model import Shortfall
from chalicelib.payments.provider import DisputeStatus, PaymentDisputed


class FakeInventory:
    def __init__(self):
        self.restocked = {}

    def restock(self, return_id, quantities):
        self.restocked.setdefault(return_id, quantities)


@pytest.fixture
def inventory(shop):
    shop.inventory = FakeInventory()
    return shop.inventory


def run(shop, order_id, return_id, times=1):
    """All steps, each so many times."""
    for _ in range(times):
        given = shop.returns.refund_return(order_id, return_id)
    for _ in range(times):
        shop.returns.restock_return(order_id, return_id)
    for _ in range(times):
        shop.returns.complete_return(order_id, return_id, given.amount, given.shortfall or "")


class TestStart:
    @pytest.fixture
    def requested(self, shop):
        shop.sold()
        shop.orders.take_back("ord_1", "ret_1", None)
        return Envelope.model_validate(shop.order_store.events_of("ord_1")[-1][1])

    def test_return_start_is_named_by_the_return(self, shop, requested):
        for _ in range(2):
            shop.returns.start(requested)

        assert shop.step_functions.started == {("order-return", "ret_1"): {"order_id": "ord_1", "return_id": "ret_1"}}

    def test_return_start_that_fails_otherwise_is_shown(self, shop, requested):
        shop.step_functions.failing = "ExecutionLimitExceeded"

        with pytest.raises(ClientError):
            shop.returns.start(requested)


@pytest.mark.parametrize("times", [1, 2])
class TestSteps:
    def test_whole_order_is_returned_once(self, shop, inventory, times):
        payment = shop.sold()
        shop.orders.take_back("ord_1", "ret_1", None)

        run(shop, "ord_1", "ret_1", times)

        assert shop.gateway.retrieve(payment).kept == 0
        assert inventory.restocked == {"ret_1": {"MUG-01": 2}}
        assert shop.orders.get("ord_1").status == Status.RETURNED
        assert shop.events().count("OrderReturned") == 1

    def test_order_is_returned_unit_by_unit(self, shop, inventory, times):
        payment = shop.sold()
        for return_id in ("ret_1", "ret_2"):
            shop.orders.take_back("ord_1", return_id, {"MUG-01": 1})

        run(shop, "ord_1", "ret_1", times)
        assert (shop.gateway.retrieve(payment).kept, shop.orders.get("ord_1").status) == (1250, Status.COMPLETED)

        run(shop, "ord_1", "ret_2", times)
        assert (shop.gateway.retrieve(payment).kept, shop.orders.get("ord_1").status) == (0, Status.RETURNED)
        assert shop.gateway.moves.count("refund") == 2

    def test_return_refunds_the_rest_and_records_it(self, shop, inventory, times):
        payment = shop.sold()
        shop.gateway.refund_by_hand(payment, 700)
        shop.orders.take_back("ord_1", "ret_1", None)

        run(shop, "ord_1", "ret_1", times)

        settled = shop.orders.get("ord_1").return_of("ret_1")
        assert (settled.refund.amount, settled.status) == (1800, ReturnStatus.REFUNDED)
        assert (settled.value.amount, settled.shortfall) == (2500, Shortfall.REFUNDED_BEFORE)
        assert shop.gateway.retrieve(payment).kept == 0


class TestDispute:
    """A return waits until the bank has decided, and then ends by itself."""

    @pytest.fixture
    def waiting(self, shop, inventory):
        """Its workflow has met the dispute; returns the id of its payment."""
        payment = shop.sold()
        shop.orders.take_back("ord_1", "ret_1", None)
        shop.return_workflow.start("ret_1", {"order_id": "ord_1", "return_id": "ret_1"})
        shop.gateway.dispute(payment)
        shop.payment_updates.learn(payment, "evt_1")
        with pytest.raises(PaymentDisputed):
            shop.returns.refund_return("ord_1", "ret_1")
        return payment

    @pytest.mark.parametrize("status", [DisputeStatus.OPEN, DisputeStatus.INQUIRY])
    def test_dispute_that_is_open_starts_nothing(self, shop, waiting, status):
        shop.gateway.close_dispute(waiting, status)
        shop.payment_updates.learn(waiting, "evt_2")

        assert [name for _, name in shop.step_functions.started] == ["ret_1"]

    @pytest.mark.parametrize(
        ("status", "refunded", "shortfall", "event"),
        [
            (DisputeStatus.WON, 2500, None, "PaymentDisputeWon"),
            (DisputeStatus.LOST, 0, Shortfall.DISPUTE_LOST, "PaymentDisputeLost"),
            (DisputeStatus.WITHDRAWN, 2500, None, "PaymentDisputeWithdrawn"),
            (DisputeStatus.WITHDRAWN, 2500, None, "PaymentDisputeWithdrawn"),
        ],
    )
    def test_dispute_that_ends_settles_the_return_once(self, shop, waiting, status, refunded, shortfall, event):
        shop.gateway.close_dispute(waiting, status)
        for event_id in ("evt_2", "evt_3"):
            shop.payment_updates.learn(waiting, event_id)

        assert [name for _, name in shop.step_functions.started] == ["ret_1", "ret_1-1"]
        run(shop, "ord_1", "ret_1", times=2)

        order = shop.orders.get("ord_1")
        settled = order.return_of("ret_1")
        assert (settled.refund.amount, settled.shortfall, order.status) == (refunded, shortfall, Status.RETURNED)
        assert (shop.gateway.retrieve(waiting).kept, order.owed) == (0, 0)
        assert shop.events().count(event) == shop.metrics[event] == 1

    def test_dispute_that_ends_before_its_workflow_does_is_not_missed(self, shop, waiting):
        """The execution that met the dispute still runs: another one begins beside it."""
        shop.gateway.close_dispute(waiting, DisputeStatus.WON)

        shop.payment_updates.learn(waiting, "evt_2")

        assert shop.step_functions.started["order-return", "ret_1-1"] == {"order_id": "ord_1", "return_id": "ret_1"}


def test_disputed_payment_is_not_refunded(shop, inventory):
    payment = shop.sold()
    shop.orders.take_back("ord_1", "ret_1", None)
    shop.gateway.dispute(payment)

    with pytest.raises(PaymentDisputed):
        shop.returns.refund_return("ord_1", "ret_1")

    assert shop.gateway.retrieve(payment).kept == 2500
    assert shop.orders.get("ord_1").return_of("ret_1").status == ReturnStatus.REQUESTED
