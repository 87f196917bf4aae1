"""How an order may change, and who may open it."""

import pytest

from chalicelib.orders.model import EVENT_OF, IllegalTransition, Reason, Status, event_of, guest_order_token
from tests.builders import HAPPY_PATH, NOW, a_line, an_order, an_order_in, euros

LEGAL = {
    (Status.PLACED, Status.RESERVED),
    (Status.RESERVED, Status.AUTHORIZED),
    (Status.AUTHORIZED, Status.SHIPPING),
    (Status.SHIPPING, Status.COMPLETED),
    *((status, Status.CANCELLED) for status in HAPPY_PATH[:-1]),
}
PAIRS = [(old, new) for old in Status for new in Status]


def was_passed(old, new):
    return old == new or (old in HAPPY_PATH and new in HAPPY_PATH and HAPPY_PATH.index(new) < HAPPY_PATH.index(old))


REPEATED = [pair for pair in PAIRS if was_passed(*pair)]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL and not was_passed(*pair)]
TO_THE_START = (Status.CANCELLED, Status.PLACED)


@pytest.mark.parametrize(("old", "new"), sorted(LEGAL))
def test_a_legal_step_changes_the_status_and_is_written_into_the_history(old, new):
    order = an_order_in(old)

    advanced = order.advanced(new, NOW, Reason.SHIPPING_FAILED if new == Status.CANCELLED else None)

    assert advanced.status == new
    assert advanced.version == order.version + 1
    assert [moment.status for moment in advanced.history] == [*(m.status for m in order.history), new]


@pytest.mark.parametrize(("old", "new"), REPEATED)
def test_a_step_that_was_taken_before_changes_nothing(old, new):
    order = an_order_in(old)

    assert order.advanced(new, NOW) is order


@pytest.mark.parametrize(("old", "new"), [pair for pair in ILLEGAL if pair != TO_THE_START])
def test_every_other_step_is_refused(old, new):
    with pytest.raises(IllegalTransition):
        an_order_in(old).advanced(new, NOW)


def test_a_cancelled_order_is_not_placed_again():
    old, new = TO_THE_START
    with pytest.raises(IllegalTransition):
        an_order_in(old).advanced(new, NOW)


@pytest.mark.parametrize("late", HAPPY_PATH[1:])
def test_a_step_that_comes_late_finds_the_order_cancelled_even_if_it_was_taken_before(late):
    cancelled = an_order_in(Status.SHIPPING).advanced(Status.CANCELLED, NOW, Reason.SHIPPING_FAILED)

    with pytest.raises(IllegalTransition):
        cancelled.advanced(late, NOW)


def test_the_first_reason_of_a_cancellation_stays():
    cancelled = an_order().advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK)

    assert cancelled.advanced(Status.CANCELLED, NOW, Reason.FULFILMENT_FAILED).reason == Reason.OUT_OF_STOCK


@pytest.mark.parametrize("status", list(Status))
def test_only_completed_and_cancelled_orders_are_over(status):
    assert an_order_in(status).is_over == (status in (Status.COMPLETED, Status.CANCELLED))


def test_the_total_is_the_sum_of_the_lines():
    order = an_order(lines=[a_line("MUG-01", quantity=3, price=1250), a_line("TENT-01", quantity=1, price=19900)])

    assert order.total == euros(23650)
    assert order.quantities == {"MUG-01": 3, "TENT-01": 1}


def test_a_guests_order_opens_with_its_own_token_only():
    token = guest_order_token("cart_secret", "ord_1")
    order = an_order("ord_1", customer_id=None, token=token)

    assert order.opens_with(token)
    assert not order.opens_with(guest_order_token("cart_secret", "ord_2"))
    assert not order.opens_with(guest_order_token("cart_other", "ord_1"))
    assert not order.opens_with("")


def test_the_order_keeps_no_trace_of_the_token_itself():
    token = guest_order_token("cart_secret", "ord_1")

    assert token not in an_order(customer_id=None, token=token).model_dump_json()


def test_a_customers_order_opens_with_no_token():
    assert not an_order(customer_id="ada").opens_with("")


@pytest.mark.parametrize("status", list(Status))
def test_the_event_tells_of_the_latest_change_and_nothing_personal(status):
    order = an_order_in(status)

    event = event_of(order, causation_id="evt_before")

    assert (event.type, event.version, event.source) == (EVENT_OF[status], 1, "storefront.orders")
    assert (event.correlation_id, event.causation_id, event.time) == ("ord_1", "evt_before", order.history[-1].at)
    assert event.data["lines"] == [{"sku": "MUG-01", "quantity": 2, "unit_price": 1250}]
    assert not any(personal in event.model_dump_json() for personal in ("Lovelace", "ada@example.com", "St James"))
