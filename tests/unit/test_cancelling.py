"""Cancellation against shipping: the order's state decides, and a late message is ignored."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from chalicelib.events.envelope import Envelope
from chalicelib.orders.model import Reason, Status, TooLateToCancel
from chalicelib.shipping.model import ShipmentStatus
from tests.builders import HAPPY_PATH, TO_THE_BUYER, a_reply, an_order_in

TRACKED = {"carrier": "Pigeon", "tracking_number": "P-7"}
STOPPED = ("token-1", "CancellationRequested")
UNDO_INPUT = {"ord_1": {"order_id": "ord_1", "reason": "CUSTOMER_REQUEST"}}


def dispatched():
    return a_reply("dispatched", **TRACKED)


def cancel_requested(shop):
    """The event of the wish to cancel, as the bus brings it."""
    return Envelope.model_validate(shop.order_store.events_of("ord_1")[-1][1])


def wish_to_cancel(shop):
    shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
    return cancel_requested(shop)


class TestStep:
    def test_shipping_of_a_cancelled_order_ends_the_wait_and_fails_no_function(self, shop):
        shop.sold(until=Status.AUTHORIZED, captured=False)
        shop.inventory = SimpleNamespace(commit=lambda order_id: None)
        wish_to_cancel(shop)

        shop.steps.ship_order("ord_1", "token-1")

        assert shop.saga.results == [STOPPED]


class TestWarehouse:
    def test_dispatched_parcel_is_recorded_and_wakes_the_saga(self, shop):
        shop.ships()

        shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.orders.get("ord_1").dispatched_at
        assert shop.saga.results == [("token-1", TRACKED)]
        with pytest.raises(TooLateToCancel):
            shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)

    def test_repeated_reply_wakes_the_saga_again_and_is_recorded_once(self, shop):
        shop.ships()

        for _ in range(2):
            shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.events()[-1] == "OrderDispatched"
        assert shop.events().count("OrderDispatched") == 1
        assert shop.saga.results == [("token-1", TRACKED)] * 2

    def test_interrupted_reply_is_completed_by_the_next(self, shop, monkeypatch):
        shop.ships()
        with monkeypatch.context() as patch:
            patch.setattr(shop.shipping, "process_reply", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                shop.cancellation.process_warehouse_reply(dispatched())

        shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.saga.results == [("token-1", TRACKED)]
        assert shop.shipping.of("ord_1").status == ShipmentStatus.DISPATCHED

    def test_parcel_dispatched_after_the_cancellation_does_not_count(self, shop):
        shop.ships()
        shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)

        shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.orders.get("ord_1").dispatched_at is None
        assert shop.shipping.of("ord_1").status == ShipmentStatus.RECALLED
        assert shop.warehouse.actions == ["ship", "recall"]
        assert shop.metrics == {"ParcelNotStopped": 1}
        assert shop.saga.results == []

    @pytest.mark.parametrize("status", [Status.CANCELLED, Status.AUTHORIZED])
    def test_unrequested_parcel_does_not_count(self, shop, status):
        shop.has(an_order_in(status))

        shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.orders.get("ord_1").dispatched_at is None

    def test_parcel_recalled_before_dispatch_does_not_count(self, shop):
        shop.ships()
        shop.shipping.recall("ord_1")

        shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.orders.get("ord_1").dispatched_at is None

    def test_parcel_without_an_order_is_ignored(self, shop):
        shop.cancellation.process_warehouse_reply(dispatched())

        assert shop.saga.results == []

    def test_other_warehouse_replies_change_no_order(self, shop):
        shop.ships()
        before = shop.orders.get("ord_1")

        shop.cancellation.process_warehouse_reply(a_reply("accepted"))
        shop.cancellation.process_warehouse_reply(a_reply("refused"))

        assert shop.orders.get("ord_1") == before
        assert shop.saga.results == [("token-1", "ShipmentRefused")]


class TestStop:
    def test_recalls_the_parcel_and_wakes_the_saga(self, shop):
        shop.ships()

        shop.cancellation.stop_fulfilment(wish_to_cancel(shop))

        assert shop.warehouse.actions == ["ship", "recall"]
        assert shop.saga.results == [STOPPED]

    def test_repeated_does_no_harm(self, shop):
        shop.ships()
        event = wish_to_cancel(shop)

        for _ in range(2):
            shop.cancellation.stop_fulfilment(event)

        assert set(shop.warehouse.actions) == {"ship", "recall"}
        assert set(shop.saga.results) == {STOPPED}

    def test_stop_of_an_order_that_is_not_shipping_wakes_no_step(self, shop):
        shop.has(an_order_in(Status.RESERVED))

        shop.cancellation.stop_fulfilment(wish_to_cancel(shop))

        assert (shop.warehouse.actions, shop.saga.results) == ([], [])

    @pytest.mark.parametrize("status", TO_THE_BUYER + HAPPY_PATH[2:4])
    def test_stop_of_an_order_whose_saga_runs_is_left_to_the_saga(self, shop, status):
        shop.has(an_order_in(status))
        shop.starts_saga()

        shop.cancellation.stop_fulfilment(wish_to_cancel(shop))

        assert shop.compensated == {}

    @pytest.mark.parametrize("first", ["stop", "dispatch"])
    def test_stop_with_a_late_parcel_ends_recalled_in_any_order(self, shop, first):
        shop.ships()
        event = wish_to_cancel(shop)
        steps = [
            lambda: shop.cancellation.stop_fulfilment(event),
            lambda: shop.cancellation.process_warehouse_reply(dispatched()),
        ]

        for step in steps if first == "stop" else steps[::-1]:
            step()

        assert shop.shipping.of("ord_1").status == ShipmentStatus.RECALLED
        assert shop.saga.results == [STOPPED]
        assert shop.orders.get("ord_1").dispatched_at is None


class TestAbandoned:
    """An order that is to be cancelled, and whose saga is gone."""

    @pytest.mark.parametrize("end", [None, "FAILED", "ABORTED", "TIMED_OUT", "SUCCEEDED"])
    def test_order_without_a_running_saga_is_compensated_with_its_reason(self, shop, end):
        shop.has(an_order_in(Status.AUTHORIZED))
        if end:
            shop.starts_saga()
            shop.ends_saga(end)

        shop.cancellation.stop_fulfilment(wish_to_cancel(shop))

        assert shop.compensated == UNDO_INPUT

    def test_repeatedly_stopped_order_is_compensated_once(self, shop):
        shop.has(an_order_in(Status.AUTHORIZED))
        event = wish_to_cancel(shop)

        shop.cancellation.stop_fulfilment(event)
        shop.cancellation.stop_fulfilment(event)

        assert list(shop.compensated) == ["ord_1"]

    def test_abandoned_order_is_recalled_before_its_compensation(self, shop):
        shop.ships()
        shop.ends_saga("ABORTED")

        shop.cancellation.stop_fulfilment(wish_to_cancel(shop))

        assert shop.warehouse.actions == ["ship", "recall"]
        assert shop.compensated == UNDO_INPUT

    @pytest.mark.parametrize("status", [Status.CANCELLED, Status.COMPLETED, Status.RETURNED])
    def test_abandoned_order_that_is_over_is_not_compensated(self, shop, status):
        shop.sold()
        order = an_order_in(status)
        shop.order_store._orders["ord_1"] = order

        shop.recovery.recover_if_abandoned("ord_1")

        assert shop.compensated == {}

    def test_order_cancelled_by_the_saga_meanwhile_is_not_compensated(self, shop):
        shop.has(an_order_in(Status.RESERVED))
        event = wish_to_cancel(shop)
        shop.orders.advance("ord_1", Status.CANCELLED, Reason.FULFILMENT_FAILED)

        shop.cancellation.stop_fulfilment(event)

        assert shop.compensated == {}

    def test_order_is_compensated_by_the_retry_if_the_undo_did_not_start(self, shop):
        shop.has(an_order_in(Status.AUTHORIZED))
        event = wish_to_cancel(shop)
        shop.step_functions.failing = "ThrottlingException"
        with pytest.raises(ClientError):
            shop.cancellation.stop_fulfilment(event)
        shop.step_functions.failing = None

        shop.cancellation.stop_fulfilment(event)

        assert shop.compensated == UNDO_INPUT
