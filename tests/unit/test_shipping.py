"""The warehouse is asked, answers, and is called back; nothing that comes late or twice does harm."""

import pytest

from chalicelib.orders.model import CancellationRequested
from chalicelib.shipping.model import ShipmentEnded, ShipmentStatus
from chalicelib.shipping.service import Shipping
from tests.builders import a_parcel, a_reply
from tests.fakes import FakeStore, FakeWaitingTask, FakeWarehouse

ORDER = "ord_1"
TRACKED = {"carrier": "Pigeon", "tracking_number": "P-7"}


class ChangedOnce(FakeStore):
    """`meanwhile` happens once, right before somebody else's next change."""

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


@pytest.fixture
def warehouse():
    return FakeWarehouse()


@pytest.fixture
def saga():
    return FakeWaitingTask()


@pytest.fixture
def shipping(warehouse, saga):
    return Shipping(FakeStore(), warehouse, saga)


@pytest.fixture
def requested(shipping):
    shipping.request(a_parcel(), "token-1")
    return shipping


@pytest.fixture
def dispatched(requested):
    requested.hear(a_reply("dispatched", **TRACKED))
    return requested


@pytest.fixture
def refused(requested):
    requested.hear(a_reply("refused"))
    return requested


@pytest.fixture
def recalled(requested):
    requested.recall(ORDER)
    return requested


class TestRequest:
    def test_sends_the_parcel_and_the_token_to_the_warehouse(self, requested, warehouse):
        [message] = warehouse.sent

        assert (message.action, message.order_id, message.task_token) == ("ship", ORDER, "token-1")
        assert message.parcel == a_parcel()
        assert requested.of(ORDER).status == ShipmentStatus.REQUESTED

    def test_a_repeated_step_asks_again_under_its_own_token(self, requested, warehouse):
        requested.request(a_parcel(), "token-2")

        assert [message.task_token for message in warehouse.sent] == ["token-1", "token-2"]
        assert requested.of(ORDER).task_token == "token-2"

    def test_goes_on_if_the_warehouse_could_not_be_reached(self, shipping, warehouse):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            shipping.request(a_parcel(), "token-1")
        warehouse.broken = False

        shipping.request(a_parcel(), "token-1")

        assert warehouse.actions == ["ship"]

    def test_wakes_the_step_at_once_if_the_parcel_has_left(self, dispatched, warehouse, saga):
        dispatched.request(a_parcel(), "token-2")

        assert saga.heard[-1] == ("token-2", TRACKED)
        assert warehouse.actions == ["ship"]

    def test_wakes_the_step_if_the_parcel_leaves_at_this_moment(self, warehouse, saga):
        class LeavesMeanwhile(FakeStore):
            def replace(self, old, **changes):
                super().replace(old, status=ShipmentStatus.DISPATCHED, **TRACKED)
                return super().replace(old, **changes)

        shipping = Shipping(LeavesMeanwhile(), warehouse, saga)
        shipping.request(a_parcel(), "token-1")

        shipping.request(a_parcel(), "token-2")

        assert saga.heard == [("token-2", TRACKED)]

    @pytest.mark.parametrize("end", ["refused", "recalled"])
    def test_nothing_is_sent_after_the_end(self, end, request, warehouse):
        ended = request.getfixturevalue(end)
        before = list(warehouse.actions)

        with pytest.raises(ShipmentEnded):
            ended.request(a_parcel(), "token-2")

        assert warehouse.actions == before

    def test_nothing_is_sent_after_a_recall_that_was_first(self, shipping, warehouse):
        shipping.recall(ORDER)

        with pytest.raises(ShipmentEnded):
            shipping.request(a_parcel(), "token-1")

        assert warehouse.actions == []

    def test_what_cannot_be_requested_ends_the_wait_by_name(self, shipping, saga):
        shipping.fail("token-1", ShipmentEnded(ORDER))

        assert saga.heard == [("token-1", "ShipmentEnded")]


class TestExpects:
    @pytest.mark.parametrize("state", ["requested", "dispatched"])
    def test_a_parcel_that_was_asked_for(self, state, request):
        assert request.getfixturevalue(state).expects(ORDER)

    @pytest.mark.parametrize("state", ["shipping", "refused", "recalled"])
    def test_no_other(self, state, request):
        assert not request.getfixturevalue(state).expects(ORDER)


class TestAnswer:
    def test_accepted_only_shows_a_sign_of_life(self, requested, saga):
        requested.hear(a_reply("accepted"))

        assert saga.heard == [("token-1", "alive")]
        assert requested.of(ORDER).status == ShipmentStatus.REQUESTED

    def test_dispatched_wakes_the_saga_and_notes_the_way(self, dispatched, saga):
        shipment = dispatched.of(ORDER)

        assert saga.heard == [("token-1", TRACKED)]
        assert (shipment.status, shipment.carrier, shipment.tracking_number) == ("DISPATCHED", "Pigeon", "P-7")

    def test_dispatched_twice_wakes_again_with_the_first_note(self, dispatched, saga):
        dispatched.hear(a_reply("dispatched", carrier="Owl", tracking_number="O-9"))

        assert saga.heard == [("token-1", TRACKED)] * 2
        assert dispatched.of(ORDER).carrier == "Pigeon"

    def test_dispatched_is_heard_again_if_the_step_is_repeated_at_this_moment(self, warehouse, saga):
        store = ChangedOnce()
        shipping = Shipping(store, warehouse, saga)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-2")

        shipping.hear(a_reply("dispatched", **TRACKED))

        assert (shipping.of(ORDER).status, shipping.of(ORDER).carrier) == (ShipmentStatus.DISPATCHED, "Pigeon")
        assert saga.heard == [("token-1", TRACKED)]

    @pytest.mark.parametrize("outcome", ["dispatched", "refused"])
    def test_an_answer_is_heard_again_and_is_too_late_if_it_is_recalled_at_this_moment(self, warehouse, saga, outcome):
        store = ChangedOnce()
        shipping = Shipping(store, warehouse, saga)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.recall(ORDER)

        shipping.hear(a_reply(outcome))

        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED
        assert saga.heard == []

    def test_refused_is_heard_again_if_the_step_is_repeated_at_this_moment(self, warehouse, saga):
        store = ChangedOnce()
        shipping = Shipping(store, warehouse, saga)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-2")

        shipping.hear(a_reply("refused"))

        assert shipping.of(ORDER).status == ShipmentStatus.REFUSED
        assert saga.heard == [("token-1", "ShipmentRefused")]

    def test_dispatched_after_a_recall_is_too_late(self, recalled, saga):
        recalled.hear(a_reply("dispatched", **TRACKED))

        assert saga.heard == []
        assert recalled.of(ORDER).status == ShipmentStatus.RECALLED

    def test_dispatched_after_a_refusal_changes_nothing(self, refused):
        refused.hear(a_reply("dispatched", **TRACKED))

        assert refused.of(ORDER).status == ShipmentStatus.REFUSED

    def test_refused_fails_the_step_by_name(self, refused, saga):
        assert saga.heard == [("token-1", "ShipmentRefused")]
        assert refused.of(ORDER).status == ShipmentStatus.REFUSED

    def test_refused_twice_tells_again(self, refused, saga):
        refused.hear(a_reply("refused"))

        assert saga.heard == [("token-1", "ShipmentRefused")] * 2

    @pytest.mark.parametrize("end", ["dispatched", "recalled"])
    def test_refused_after_another_end_changes_nothing(self, end, request, saga):
        ended = request.getfixturevalue(end)
        status, heard = ended.of(ORDER).status, list(saga.heard)

        ended.hear(a_reply("refused"))

        assert (ended.of(ORDER).status, saga.heard) == (status, heard)

    @pytest.mark.parametrize("outcome", ["accepted", "dispatched", "refused"])
    def test_an_answer_about_an_unknown_order_is_left_alone(self, shipping, saga, outcome):
        shipping.hear(a_reply(outcome))

        assert shipping.of(ORDER) is None
        assert saga.heard == []


class TestRecall:
    @pytest.mark.parametrize("state", ["requested", "dispatched"])
    def test_calls_back_what_was_asked_for(self, state, request, warehouse):
        shipping = request.getfixturevalue(state)

        shipping.recall(ORDER)

        assert warehouse.actions == ["ship", "recall"]
        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED

    def test_is_nothing_where_nothing_was_asked_for(self, shipping, warehouse):
        shipping.recall(ORDER)

        assert warehouse.actions == []
        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED

    def test_is_nothing_after_a_refusal(self, refused, warehouse):
        refused.recall(ORDER)

        assert warehouse.actions == ["ship"]
        assert refused.of(ORDER).status == ShipmentStatus.REFUSED

    def test_repeated_does_no_harm(self, recalled):
        recalled.recall(ORDER)

        assert recalled.of(ORDER).status == ShipmentStatus.RECALLED

    def test_reaches_the_warehouse_also_if_the_first_message_was_lost(self, requested, warehouse):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            requested.recall(ORDER)
        warehouse.broken = False

        requested.recall(ORDER)

        assert warehouse.actions == ["ship", "recall"]

    def test_answers_with_what_was_recalled(self, requested):
        assert requested.recall(ORDER) == requested.of(ORDER)
        assert requested.recall(ORDER).task_token == "token-1"


class TestStop:
    WHY = CancellationRequested("CUSTOMER_REQUEST")
    STOPPED = "CancellationRequested"

    def test_recalls_and_lets_the_waiting_step_go_at_once(self, requested, warehouse, saga):
        requested.stop(ORDER, self.WHY)

        assert warehouse.actions == ["ship", "recall"]
        assert requested.of(ORDER).status == ShipmentStatus.RECALLED
        assert saga.heard == [("token-1", self.STOPPED)]

    def test_lets_the_step_go_that_waits_now(self, requested, saga):
        requested.request(a_parcel(), "token-2")

        requested.stop(ORDER, self.WHY)

        assert saga.heard == [("token-2", self.STOPPED)]

    def test_lets_the_step_go_also_if_it_is_repeated_at_this_moment(self, warehouse, saga):
        store = ChangedOnce()
        shipping = Shipping(store, warehouse, saga)
        shipping.request(a_parcel(), "token-1")
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-2")

        shipping.stop(ORDER, self.WHY)

        assert saga.heard == [("token-2", self.STOPPED)]
        assert shipping.of(ORDER).status == ShipmentStatus.RECALLED
        assert warehouse.actions[-1] == "recall"

    def test_lets_the_step_go_also_if_it_begins_at_this_moment(self, warehouse, saga):
        store = ChangedOnce()
        shipping = Shipping(store, warehouse, saga)
        store.meanwhile = lambda: shipping.request(a_parcel(), "token-1")

        shipping.stop(ORDER, self.WHY)

        assert saga.heard == [("token-1", self.STOPPED)]
        assert warehouse.actions == ["ship", "recall"]

    def test_before_any_request_closes_the_door(self, shipping, warehouse, saga):
        shipping.stop(ORDER, self.WHY)

        assert (saga.heard, warehouse.actions) == ([], [])
        with pytest.raises(ShipmentEnded):
            shipping.request(a_parcel(), "token-1")

    def test_repeated_lets_the_step_go_that_was_missed_before(self, recalled, saga):
        """The first one may have died between the two."""
        recalled.stop(ORDER, self.WHY)

        assert saga.heard == [("token-1", self.STOPPED)]

    def test_reaches_the_warehouse_also_if_the_first_message_was_lost(self, requested, warehouse, saga):
        warehouse.broken = True
        with pytest.raises(ConnectionError):
            requested.stop(ORDER, self.WHY)
        assert saga.heard == []
        warehouse.broken = False

        requested.stop(ORDER, self.WHY)

        assert warehouse.actions == ["ship", "recall"]
        assert saga.heard == [("token-1", self.STOPPED)]
