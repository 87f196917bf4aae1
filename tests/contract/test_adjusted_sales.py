"""Sales numbers of orders with adjustments: revenue is what was paid, less what was refunded."""

import pytest

from chalicelib.analytics.model import Sales, Sold
from chalicelib.orders.model import Status
from chalicelib.pricing.quote import quote
from tests.builders import NOW, a_line, an_order_in
from tests.price_rules import CODE, documented_rules


@pytest.fixture
def order():
    priced = quote([a_line("MUG", 3, 1000), a_line("TENT", 1, 20000)], "GB", CODE, "EUR", documented_rules())
    return an_order_in(Status.COMPLETED, lines=priced.lines, adjustments=priced.adjustments)


def test_revenue_of_a_day_contains_adjustments_and_goes_back_with_returns(rooms, order):
    rooms.analytics.count_sales(order.pending_event)
    [sold] = rooms.analytics.sales(1)

    for return_id, wanted in (("ret_1", {"MUG": 1}), ("ret_2", None)):
        order = order.return_requested(return_id, wanted, NOW)
        order = order.return_settled(return_id, order.return_of(return_id).refund.amount, NOW)
        rooms.analytics.count_return(order.pending_event)
    [left] = rooms.analytics.sales(1)

    assert (sold.revenue, sold.countries) == (26365, {"GB": Sales(1, 26365)})
    assert sold.products == {"MUG": Sold(3, 3000), "TENT": Sold(1, 20000)}
    assert (left.revenue, left.products) == (0, {"MUG": Sold(0, 0), "TENT": Sold(0, 0)})
