"""Returned units: of the whole order or by line, never more than were bought, each refunded once."""

import pytest

from chalicelib.events.contracts import PaymentMovement
from chalicelib.orders.keys import new_return_id
from chalicelib.orders.model import IllegalTransition, Status
from chalicelib.orders.returns import (
    NothingToReturn,
    OrderNotReturnable,
    ReturnExceedsOrder,
    ReturnLineUnknown,
    ReturnStatus,
)
from chalicelib.orders.routes import ReturnRequest
from chalicelib.platform.request_keys import IdempotencyConflict
from tests.builders import NOW, a_line, an_order_in, as_read, euros

MUGS, TENT = a_line("MUG", quantity=3, price=1000), a_line("TENT", quantity=1, price=20000)
ALL = {"MUG": 3, "TENT": 1}


@pytest.fixture
def completed():
    """Return an order of three mugs and a tent."""
    return an_order_in(Status.COMPLETED, lines=[MUGS, TENT])


def asked(order, wanted, return_id="ret_1"):
    return order.return_requested(return_id, wanted, NOW)


def back(order, wanted, return_id="ret_1"):
    """Asked for and refunded in full."""
    order = asked(order, wanted, return_id)
    return order.return_settled(return_id, order.return_of(return_id).refund.amount, NOW)


class TestRequest:
    @pytest.mark.parametrize(
        ("wanted", "quantities", "refund"),
        [
            (None, ALL, 23000),
            (ALL, ALL, 23000),
            ({"MUG": 1}, {"MUG": 1}, 1000),
            ({"MUG": 3}, {"MUG": 3}, 3000),
            ({"TENT": 1, "MUG": 2}, {"TENT": 1, "MUG": 2}, 22000),
        ],
    )
    def test_return_request_is_for_all_or_for_some_at_the_price_that_was_paid(
        self, completed, wanted, quantities, refund
    ):
        requested = asked(completed, wanted).return_of("ret_1")

        assert (requested.quantities, requested.refund) == (quantities, euros(refund))
        assert (requested.status, requested.requested_at) == (ReturnStatus.REQUESTED, "2030-05-17T12:00:00.000Z")

    def test_return_request_leaves_the_status_alone(self, completed):
        order = asked(completed, None)

        assert (order.status, order.history) == (Status.COMPLETED, completed.history)

    def test_return_request_without_lines_is_for_all_remaining_units(self, completed):
        order = asked(asked(completed, {"MUG": 2}), None, "ret_2")

        assert order.return_of("ret_2").quantities == {"MUG": 1, "TENT": 1}
        assert order.return_of("ret_2").refund == euros(21000)
        assert order.returned == ALL
        assert not order.is_returnable

    @pytest.mark.parametrize("wanted", [None, {"MUG": 1}])
    def test_return_request_again_is_the_same_return(self, completed, wanted):
        order = asked(completed, wanted)

        assert asked(order, wanted) is order

    def test_return_request_again_is_the_same_return_even_when_all_is_back(self, completed):
        order = back(completed, None)

        assert asked(order, None) is order

    @pytest.mark.parametrize("other", [None, {"MUG": 2}, {"TENT": 1}])
    def test_return_request_under_the_same_id_for_other_units_is_a_conflict(self, completed, other):
        with pytest.raises(IdempotencyConflict):
            asked(asked(completed, {"MUG": 1}), other)

    @pytest.mark.parametrize("wanted", [{"MUG": 4}, {"TENT": 2}, {"MUG": 1, "TENT": 2}])
    def test_return_request_is_never_for_more_than_was_bought(self, completed, wanted):
        with pytest.raises(ReturnExceedsOrder):
            asked(completed, wanted)

    @pytest.mark.parametrize("first", [asked, back])
    def test_return_request_is_never_for_more_than_is_left(self, completed, first):
        order = first(completed, {"MUG": 2})

        with pytest.raises(ReturnExceedsOrder):
            asked(order, {"MUG": 2}, "ret_2")
        assert asked(order, {"MUG": 1}, "ret_2").returned == {"MUG": 3}

    def test_return_request_of_what_was_never_bought_is_named(self, completed):
        with pytest.raises(ReturnLineUnknown) as refusal:
            asked(completed, {"MUG": 1, "AXE": 1})

        assert "AXE" in refusal.value.fields["lines"]

    @pytest.mark.parametrize("first", [asked, back])
    @pytest.mark.parametrize("wanted", [None, {"MUG": 1}])
    def test_return_request_of_nothing_is_refused(self, completed, first, wanted):
        with pytest.raises(NothingToReturn):
            asked(first(completed, None), wanted, "ret_2")

    @pytest.mark.parametrize("status", [status for status in Status if status not in ("COMPLETED", "RETURNED")])
    def test_return_request_is_for_completed_orders_only(self, status):
        order = an_order_in(status)

        assert not order.is_returnable
        with pytest.raises(OrderNotReturnable):
            asked(order, None)

    def test_return_request_may_be_offered_while_units_are_left(self, completed):
        assert completed.is_returnable
        assert asked(completed, {"MUG": 3}).is_returnable
        assert not back(completed, None).is_returnable

    def test_return_request_makes_one_event_with_its_units(self, completed):
        order = asked(completed, {"MUG": 2})

        assert (order.version, order.pending_event.type) == (completed.version + 1, "OrderReturnRequested")
        assert order.pending_event.data["returned"] == {
            "return_id": "ret_1",
            "refund": {"amount": 2000, "currency": "EUR"},
            "quantities": {"MUG": 2},
            "value": {"amount": 2000, "currency": "EUR"},
            "shortfall": None,
        }


class TestCommitment:
    @pytest.mark.parametrize(("kept", "promised"), [(None, 2000), (23000, 2000), (700, 700), (0, 0), (-100, 0)])
    def test_committed_refund_is_never_more_than_is_kept(self, completed, kept, promised):
        order = completed.return_requested("ret_1", {"MUG": 2}, NOW, kept)

        assert (order.return_of("ret_1").refund, order.return_of("ret_1").value) == (euros(promised), euros(2000))

    def test_committed_refund_leaves_other_returns_under_way_their_part(self, completed):
        order = completed.return_requested("ret_1", {"MUG": 2}, NOW, 2500).return_requested(
            "ret_2", {"MUG": 1}, NOW, 2500
        )

        assert [each.refund.amount for each in order.returns] == [2000, 500]


class TestFailedRefund:
    @pytest.fixture
    def returned(self, completed):
        return back(completed, {"MUG": 2})

    def failed(self, order, reference="re_1", return_id="ret_1", outside=False):
        movement = PaymentMovement(reference=reference, amount=euros(2000), return_id=return_id, outside=outside)
        return order.recorded("PaymentRefundFailed", f"{reference} failed", "evt_1", NOW, movement)

    def test_failed_refund_is_owed_to_the_shop_until_it_is_made_again(self, returned):
        failed = self.failed(returned)

        assert failed.pending_event.data["movement"]["return_id"] == "ret_1"
        assert [each.reference for each in failed.failed_refunds] == ["re_1"]
        assert failed.owed == returned.owed + 2000
        assert self.failed(as_read(failed)) == as_read(failed)

        movement = PaymentMovement(reference="re_2", amount=euros(2000), return_id="ret_1")
        again = failed.recorded("PaymentRefundRetried", "re_2 retried", "evt_2", NOW, movement)
        assert (again.failed_refunds, again.owed) == ((), returned.owed)

    def test_failed_refund_of_others_is_theirs_to_make_again(self, completed):
        failed = self.failed(completed, return_id=None, outside=True)

        assert (failed.failed_refunds, failed.pending_event.type) == ((), "PaymentRefundFailed")

    def test_failed_refund_of_a_cancelled_order_is_kept_for_now(self):
        failed = self.failed(an_order_in(Status.CANCELLED), return_id=None)

        assert failed.owed == 2000


class TestSettling:
    def test_settling_of_the_whole_ends_the_order_as_returned(self, completed):
        order = back(completed, None)

        assert (order.status, order.pending_event.type) == (Status.RETURNED, "OrderReturned")
        assert order.history[-1].status == Status.RETURNED
        assert order.owed == 0

    def test_settling_of_a_part_leaves_it_completed(self, completed):
        order = back(completed, {"MUG": 2})

        assert (order.status, order.pending_event.type, order.owed) == (Status.COMPLETED, "OrderPartlyReturned", 21000)
        assert order.pending_event.data["returned"]["return_id"] == "ret_1"

    def test_settling_of_the_last_part_ends_it(self, completed):
        order = back(back(completed, {"MUG": 3}), None, "ret_2")

        assert (order.status, order.pending_event.type, order.owed) == (Status.RETURNED, "OrderReturned", 0)

    @pytest.mark.parametrize(("first", "last"), [("ret_1", "ret_2"), ("ret_2", "ret_1")])
    def test_settling_ends_the_order_only_when_every_return_is_refunded(self, completed, first, last):
        order = asked(asked(completed, {"MUG": 3}), None, "ret_2")

        order = order.return_settled(first, 1, NOW)
        assert (order.status, order.is_settled) == (Status.COMPLETED, False)

        order = order.return_settled(last, 1, NOW)
        assert (order.status, order.is_settled) == (Status.RETURNED, True)

    def test_twice_is_once(self, completed):
        order = back(completed, {"MUG": 1})

        assert order.return_settled("ret_1", 1000, NOW) is order
        assert order.return_settled("ret_1", 7, NOW) is order

    def test_settling_notes_what_was_really_given_back(self, completed):
        order = asked(completed, {"MUG": 2}).return_settled("ret_1", 700, NOW, "REFUNDED_BEFORE")

        settled = order.return_of("ret_1")
        assert (settled.refund, settled.value, settled.shortfall) == (euros(700), euros(2000), "REFUNDED_BEFORE")
        assert settled.status == ReturnStatus.REFUNDED
        assert order.pending_event.data["returned"]["refund"]["amount"] == 700
        assert order.pending_event.data["returned"]["shortfall"] == "REFUNDED_BEFORE"

    def test_settling_of_what_could_not_be_refunded_is_not_owed_either(self, completed):
        """What came back is not paid for: there is nothing to report about it at each reconciliation."""
        order = asked(completed, {"MUG": 2}).return_settled("ret_1", 700, NOW, "REFUNDED_BEFORE")

        assert order.owed == completed.owed - 2000

    def test_settling_of_an_unknown_return_is_refused(self, completed):
        with pytest.raises(IllegalTransition):
            completed.return_settled("ret_9", 1000, NOW)

    def test_settling_reduces_the_owed_amount(self, completed):
        order = asked(completed, {"MUG": 1})

        assert (order.owed, order.is_settled) == (23000, False)

    @pytest.mark.parametrize("change", [asked, back])
    def test_return_event_contains_nothing_personal(self, completed, change):
        text = change(completed, None).pending_event.model_dump_json()

        assert not any(personal in text for personal in ("Lovelace", "ada@example.com", "St James", "pm_card"))


class TestReturnId:
    def test_return_id_is_the_same_for_the_same_key_and_order(self):
        assert new_return_id("ord_1", "key", None) == new_return_id("ord_1", "key", {"MUG": 1})
        assert new_return_id("ord_1", "key", None) != new_return_id("ord_2", "key", None)
        assert new_return_id("ord_1", "key", None) != new_return_id("ord_1", "other", None)

    def test_return_id_is_the_same_for_the_same_units_without_a_key(self):
        assert new_return_id("ord_1", None, {"A": 1, "B": 2}) == new_return_id("ord_1", None, {"B": 2, "A": 1})

    def test_return_id_differs_for_other_units_without_a_key(self):
        ids = {new_return_id("ord_1", None, wanted) for wanted in (None, {"A": 1}, {"A": 2}, {"B": 1})}

        assert len(ids) == 4

    def test_return_id_of_a_key_never_equals_that_of_units(self):
        assert new_return_id("ord_1", "null", None) != new_return_id("ord_1", None, None)


@pytest.mark.parametrize("body", [{}, {"lines": None}])
def test_return_request_without_lines_wants_everything(body):
    assert ReturnRequest.model_validate(body).wanted is None
