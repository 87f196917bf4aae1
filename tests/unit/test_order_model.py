"""Order model: its status changes, their events, and access to an order."""

import pytest

from chalicelib.orders.keys import guest_order_token
from chalicelib.orders.model import EVENT_OF, CancellationRequested, IllegalTransition, Reason, Status, TooLateToCancel
from chalicelib.platform.request_keys import IdempotencyKeyInvalid, valid_key
from tests.builders import HAPPY_PATH, NOW, TO_THE_BUYER, a_dispatched_order, a_line, an_order, an_order_in, euros

WAY = (*HAPPY_PATH, Status.RETURNED)
CANCELLABLE = (*HAPPY_PATH[:-1], Status.ACTION_REQUIRED)
OVER = {Status.COMPLETED, Status.CANCELLED, Status.RETURNED}
LEGAL = {
    (Status.PLACED, Status.RESERVED),
    (Status.RESERVED, Status.AUTHORIZED),
    (Status.RESERVED, Status.ACTION_REQUIRED),
    (Status.ACTION_REQUIRED, Status.AUTHORIZED),
    (Status.AUTHORIZED, Status.SHIPPING),
    (Status.SHIPPING, Status.COMPLETED),
    *((status, Status.CANCELLED) for status in CANCELLABLE),
}
FORWARD = sorted(pair for pair in LEGAL if pair[1] != Status.CANCELLED)
PAIRS = [(old, new) for old in Status for new in Status]


def was_passed(old, new):
    way = TO_THE_BUYER if old == Status.ACTION_REQUIRED else WAY
    return old == new or (old in way and new in way and way.index(new) < way.index(old))


REPEATED = [pair for pair in PAIRS if was_passed(*pair)]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL and not was_passed(*pair)]

CHANGES = {
    "RESERVED": (Status.PLACED, lambda order: order.advanced(Status.RESERVED, NOW), "OrderReserved"),
    "ACTION_REQUIRED": (
        Status.RESERVED,
        lambda order: order.advanced(Status.ACTION_REQUIRED, NOW),
        "OrderActionRequired",
    ),
    "AUTHORIZED": (Status.RESERVED, lambda order: order.advanced(Status.AUTHORIZED, NOW), "OrderAuthorized"),
    "SHIPPING": (Status.AUTHORIZED, lambda order: order.advanced(Status.SHIPPING, NOW), "OrderShipping"),
    "COMPLETED": (Status.SHIPPING, lambda order: order.advanced(Status.COMPLETED, NOW), "OrderCompleted"),
    "CANCELLED": (
        Status.PLACED,
        lambda order: order.advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK),
        "OrderCancelled",
    ),
    "to be cancelled": (
        Status.PLACED,
        lambda order: order.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW),
        "OrderCancelRequested",
    ),
    "dispatched": (Status.SHIPPING, lambda order: order.dispatched(NOW), "OrderDispatched"),
    "noted": (
        Status.COMPLETED,
        lambda order: order.recorded("PaymentDisputed", "disputed", "evt_1", NOW),
        "PaymentDisputed",
    ),
}


@pytest.mark.parametrize(("old", "new"), sorted(LEGAL))
def test_legal_step_changes_the_status_and_extends_the_history(old, new):
    order = an_order_in(old)

    advanced = order.advanced(new, NOW, Reason.SHIPPING_FAILED if new == Status.CANCELLED else None)

    assert advanced.status == new
    assert advanced.version == order.version + 1
    assert [moment.status for moment in advanced.history] == [*(m.status for m in order.history), new]


@pytest.mark.parametrize(("old", "new"), REPEATED)
def test_repeated_step_changes_nothing(old, new):
    order = an_order_in(old)

    assert order.advanced(new, NOW) is order


@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_illegal_step_is_refused(old, new):
    with pytest.raises(IllegalTransition):
        an_order_in(old).advanced(new, NOW)


@pytest.mark.parametrize("late", HAPPY_PATH[1:])
def test_late_step_of_a_cancelled_order_is_refused_even_if_repeated(late):
    cancelled = an_order_in(Status.SHIPPING).advanced(Status.CANCELLED, NOW, Reason.SHIPPING_FAILED)

    with pytest.raises(IllegalTransition):
        cancelled.advanced(late, NOW)


def test_first_reason_of_a_cancellation_stays():
    cancelled = an_order().advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK)

    assert cancelled.advanced(Status.CANCELLED, NOW, Reason.FULFILMENT_FAILED).reason == Reason.OUT_OF_STOCK


@pytest.mark.parametrize("status", list(Status))
def test_completed_cancelled_and_returned_orders_alone_are_over(status):
    assert an_order_in(status).is_over == (status in OVER)


class TestCancellation:
    @pytest.mark.parametrize("status", CANCELLABLE)
    def test_cancellation_can_be_requested_until_the_order_is_over(self, status):
        order = an_order_in(status)

        wished = order.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

        assert order.is_cancellable and not wished.is_cancellable
        assert (wished.cancellation, wished.status, wished.reason) == (Reason.CUSTOMER_REQUEST, status, None)
        assert wished.history == order.history

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.RETURNED])
    def test_cancellation_is_too_late_for_an_order_that_arrived(self, status):
        order = an_order_in(status)

        assert not order.is_cancellable
        with pytest.raises(TooLateToCancel):
            order.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

    def test_cancellation_of_a_cancelled_order_is_granted_already(self):
        cancelled = an_order_in(Status.CANCELLED)

        assert not cancelled.is_cancellable
        assert cancelled.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW) is cancelled

    def test_cancellation_is_requested_once_and_keeps_the_first_reason(self):
        wished = an_order().to_be_cancelled(Reason.FULFILMENT_FAILED, NOW)

        assert wished.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW) is wished

    @pytest.mark.parametrize(("old", "new"), FORWARD)
    def test_cancellation_stops_the_next_step(self, old, new):
        wished = an_order_in(old).to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

        with pytest.raises(CancellationRequested, match="CUSTOMER_REQUEST"):
            wished.advanced(new, NOW)
        with pytest.raises(CancellationRequested):
            wished.must_go_on()

    @pytest.mark.parametrize("status", CANCELLABLE)
    def test_outweighs_the_reason_of_the_step_that_it_stopped(self, status):
        wished = an_order_in(status).to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

        cancelled = wished.advanced(Status.CANCELLED, NOW, Reason.FULFILMENT_FAILED)

        assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, Reason.CUSTOMER_REQUEST)

    def test_order_without_a_cancellation_goes_on(self):
        an_order().must_go_on()


class TestDispatch:
    def test_dispatch_is_noted_without_another_status(self):
        order = an_order_in(Status.SHIPPING)

        dispatched = order.dispatched(NOW)

        assert dispatched.dispatched_at == "2030-05-17T12:00:00.000Z"
        assert (dispatched.status, dispatched.history) == (Status.SHIPPING, order.history)
        assert dispatched.advanced(Status.COMPLETED, NOW).status == Status.COMPLETED

    def test_dispatch_is_noted_once(self):
        dispatched = a_dispatched_order()

        assert dispatched.dispatched(NOW) is dispatched
        completed = dispatched.advanced(Status.COMPLETED, NOW)
        assert completed.dispatched(NOW) is completed

    @pytest.mark.parametrize("status", [status for status in Status if status != Status.SHIPPING])
    def test_dispatch_is_refused_outside_of_shipping(self, status):
        with pytest.raises(IllegalTransition):
            an_order_in(status).dispatched(NOW)

    def test_dispatch_after_the_cancel_request_is_refused(self):
        wished = an_order_in(Status.SHIPPING).to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

        with pytest.raises(CancellationRequested):
            wished.dispatched(NOW)

    def test_dispatch_before_the_cancel_request_makes_that_too_late(self):
        dispatched = a_dispatched_order()

        assert not dispatched.is_cancellable
        with pytest.raises(TooLateToCancel):
            dispatched.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)

    def test_dispatch_does_not_keep_the_saga_from_undoing_everything(self):
        """The capture may still find that nobody pays."""
        undone = a_dispatched_order().advanced(Status.CANCELLED, NOW, Reason.FULFILMENT_FAILED)

        assert (undone.status, undone.reason) == (Status.CANCELLED, Reason.FULFILMENT_FAILED)


class TestRecorded:
    @pytest.mark.parametrize("status", list(Status))
    def test_recorded_fact_is_possible_at_any_time_and_changes_nothing_else(self, status):
        order = an_order_in(status)

        changed = order.recorded("PaymentDisputed", "disputed", "evt_1", NOW)

        assert (changed.status, changed.history, changed.noted) == (status, order.history, ("disputed",))

    def test_recorded_fact_is_published_once_for_any_cause(self):
        changed = an_order().recorded("PaymentDisputed", "disputed", "evt_1", NOW)

        assert changed.recorded("PaymentDisputed", "disputed", "evt_1", NOW) is changed
        assert changed.recorded("PaymentDisputed", "disputed", "evt_2", NOW) is changed

    def test_recorded_facts_of_one_cause_are_both_published(self):
        changed = an_order().recorded("PaymentDisputed", "disputed", "evt_1", NOW)

        both = changed.recorded("PaymentRefundedOutside", "700", "evt_1", NOW)

        assert both.noted == ("disputed", "700")
        assert (both.pending_event.type, both.pending_event.causation_id) == ("PaymentRefundedOutside", "evt_1")


class TestEvent:
    @pytest.mark.parametrize(("before", "change", "event_type"), CHANGES.values(), ids=CHANGES)
    def test_change_makes_exactly_one_event(self, before, change, event_type):
        order = an_order_in(before)

        changed = change(order)

        assert (changed.pending_event.type, changed.pending_event.version, changed.pending_event.source) == (
            event_type,
            1,
            "storefront.orders",
        )
        assert (changed.version, changed.pending_event.data["status"]) == (order.version + 1, changed.status)
        assert (changed.pending_event.correlation_id, changed.pending_event.order_id) == ("ord_1", "ord_1")
        assert changed.pending_event.time == "2030-05-17T12:00:00.000Z"
        assert changed.pending_event.id != order.pending_event.id
        assert "returned" not in changed.pending_event.data

    @pytest.mark.parametrize("status", list(Status))
    def test_event_of_a_status_has_the_units(self, status):
        event = an_order_in(status).pending_event

        assert event.type == EVENT_OF[status]
        assert event.data["lines"] == [{"sku": "MUG-01", "quantity": 2, "unit_price": 1250}]
        assert event.data["total"] == {"amount": 2500, "currency": "EUR"}

    @pytest.mark.parametrize(("before", "change", "_"), CHANGES.values(), ids=CHANGES)
    def test_event_contains_nothing_personal(self, before, change, _):
        text = change(
            an_order_in(before, token="order_secret", customer_id="customer-7")
        ).pending_event.model_dump_json()

        for personal in ("Lovelace", "ada@example.com", "St James", "SW1Y", "customer-7", "pm_card", "order_secret"):
            assert personal not in text

    def test_event_has_a_reason_only_if_there_is_one(self):
        order = an_order()
        wished = order.to_be_cancelled(Reason.CUSTOMER_REQUEST, NOW)
        cancelled = wished.advanced(Status.CANCELLED, NOW, Reason.FULFILMENT_FAILED)

        assert [each.pending_event.data["reason"] for each in (order, wished, cancelled)] == [
            None,
            "CUSTOMER_REQUEST",
            "CUSTOMER_REQUEST",
        ]

    def test_event_has_a_cause_only_if_it_was_given(self):
        assert an_order().pending_event.causation_id is None
        assert an_order().recorded("PaymentDisputed", "disputed", "evt_1", NOW).pending_event.causation_id == "evt_1"

    def test_event_is_no_part_of_the_order_itself(self):
        assert "pending_event" not in an_order().model_dump()


class TestOwed:
    @pytest.mark.parametrize("status", list(Status))
    def test_cancelled_or_returned_order_owes_nothing(self, status):
        is_free = status in (Status.CANCELLED, Status.RETURNED)

        assert an_order_in(status).owed == (0 if is_free else 2500)

    @pytest.mark.parametrize("status", list(Status))
    def test_settled_is_what_is_over(self, status):
        assert an_order_in(status).is_settled == (status in OVER)


def test_total_is_the_sum_of_the_lines():
    order = an_order(lines=[a_line("MUG-01", quantity=3, price=1250), a_line("TENT-01", quantity=1, price=19900)])

    assert order.total == euros(23650)
    assert order.quantities == {"MUG-01": 3, "TENT-01": 1}


def test_guests_order_opens_with_its_own_token_only():
    token = guest_order_token("cart_secret", "ord_1")
    order = an_order("ord_1", customer_id=None, token=token)

    assert order.opens_with(token)
    assert not order.opens_with(guest_order_token("cart_secret", "ord_2"))
    assert not order.opens_with(guest_order_token("cart_other", "ord_1"))
    assert not order.opens_with("")


def test_order_stores_no_token_in_clear():
    token = guest_order_token("cart_secret", "ord_1")

    assert token not in an_order(customer_id=None, token=token).model_dump_json()


def test_customers_order_opens_with_no_token():
    assert not an_order(customer_id="ada").opens_with("")


@pytest.mark.parametrize("key", ["k", "x" * 128, "!~"])
def test_key_is_made_of_visible_characters(key):
    assert valid_key(key) == key


@pytest.mark.parametrize("key", [None, "", "with space", "x" * 129, "é", "line\n"])
def test_invalid_idempotency_key_is_refused(key):
    with pytest.raises(IdempotencyKeyInvalid):
        valid_key(key)
