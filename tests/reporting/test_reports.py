"""Reports over PostgreSQL: cohorts, revenue by category, free filters and full-text search."""

from datetime import date, timedelta

import pytest

from chalicelib.orders.model import Reason, Status
from chalicelib.reporting.model import rows_of_order, rows_of_products
from chalicelib.reporting.reports import PAGE_SIZE, CategoriesQuery, CohortsQuery, OrderSearch
from chalicelib.reporting.sql.reports import ReportQueries, answer, months_before
from chalicelib.reporting.sql.store import ReportingStore
from tests.builders import NOW, a_line, a_product, an_order, an_order_in

TODAY = date(2030, 8, 20)


@pytest.fixture
def database(new_database):
    return new_database()


@pytest.fixture
def queries(database):
    return ReportQueries(database, TODAY, "EUR")


@pytest.fixture
def place(database):
    """Return a function that projects an order, with the products of its lines."""

    def placed(order, *products):
        ReportingStore(database).save(rows_of_order(order, lambda at: at.date()), None, rows_of_products(products))
        return order

    return placed


def days(count):
    return NOW + timedelta(days=count)


def test_cohorts_count_customers_who_ordered_again_by_month(place, queries):
    place(an_order("ord_1", customer_id="ada", at=days(0)))
    place(an_order("ord_2", customer_id="ada", at=days(1)))
    place(an_order("ord_3", customer_id="ada", at=days(70)))
    place(an_order("ord_4", customer_id="bob", at=days(5)))
    place(an_order("ord_5", customer_id="cyd", at=days(40)))
    place(an_order("ord_6", customer_id=None, token="guest", at=days(40)))
    place(an_order("ord_7", customer_id="bob", at=days(40)).advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK))
    june, may = queries.cohorts(CohortsQuery()).items
    assert (june.month, june.customers, may.month, may.customers) == ("2030-06", 1, "2030-05", 2)
    assert [(each.months_later, each.customers, each.revenue) for each in may.repeats] == [(0, 2, 7500), (2, 1, 2500)]


def test_cohorts_begin_so_many_months_ago_over_a_new_year(place, database):
    assert [months_before(date(2031, 1, 31), months) for months in (0, 1, 13)] == [
        date(2031, 1, 1),
        date(2030, 12, 1),
        date(2029, 12, 1),
    ]
    place(an_order("ord_1", at=days(0)))
    queries = ReportQueries(database, TODAY, "EUR")
    assert queries.cohorts(CohortsQuery(months=3)).items == []
    assert len(queries.cohorts(CohortsQuery(months=4)).items) == 1


def test_categories_show_revenue_less_refunds_of_sold_orders(place, queries):
    lines = [a_line("MUG-01", 2, 1250), a_line("TENT-02", 1, 9000)]
    sold = an_order_in(Status.COMPLETED, "ord_1", lines=lines)
    back = sold.return_requested("ret_1", {"MUG-01": 1}, NOW)
    place(
        back.return_settled("ret_1", 1250, NOW),
        a_product("MUG-01", category="kitchen"),
        a_product("TENT-02", category="camp"),
    )
    place(an_order("ord_2"))
    place(an_order_in(Status.CANCELLED, "ord_3"))
    place(an_order_in(Status.COMPLETED, "ord_4", lines=[a_line("OLD-09", 1, 500)]))
    found = queries.categories(CategoriesQuery()).items
    assert [
        (each.month, each.category, each.units, each.returned, each.revenue, each.refunds, each.net) for each in found
    ] == [
        ("2030-05", "camp", 1, 0, 9000, 0, 9000),
        ("2030-05", "kitchen", 2, 1, 2500, 1250, 1250),
        ("2030-05", None, 1, 0, 500, 0, 500),
    ]
    assert queries.categories(CategoriesQuery(until=date(2030, 5, 16))).items == []


@pytest.fixture
def three(place):
    """Three orders, each unlike the others in all that can be filtered."""
    tent, mug = a_product("TENT-02", category="camp"), a_product("MUG-01", category="kitchen")
    place(an_order("ord_1", lines=[a_line("TENT-02", 1, 9000, "Storm tent")], at=days(0)), tent)
    place(an_order_in(Status.COMPLETED, "ord_2", lines=[a_line(name="Enamel mug")], at=days(1)), mug)
    place(an_order_in(Status.CANCELLED, "ord_3", lines=[a_line(name="Tin mugs", price=100)], at=days(2)), mug)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["ord_3", "ord_2", "ord_1"]),
        ({"status": "COMPLETED"}, ["ord_2"]),
        ({"country": "DE"}, []),
        ({"category": "kitchen"}, ["ord_3", "ord_2"]),
        ({"category": "kitchen", "min_total": 2500}, ["ord_2"]),
        ({"max_total": 200}, ["ord_3"]),
        ({"sku": "TENT-02"}, ["ord_1"]),
        ({"since": "2030-05-18", "until": "2030-05-18"}, ["ord_2"]),
        ({"q": "mug"}, ["ord_3", "ord_2"]),
        ({"q": "mug -tin"}, ["ord_2"]),
        ({"q": '"storm tent" or tin'}, ["ord_3", "ord_1"]),
        ({"q": "OUT_OF_STOCK"}, ["ord_3"]),
        ({"q": "lovelace"}, []),
        ({"q": "%' OR 1=1 --"}, []),
    ],
)
def test_search_returns_the_orders_that_match_all_filters(three, queries, filters, found):
    answered = queries.orders(OrderSearch.model_validate(filters))
    assert [each.order_id for each in answered.items] == found
    assert answered.matching == len(found)
    assert answered.matching_total == sum(each.total for each in answered.items)


def test_search_pages_through_orders_of_the_same_time(place, database):
    for number in range(PAGE_SIZE + 3):
        place(an_order(f"ord_{number:02}"))
    request = {"report": "orders", "query": {}}
    queries = ReportQueries(database, TODAY, "EUR")
    first = answer(request, queries)
    second = answer({**request, "query": {"cursor": first["next_cursor"]}}, queries)
    ids = [each["order_id"] for page in (first, second) for each in page["items"]]
    assert ids == [f"ord_{number:02}" for number in reversed(range(PAGE_SIZE + 3))]
    assert second["next_cursor"] is None and second["matching"] == PAGE_SIZE + 3
