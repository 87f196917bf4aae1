"""Orders and returns whose workflow died: in which direction they are recovered, when, and by whom."""

import json
from datetime import timedelta

import pytest

from chalicelib.fulfilment.recovery import WorkflowDied
from chalicelib.orders.model import Reason, Status
from chalicelib.payments.model import PaymentStatus
from chalicelib.shipping.model import ShipmentStatus
from tests.builders import HAPPY_PATH, TO_THE_BUYER, a_reply, an_order_in
from tests.unit.conftest import RETURN, SAGA, UNDO

TOKEN = "token-of-the-recovery"
OPEN = TO_THE_BUYER + HAPPY_PATH[2:4]
PARKED = {"error": "CompensationExhausted"}
GIVEN = {"order_id": "ord_1", "return_id": "ret_1"}


def dies(shop, status="ABORTED", machine=SAGA, name="ord_1", **facts):
    shop.step_functions.end(machine, name, status, stopDate=shop.clock(), **facts)


@pytest.fixture
def dead(shop):
    """An order whose saga died while it waited for the warehouse."""
    shop.ships()
    dies(shop)
    return shop


def resumed(shop):
    """Return the result of the recovery's first step."""
    shop.recovery.resume_shipment("ord_1", TOKEN, "FULFILMENT_FAILED")
    return [outcome for token, outcome in shop.saga.results if token == TOKEN]


class TestDirection:
    def test_recovery_goes_on_where_the_parcel_has_left(self, dead):
        dead.shipping.process_reply(a_reply("dispatched", carrier="Pigeon"))
        dead.orders.dispatched("ord_1")

        assert resumed(dead) == [{"carrier": "Pigeon", "tracking_number": None}]

    def test_recovery_goes_on_where_only_the_order_knows_that_the_parcel_has_left(self, dead):
        dead.orders.dispatched("ord_1")

        assert len(resumed(dead)) == 1
        assert dead.shipping.of("ord_1").status == ShipmentStatus.DISPATCHED
        assert dead.orders.get("ord_1").cancellation is None

    def test_recovery_goes_back_where_the_parcel_was_recalled(self, dead):
        dead.orders.dispatched("ord_1")
        dead.shipping.recall("ord_1")

        assert resumed(dead) == ["ShipmentEnded"]

    def test_recovery_waits_while_the_warehouse_may_still_dispatch(self, dead):
        assert resumed(dead) == []
        assert dead.orders.get("ord_1").cancellation is None

        dead.shipping.process_reply(a_reply("dispatched"))

        assert [token for token, _ in dead.saga.results] == [TOKEN]

    def test_recovery_goes_back_when_the_warehouse_stays_silent(self, dead):
        dead.clock.passes(minutes=2)

        assert resumed(dead) == ["WarehouseSilent"]

    @pytest.mark.parametrize("status", [status for status in OPEN if status != Status.SHIPPING])
    def test_recovery_cancels_what_was_not_requested_from_the_warehouse(self, shop, status):
        shop.has(an_order_in(status))

        assert resumed(shop) == ["CancellationRequested"]
        assert shop.orders.get("ord_1").cancellation == Reason.FULFILMENT_FAILED

    def test_recovery_goes_back_with_the_reason_that_was_given_first(self, dead):
        dead.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)

        assert resumed(dead) == ["CancellationRequested"]
        assert dead.orders.get("ord_1").cancellation == Reason.CUSTOMER_REQUEST

    def test_recovery_goes_on_if_the_parcel_leaves_while_it_decides_to_go_back(self, dead, monkeypatch):
        """The shipment was refused when it was looked at; the order knows better when it is asked."""
        cancel = dead.orders.cancel

        def after_the_parcel_left(*arguments):
            dead.orders.dispatched("ord_1")
            return cancel(*arguments)

        monkeypatch.setattr(dead.orders, "cancel", after_the_parcel_left)
        monkeypatch.setattr(dead.shipping, "is_requested", lambda order_id: False)

        assert resumed(dead) == [{"carrier": None, "tracking_number": None}]

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
    def test_recovery_leaves_an_order_alone_that_has_ended(self, shop, status):
        shop.has(an_order_in(status))

        assert resumed(shop) == ["OrderEnded"]


class TestSweep:
    @pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
    def test_sweep_recovers_an_order_whose_saga_died(self, shop, status):
        shop.ships()
        dies(shop, status)
        shop.clock.passes(minutes=1)

        assert shop.recovery.sweep_workflows() == 1
        assert shop.compensated == {"ord_1": {"order_id": "ord_1", "reason": "FULFILMENT_FAILED"}}
        assert shop.recovery.sweep_workflows() == 0, "it runs"

    def test_recovery_names_the_cancellation_as_its_reason(self, dead):
        dead.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)

        dead.recovery.recover("ord_1")

        assert dead.compensated["ord_1"]["reason"] == Reason.CUSTOMER_REQUEST

    def test_recovery_names_a_declined_payment_as_its_reason(self, shop):
        shop.sold(until=Status.RESERVED, captured=False)
        shop.payment_store.replace(shop.payments.of("ord_1"), status=PaymentStatus.DECLINED)

        shop.recovery.recover("ord_1")

        assert shop.compensated["ord_1"]["reason"] == Reason.PAYMENT_DECLINED

    def test_recovery_names_a_refused_shipment_as_its_reason(self, dead):
        dead.shipping.process_reply(a_reply("refused"))

        dead.recovery.recover("ord_1")

        assert dead.compensated["ord_1"]["reason"] == Reason.SHIPPING_FAILED

    def test_sweep_leaves_a_recent_failure_to_its_event(self, dead):
        dead.clock.passes(seconds=59)

        assert dead.recovery.sweep_workflows() == 0

    @pytest.mark.parametrize("status", OPEN)
    def test_sweep_leaves_an_order_alone_whose_saga_runs(self, shop, status):
        shop.has(an_order_in(status))
        shop.starts_saga()
        shop.clock.passes(days=9)

        assert shop.recovery.sweep_workflows() == 0

    def test_sweep_starts_the_saga_of_an_order_whose_event_failed_permanently(self, shop):
        shop.has(an_order_in(Status.PLACED))
        shop.clock.passes(minutes=1)

        assert shop.recovery.sweep_workflows() == 1
        assert shop.step_functions.started["order-fulfilment", "ord_1"] == {"order_id": "ord_1"}

    def test_sweep_recovers_a_cancelled_order_whose_saga_never_began(self, shop):
        shop.has(an_order_in(Status.PLACED))
        shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)

        assert shop.recovery.sweep_workflows() == 1
        assert list(shop.compensated) == ["ord_1"]

    def test_sweep_recovers_an_order_further_on_whose_saga_is_unknown(self, shop):
        """Begun again it would compensate too little, from its first step's undo on."""
        shop.has(an_order_in(Status.AUTHORIZED))

        assert shop.recovery.sweep_workflows() == 1
        assert list(shop.compensated) == ["ord_1"]

    def test_sweep_begins_a_recovery_again_that_died_itself(self, dead):
        dead.recovery.recover("ord_1")
        dies(dead, machine=UNDO)
        dead.clock.passes(minutes=1)

        assert dead.recovery.sweep_workflows() == 1
        assert list(dead.compensated) == ["ord_1", "ord_1-1"]

    def test_sweep_pauses_longer_with_each_recovery_that_was_parked(self, shop):
        shop.ships()
        dies(shop, "FAILED", **PARKED)
        for number, minutes in enumerate((10, 10, 20, 40)):
            shop.clock.passes(minutes=minutes, seconds=-1)
            assert shop.recovery.sweep_workflows() == 0
            shop.clock.passes(seconds=1)
            assert shop.recovery.sweep_workflows() == 1
            dies(shop, "FAILED", machine=UNDO, name=list(shop.compensated)[number], **PARKED)

    def test_sweep_that_fails_with_one_order_recovers_the_others(self, shop, monkeypatch):
        for order_id in ("ord_1", "ord_2"):
            shop.has(an_order_in(Status.AUTHORIZED, order_id))
        workflow, restart = shop.compensation_workflow, shop.compensation_workflow.restart
        monkeypatch.setattr(workflow, "restart", lambda name, given: 1 / 0 if name == "ord_1" else restart(name, given))

        assert shop.recovery.sweep_workflows() == 1
        assert list(shop.compensated) == ["ord_2"]

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, Status.RETURNED])
    def test_sweep_does_not_look_at_orders_with_which_nothing_is_under_way(self, shop, status):
        shop.sold()
        shop.order_store._orders["ord_1"] = an_order_in(status)

        assert (shop.recovery.sweep_workflows(), shop.step_functions.described) == (0, 0)


class TestReturns:
    @pytest.fixture
    def returning(self, shop):
        shop.sold()
        shop.orders.take_back("ord_1", "ret_1", None)
        return shop

    def test_sweep_starts_a_return_whose_event_failed_permanently(self, returning):
        returning.clock.passes(minutes=1)

        assert returning.recovery.sweep_workflows() == 1
        assert returning.step_functions.started["order-return", "ret_1"] == GIVEN

    def test_sweep_begins_a_return_again_whose_workflow_died(self, returning):
        returning.return_workflow.start("ret_1", GIVEN)
        dies(returning, machine=RETURN, name="ret_1")
        returning.clock.passes(minutes=1)

        assert returning.recovery.sweep_workflows() == 1
        assert returning.step_functions.started["order-return", "ret_1-1"] == GIVEN

    def test_sweep_pauses_before_it_begins_a_parked_return_again(self, returning):
        returning.return_workflow.start("ret_1", GIVEN)
        dies(returning, "FAILED", machine=RETURN, name="ret_1", error="ReturnUnsettled")
        returning.clock.passes(minutes=9)

        assert returning.recovery.sweep_workflows() == 0

    def test_sweep_leaves_a_return_alone_that_waits_for_the_bank(self, returning):
        """Its workflow succeeded; the end of the dispute begins another one."""
        returning.return_workflow.start("ret_1", GIVEN)
        dies(returning, "SUCCEEDED", machine=RETURN, name="ret_1")
        returning.clock.passes(days=90)

        assert returning.recovery.sweep_workflows() == 0

    def test_event_of_a_dead_return_begins_it_again(self, returning):
        returning.return_workflow.start("ret_1", GIVEN)
        dies(returning, machine=RETURN, name="ret_1")

        returning.recovery.recover_dead(event(RETURN, "ret_1"))

        assert returning.step_functions.started["order-return", "ret_1-1"] == GIVEN

    def test_event_of_a_dead_return_that_is_settled_begins_nothing(self, returning):
        returning.return_workflow.start("ret_1", GIVEN)
        dies(returning, machine=RETURN, name="ret_1")
        returning.orders.return_settled("ord_1", "ret_1", 2500)

        returning.recovery.recover_dead(event(RETURN, "ret_1"))

        assert ("order-return", "ret_1-1") not in returning.step_functions.started


def event(machine, name):
    """As EventBridge puts it into the queue."""
    detail = {"stateMachineArn": machine, "name": name, "status": "ABORTED", "executionArn": "arn", "input": "{}"}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    return WorkflowDied.model_validate_json(json.dumps(event))


class TestEvent:
    def test_event_of_a_dead_saga_recovers_its_order_at_once(self, dead):
        for _ in range(2):
            dead.recovery.recover_dead(event(SAGA, "ord_1"))

        assert list(dead.compensated) == ["ord_1"]

    def test_event_of_a_dead_recovery_begins_another(self, dead):
        dead.recovery.recover("ord_1")
        dies(dead, machine=UNDO)

        dead.recovery.recover_dead(event(UNDO, "ord_1"))

        assert list(dead.compensated) == ["ord_1", "ord_1-1"]

    def test_event_of_a_parked_order_leaves_it_to_a_person_for_a_while(self, shop):
        shop.ships()
        dies(shop, "FAILED", **PARKED)

        shop.recovery.recover_dead(event(SAGA, "ord_1"))

        assert shop.compensated == {}

    def test_event_of_a_dead_saga_whose_order_has_ended_begins_nothing(self, shop):
        shop.has(an_order_in(Status.CANCELLED))

        shop.recovery.recover_dead(event(SAGA, "ord_1"))

        assert shop.compensated == {}

    def test_events_of_a_workflow_that_dies_each_time_pause_in_the_end(self, dead):
        dead.recovery.recover_dead(event(SAGA, "ord_1"))
        for name in ("ord_1", "ord_1-1", "ord_1-2"):
            dies(dead, machine=UNDO, name=name)
            dead.recovery.recover_dead(event(UNDO, name))

        assert list(dead.compensated) == ["ord_1", "ord_1-1", "ord_1-2"]
        dead.clock.passes(**{"minutes": timedelta(days=1) / timedelta(minutes=1)})
        assert dead.recovery.sweep_workflows() == 1
