"""Shipping: requests, replies and recalls at the warehouse; late or repeated messages have no effect."""

from datetime import timedelta

import pytest

from chalicelib.orders.model import CancellationRequested
from chalicelib.platform import metrics
from chalicelib.platform.clock import iso
from chalicelib.shipping.model import (
    Shipment,
    ShipmentBusy,
    ShipmentEnded,
    ShipmentRefused,
    ShipmentStatus,
    WarehouseSilent,
)
from chalicelib.shipping.service import Limits, Shipping
from tests.builders import TestClock, a_parcel, a_reply
from tests.fakes import FakeStore, FakeWaitingTask, FakeWarehouse

ORDER = "ord_1"
TRACKED = {"carrier": "Pigeon", "tracking_number": "P-7"}
LIMITS = Limits(silence=timedelta(seconds=60), dispatch=timedelta(seconds=600))
LATE = "ParcelNotStopped"


class ChangedOnce(FakeStore):
    """Run `meanwhile` once, right before the next change of the store."""

    meanwhile = None

    def replace(self, old, **changes):
        self._happen()
        return super().replace(old, **changes)

    def create(self, item):
        self._happen()
        return super().create(item)

    def _happen(self):
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()


class AlwaysChanged(FakeStore):
    """Every change fails, because a concurrent one was faster."""

    def replace(self, old, **changes):
        return None


@pytest.fixture
def warehouse():
    return FakeWarehouse()


@pytest.fixture
def saga():
    return FakeWaitingTask()


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """Return the names of the emitted metrics."""
    names = []
    monkeypatch.setattr(metrics, "count", lambda name, value=1: names.append(name))
    return names


@pytest.fixture
def open_with(warehouse, saga, clock):
    return lambda store: Shipping(store, warehouse, saga, clock, LIMITS)


@pytest.fixture
def shipping(open_with):
    return open_with(FakeStore())


@pytest.fixture
def requested(shipping):
    shipping.request(a_parcel(), "token-1")
    return shipping


@pytest.fixture
def dispatched(requested):
    requested.process_reply(a_reply("dispatched", **TRACKED))
    return requested


@pytest.fixture
def refused(requested):
    requested.process_reply(a_reply("refused"))
    return requested


@pytest.fixture
def recalled(requested):
    requested.recall(ORDER)
    return requested


class TestRequest:
    def test_request_sends_the_parcel_and_no_token(self, requested, warehouse):
        [message] = warehouse.sent

        assert (message.action, message.order_id, message.version) == ("ship", ORDER, 1)
        assert message.parcel == a_parcel()
        assert "token-1" not in message.model_dump_json()
        assert requested.of(ORDER).status == ShipmentStatus.REQUESTED

    def test_repeated_request_waits_under_its_own_token_and_is_sent_once(self, requested, warehouse):
        requested.request(a_parcel(), "token-2")

        assert warehouse.actions == ["ship"]
        assert requested.of(ORDER).task_token == "token-2"

    def test_shipment_request_goes_on_if_the_warehouse_could_not_be_reached(self, shipping, warehouse):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            shipping.request(a_parcel(), "token-1")
        warehouse.broken = False

        shipping.request(a_parcel(), "token-1")

        assert warehouse.actions == ["ship"]

    def test_shipment_request_wakes_the_step_at_once_if_the_parcel_has_left(self, dispatched, warehouse, saga):
        dispatched.request(a_parcel(), "token-2")

        assert saga.results[-1] == ("token-2", TRACKED)
        assert warehouse.actions == ["ship"]

    def test_shipment_request_wakes_the_step_of_a_parcel_that_leaves_now(self, saga, open_with):
        store = ChangedOnce()
        shipping = open_with(store)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.process_reply(a_reply("dispatched", **TRACKED))

        shipping.request(a_parcel(), "token-2")

        assert saga.results == [("token-1", TRACKED), ("token-2", TRACKED)]

    @pytest.mark.parametrize(("end", "error"), [("refused", ShipmentRefused), ("recalled", ShipmentEnded)])
    def test_shipment_request_is_not_sent_after_the_end(self, end, error, request, warehouse):
        ended = request.getfixturevalue(end)
        before = list(warehouse.actions)

        with pytest.raises(error):
            ended.request(a_parcel(), "token-2")

        assert warehouse.actions == before

    def test_shipment_request_is_not_sent_after_a_recall(self, shipping, warehouse):
        shipping.recall(ORDER)

        with pytest.raises(ShipmentEnded):
            shipping.request(a_parcel(), "token-1")

        assert warehouse.actions == []

    def test_refused_shipment_request_ends_the_wait_by_name(self, shipping, saga):
        shipping.fail("token-1", ShipmentEnded(ORDER))

        assert saga.results == [("token-1", "ShipmentEnded")]


class TestExpects:
    @pytest.mark.parametrize("state", ["requested", "dispatched"])
    def test_requested_parcel_can_be_dispatched(self, state, request):
        assert request.getfixturevalue(state).of(ORDER).may_leave

    @pytest.mark.parametrize("state", ["shipping", "refused", "recalled"])
    def test_parcel_in_another_status_is_not_expected(self, state, request):
        shipment = request.getfixturevalue(state).of(ORDER)
        assert shipment is None or not shipment.may_leave


class TestWait:
    """What a repeated step makes of a warehouse that has not answered."""

    def waits(self, shipping):
        try:
            shipping.request(a_parcel(), "token-2")
        except WarehouseSilent:
            return False
        return True

    def test_wait_goes_on_within_the_time_of_silence(self, requested, clock):
        clock.passes(seconds=59)
        assert self.waits(requested)

    def test_wait_ends_when_the_warehouse_was_silent_for_too_long(self, requested, clock):
        clock.passes(seconds=60)
        assert not self.waits(requested)

    @pytest.mark.parametrize("seconds", [60, 599])
    def test_wait_goes_on_while_a_request_or_an_answer_is_in_a_queue(self, requested, clock, warehouse, seconds):
        warehouse.backlog = 1
        clock.passes(seconds=seconds)
        assert self.waits(requested)

    def test_wait_ends_at_the_dispatch_limit_although_the_queues_are_never_empty(self, requested, clock, warehouse):
        warehouse.backlog = 1
        clock.passes(seconds=600)
        assert not self.waits(requested)

    def test_wait_goes_on_if_the_answer_is_processed_while_the_queues_are_counted(
        self, requested, clock, warehouse, monkeypatch
    ):
        def emptied():
            requested.process_reply(a_reply("accepted"))
            return False

        clock.passes(seconds=60)
        monkeypatch.setattr(warehouse, "has_backlog", emptied)
        assert self.waits(requested)

    def test_wait_counts_from_the_last_sign_of_life(self, requested, clock):
        clock.passes(seconds=50)
        requested.process_reply(a_reply("accepted"))
        clock.passes(seconds=59)
        assert self.waits(requested)
        clock.passes(seconds=1)
        assert not self.waits(requested)

    def test_dispatch_limit_counts_from_the_warehouses_own_acceptance(self, requested, clock):
        accepted_at = clock()
        clock.passes(seconds=30)
        requested.process_reply(a_reply("accepted", at=iso(accepted_at)))
        for _ in range(11):
            clock.passes(seconds=50)
            requested.process_reply(a_reply("accepted", at=iso(clock())))
            assert self.waits(requested)
        clock.passes(seconds=20)
        assert not self.waits(requested)

    def test_dispatch_limit_counts_from_now_if_the_warehouses_clock_is_ahead(self, requested, clock):
        requested.process_reply(a_reply("accepted", at=iso(clock() + timedelta(hours=1))))
        assert requested.of(ORDER).accepted_at == iso(clock())

    def test_request_that_may_not_have_been_sent_is_sent_again(self, shipping, warehouse, clock):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            shipping.request(a_parcel(), "token-1")
        warehouse.broken = False
        clock.passes(hours=1)

        assert self.waits(shipping)
        assert warehouse.actions == ["ship"]


class TestAnswer:
    def test_accepted_only_shows_a_sign_of_life(self, requested, saga):
        requested.process_reply(a_reply("accepted"))

        assert saga.results == []
        assert requested.of(ORDER).status == ShipmentStatus.REQUESTED

    @pytest.mark.parametrize("outcome", ["dispatched", "refused"])
    def test_answer_wakes_the_step_that_waits_now(self, requested, saga, outcome):
        requested.request(a_parcel(), "token-2")

        requested.process_reply(a_reply(outcome, task_token="token-1"))

        assert [token for token, _ in saga.results] == ["token-2"]

    def test_dispatched_wakes_the_saga_and_notes_the_way(self, dispatched, saga):
        shipment = dispatched.of(ORDER)

        assert saga.results == [("token-1", TRACKED)]
        assert (shipment.status, shipment.carrier, shipment.tracking_number) == ("DISPATCHED", "Pigeon", "P-7")

    def test_dispatched_twice_wakes_again_with_the_first_note(self, dispatched, saga):
        dispatched.process_reply(a_reply("dispatched", carrier="Owl", tracking_number="O-9"))

        assert saga.results == [("token-1", TRACKED)] * 2
        assert dispatched.of(ORDER).carrier == "Pigeon"

    def test_dispatched_reply_is_repeated_for_a_concurrently_repeated_step(self, warehouse, saga, open_with):
        store = ChangedOnce()
        shipping = open_with(store)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-2")

        shipping.process_reply(a_reply("dispatched", **TRACKED))

        assert (shipping.of(ORDER).status, shipping.of(ORDER).carrier) == (ShipmentStatus.DISPATCHED, "Pigeon")
        assert saga.results == [("token-2", TRACKED)]

    @pytest.mark.parametrize("outcome", ["dispatched", "refused"])
    def test_reply_is_repeated_and_too_late_for_a_concurrent_recall(self, warehouse, saga, outcome, open_with):
        store = ChangedOnce()
        shipping = open_with(store)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.recall(ORDER)

        shipping.process_reply(a_reply(outcome))

        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED
        assert saga.results == []

    def test_refused_reply_is_repeated_for_a_concurrently_repeated_step(self, warehouse, saga, open_with):
        store = ChangedOnce()
        shipping = open_with(store)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-2")

        shipping.process_reply(a_reply("refused"))

        assert shipping.of(ORDER).status == ShipmentStatus.REFUSED
        assert saga.results == [("token-2", "ShipmentRefused")]

    def test_dispatched_after_a_recall_is_too_late(self, recalled, saga):
        recalled.process_reply(a_reply("dispatched", **TRACKED))

        assert saga.results == []
        assert recalled.of(ORDER).status == ShipmentStatus.RECALLED

    def test_dispatched_after_a_refusal_changes_nothing(self, refused):
        refused.process_reply(a_reply("dispatched", **TRACKED))

        assert refused.of(ORDER).status == ShipmentStatus.REFUSED

    def test_refused_fails_the_step_by_name(self, refused, saga):
        assert saga.results == [("token-1", "ShipmentRefused")]
        assert refused.of(ORDER).status == ShipmentStatus.REFUSED

    def test_second_refusal_completes_the_token_again(self, refused, saga):
        refused.process_reply(a_reply("refused"))

        assert saga.results == [("token-1", "ShipmentRefused")] * 2

    @pytest.mark.parametrize("end", ["dispatched", "recalled"])
    def test_refused_after_another_end_changes_nothing(self, end, request, saga):
        ended = request.getfixturevalue(end)
        status, results = ended.of(ORDER).status, list(saga.results)

        ended.process_reply(a_reply("refused"))

        assert (ended.of(ORDER).status, saga.results) == (status, results)

    @pytest.mark.parametrize("outcome", ["accepted", "dispatched", "refused"])
    def test_reply_about_an_unknown_order_is_ignored(self, shipping, saga, outcome):
        shipping.process_reply(a_reply(outcome))

        assert shipping.of(ORDER) is None
        assert saga.results == []


class TestRecall:
    @pytest.mark.parametrize("state", ["requested", "dispatched"])
    def test_requested_parcel_is_recalled(self, state, request, warehouse):
        shipping = request.getfixturevalue(state)

        shipping.recall(ORDER)

        assert warehouse.actions == ["ship", "recall"]
        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED

    def test_recall_is_nothing_where_nothing_was_asked_for(self, shipping, warehouse):
        shipping.recall(ORDER)

        assert warehouse.actions == []
        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED

    def test_recall_is_nothing_after_a_refusal(self, refused, warehouse):
        refused.recall(ORDER)

        assert warehouse.actions == ["ship"]
        assert refused.of(ORDER).status == ShipmentStatus.REFUSED

    def test_recall_is_sent_again_until_the_warehouse_has_answered(self, recalled, warehouse):
        recalled.recall(ORDER)
        assert warehouse.actions == ["ship", "recall", "recall"]

        recalled.process_reply(a_reply("recalled"))
        recalled.recall(ORDER)

        assert warehouse.actions == ["ship", "recall", "recall"]
        assert recalled.of(ORDER).status == ShipmentStatus.RECALLED

    def test_recall_has_a_higher_version_than_a_request_that_is_sent_after_it(self, warehouse, open_with):
        """The step writes the shipment down, is overtaken by the whole recall, and only then sends."""
        store = FakeStore()
        shipping = open_with(store)
        send = warehouse.send

        def overtaken(request):
            warehouse.send = send
            shipping.recall(ORDER)
            send(request)

        warehouse.send = overtaken
        shipping.request(a_parcel(), "token-1")

        recall, ship = warehouse.sent
        assert (recall.action, ship.action) == ("recall", "ship")
        assert recall.version > ship.version

    @pytest.mark.parametrize("answers", [["recalled"], ["already_dispatched", "returned"], ["returned"]])
    def test_recall_keeps_the_warehouses_answer(self, recalled, answers):
        for outcome in answers:
            recalled.process_reply(a_reply(outcome))

        assert recalled.of(ORDER).recall_outcome == answers[-1]

    def test_recall_answers_in_the_wrong_order_keep_the_final_one(self, recalled):
        for outcome in ("returned", "already_dispatched"):
            recalled.process_reply(a_reply(outcome))

        assert recalled.of(ORDER).recall_outcome == "returned"

    def test_answer_to_a_recall_that_was_never_written_changes_nothing(self, requested, warehouse):
        before = requested.of(ORDER)

        requested.process_reply(a_reply("already_dispatched"))

        assert (requested.of(ORDER), warehouse.actions) == (before, ["ship"])


class TestParcelThatLeftTooLate:
    @pytest.mark.parametrize("end", ["refused", "recalled"])
    def test_late_parcel_is_recalled_again_and_counted_once(self, end, request, warehouse, counted):
        ended = request.getfixturevalue(end)
        before = len(warehouse.sent)

        for _ in range(2):
            ended.process_reply(a_reply("dispatched", **TRACKED))

        assert counted == [LATE]
        assert warehouse.actions[before:] == ["recall", "recall"]
        assert ended.of(ORDER).left_at

    def test_late_parcel_is_recalled_again_although_the_warehouse_had_stopped_it(self, recalled, warehouse, counted):
        recalled.process_reply(a_reply("recalled"))
        recalled.process_reply(a_reply("dispatched"))

        assert (warehouse.actions, counted) == (["ship", "recall", "recall"], [LATE])

    def test_late_parcel_is_counted_when_the_warehouse_answers_the_recall_so(self, recalled, counted):
        recalled.process_reply(a_reply("already_dispatched"))
        recalled.process_reply(a_reply("dispatched"))

        assert counted == [LATE]

    def test_recalled_parcel_that_had_not_left_is_not_counted(self, recalled, counted):
        recalled.process_reply(a_reply("recalled"))

        assert (counted, recalled.of(ORDER).left_at) == ([], None)

    def test_reaches_the_warehouse_also_if_the_first_message_was_lost(self, requested, warehouse):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            requested.recall(ORDER)
        warehouse.broken = False

        requested.recall(ORDER)

        assert warehouse.actions == ["ship", "recall"]

    def test_late_parcel_answers_with_what_was_recalled(self, requested):
        assert requested.recall(ORDER) == requested.of(ORDER)
        assert requested.recall(ORDER).task_token == "token-1"


class TestStop:
    WHY = CancellationRequested("CUSTOMER_REQUEST")
    STOPPED = "CancellationRequested"

    def test_recalls_and_lets_the_waiting_step_go_at_once(self, requested, warehouse, saga):
        requested.stop(ORDER, self.WHY)

        assert warehouse.actions == ["ship", "recall"]
        assert requested.of(ORDER).status == ShipmentStatus.RECALLED
        assert saga.results == [("token-1", self.STOPPED)]

    def test_stop_releases_the_waiting_step(self, requested, saga):
        requested.request(a_parcel(), "token-2")

        requested.stop(ORDER, self.WHY)

        assert saga.results == [("token-2", self.STOPPED)]

    def test_stop_releases_a_step_that_is_repeated_concurrently(self, warehouse, saga, open_with):
        store = ChangedOnce()
        shipping = open_with(store)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-2")

        shipping.stop(ORDER, self.WHY)

        assert saga.results == [("token-2", self.STOPPED)]
        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED
        assert warehouse.actions[-1] == "recall"

    def test_stop_releases_a_step_that_begins_concurrently(self, warehouse, saga, open_with):
        store = ChangedOnce()
        shipping = open_with(store)
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-1")

        shipping.stop(ORDER, self.WHY)

        assert saga.results == [("token-1", self.STOPPED)]
        assert warehouse.actions == ["ship", "recall"]

    def test_stop_before_any_request_writes_a_tombstone(self, shipping, warehouse, saga):
        shipping.stop(ORDER, self.WHY)

        assert (saga.results, warehouse.actions) == ([], [])
        with pytest.raises(ShipmentEnded):
            shipping.request(a_parcel(), "token-1")

    def test_repeated_lets_the_step_go_that_was_missed_before(self, recalled, saga):
        """The first one may have died between the two."""
        recalled.stop(ORDER, self.WHY)

        assert saga.results == [("token-1", self.STOPPED)]

    def test_reaches_the_warehouse_also_if_the_first_message_was_lost(self, requested, warehouse, saga):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            requested.stop(ORDER, self.WHY)
        assert saga.results == []
        warehouse.broken = False

        requested.stop(ORDER, self.WHY)

        assert warehouse.actions == ["ship", "recall"]
        assert saga.results == [("token-1", self.STOPPED)]


@pytest.mark.parametrize(
    "call",
    [
        lambda shipping: shipping.recall(ORDER),
        lambda shipping: shipping.request(a_parcel(), "token-2"),
        lambda shipping: shipping.process_reply(a_reply("dispatched")),
        lambda shipping: shipping.process_reply(a_reply("refused")),
    ],
    ids=["recall", "request", "dispatched", "refused"],
)
def test_lasting_contention_ends_as_busy_and_wakes_no_step(open_with, saga, call):
    store = AlwaysChanged()
    shipping = open_with(store)
    store.create(Shipment(order_id=ORDER, status=ShipmentStatus.REQUESTED, task_token="token-1"))

    with pytest.raises(ShipmentBusy):
        call(shipping)

    assert saga.results == []
