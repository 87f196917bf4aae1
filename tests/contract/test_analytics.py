"""Sales and funnel: each order and return is counted once, by day, product, country and variant."""

from datetime import datetime

import pytest

from chalicelib.analytics.funnel import Counts, Step
from chalicelib.analytics.model import Sales, Sold
from chalicelib.analytics.store import day_key
from chalicelib.orders.model import Status
from chalicelib.platform.clock import iso
from chalicelib.platform.dynamo import CONTENTION_ATTEMPTS, TableBusy
from tests.builders import a_line, an_order, an_order_in
from tests.insights import completed, returned

TODAY = "2030-05-17"


def test_sales_are_counted_by_day_and_product(rooms):
    rooms.analytics.count_sales(completed("ord_1", lines=[a_line("MUG", 2, 1250), a_line("TENT", 1, 20000)]))
    rooms.analytics.count_sales(completed("ord_2", lines=[a_line("MUG", 1, 1250)]))

    yesterday, today = rooms.analytics.sales(2)

    assert (yesterday.date, yesterday.orders, yesterday.products) == ("2030-05-16", 0, {})
    assert (today.date, today.orders, today.pieces, today.revenue) == (TODAY, 2, 4, 23750)
    assert today.products == {"MUG": Sold(3, 3750), "TENT": Sold(1, 20000)}


def test_repeated_order_counts_once_in_the_sales(rooms):
    for _ in range(3):
        rooms.analytics.count_sales(completed())

    [today] = rooms.analytics.sales(1)
    assert (today.orders, today.pieces, today.revenue) == (1, 2, 2500)


def test_conflicting_transaction_is_retried_and_counts_once(rooms, crowded):
    crowded(3).analytics.count_sales(completed())

    assert rooms.analytics.sales(1)[0].orders == 1


def test_sale_that_always_conflicts_raises_and_counts_nothing(rooms, crowded):
    with pytest.raises(TableBusy):
        crowded(CONTENTION_ATTEMPTS).analytics.count_sales(completed())

    assert rooms.analytics_store.day(TODAY).orders == 0


def test_largest_cart_fits_into_one_transaction(rooms):
    event = completed(lines=[a_line(f"SKU-{number}", 1, 100) for number in range(30)])

    rooms.analytics.count_sales(event)
    rooms.recommendations.learn_affinity(event)

    assert rooms.analytics.sales(1)[0].pieces == 30
    assert len(rooms.recommendations.also_bought("SKU-0")) == 29


def test_countries_are_counted_with_the_sale_and_less_returns(rooms):
    for _ in range(2):
        rooms.analytics.count_sales(completed(lines=[a_line("MUG", 2, 1250)]))
    rooms.analytics.count_sales(completed("ord_2", lines=[a_line("MUG", 1, 1250)]))
    [back] = returned({"MUG": 1}, lines=[a_line("MUG", 2, 1250)])
    for _ in range(2):
        rooms.count_return(back, "ada")

    [today] = rooms.analytics.sales(1)

    assert today.countries == {"GB": Sales(2, 2500)}
    assert today.products == {"MUG": Sold(2, 2500)}


def test_day_without_country_counts_has_no_countries(rooms):
    rooms.table.put_once(day_key(TODAY) | {"orders": 3, "revenue": 700})

    assert (rooms.analytics.sales(1)[0].orders, rooms.analytics.sales(1)[0].countries) == (3, {})


def test_funnel_counts_each_order_once_by_its_variant(rooms):
    for order_id, variant in (("ord_1", "a"), ("ord_2", "b"), ("ord_2", "b"), ("ord_3", None)):
        rooms.analytics.count_placed(an_order(order_id, variant=variant).pending_event)
    for _ in range(3):
        rooms.analytics.count_sales(an_order_in(Status.COMPLETED, "ord_2", variant="b").pending_event)

    yesterday, today = rooms.analytics.funnel(2)

    assert yesterday.all == Counts()
    assert today.all == Counts(placed=3, completed=1)
    assert today.by_variant == {"a": Counts(placed=1), "b": Counts(placed=1, completed=1), "-": Counts(placed=1)}


def test_funnel_counts_reported_steps_on_their_day(rooms, clock):
    rooms.analytics.count_step(Step.VISIT, "a")
    clock.passes(days=1)
    for step, variant in ((Step.VISIT, "a"), (Step.VISIT, "a"), (Step.CART, "b"), (Step.CHECKOUT, None)):
        rooms.analytics.count_step(step, variant)

    days = rooms.analytics.funnel(31)

    assert [day.all for day in days[-2:]] == [Counts(visit=1), Counts(visit=2, cart=1, checkout=1)]
    assert days[-1].by_variant["a"] == Counts(visit=2)
    assert rooms.analytics.funnel(1) == days[-1:]
    for date in ("2030-05-17", "2030-05-18"):
        assert {day for day, _, _ in rooms.analytics_store.funnel(date, date)} == {date}


def test_placed_order_that_always_conflicts_raises_and_counts_nothing(rooms, crowded):
    with pytest.raises(TableBusy):
        crowded(CONTENTION_ATTEMPTS).analytics.count_placed(an_order().pending_event)

    assert rooms.analytics.funnel(1)[0].all == Counts()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2030-05-17T21:59:59+00:00", "2030-05-17"),
        ("2030-05-17T22:00:00+00:00", "2030-05-18"),
        ("2030-03-30T23:00:00+00:00", "2030-03-31"),  # 23 hours, up to 22:00 UTC
        ("2030-03-31T21:59:59+00:00", "2030-03-31"),
        ("2030-03-31T22:00:00+00:00", "2030-04-01"),
        ("2030-10-26T22:00:00+00:00", "2030-10-27"),  # 25 hours, up to 23:00 UTC
        ("2030-10-27T22:59:59+00:00", "2030-10-27"),
        ("2030-10-27T23:00:00+00:00", "2030-10-28"),
    ],
)
def test_sale_counts_on_the_day_of_the_shops_time_zone(rooms, clock, moment, day):
    """A day of that time zone may have 23 or 25 hours."""
    at = datetime.fromisoformat(moment)
    event = completed().model_copy(update={"time": iso(at)})
    clock.now = at

    rooms.analytics.count_sales(event)
    rooms.analytics.count_step(Step.VISIT, None)

    assert rooms.analytics_store.day(day).orders == 1
    assert rooms.analytics.sales(1)[0].date == day
    assert rooms.analytics.funnel(1)[-1].all.visit == 1
