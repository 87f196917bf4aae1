"""Reports over HTTP, for admins."""

from chalice import Blueprint

from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import Call, endpoint
from chalicelib.reporting.client import ReportingOff
from chalicelib.reporting.reports import (
    Categories,
    CategoriesQuery,
    Cohorts,
    CohortsQuery,
    OrderSearch,
    ReportedOrders,
)
from chalicelib.wiring import operators as wired

routes = Blueprint(__name__)


@endpoint(
    routes, "GET", "/admin/reports/cohorts", summary="Get customers by the month of their first order",
    access="admin", query=CohortsQuery, answer=Cohorts, refusals=(ReportingOff,),
)  # fmt: skip
def get_cohorts(call: Call, query: CohortsQuery) -> Cohorts:
    """Return how many customers of each month ordered again, and when. Cancelled orders do not count. The reporting
    database follows the shop within seconds."""
    return wired.reports().cohorts(query)


@endpoint(
    routes, "GET", "/admin/reports/categories", summary="Get revenue by category and month",
    access="admin", query=CategoriesQuery, answer=Categories, refusals=(ReportingOff,),
)  # fmt: skip
def get_categories(call: Call, query: CategoriesQuery) -> Categories:
    """Return revenue and refunds of completed orders. What was refunded outside of a return belongs to no category."""
    return wired.reports().categories(query)


@endpoint(
    routes, "GET", "/admin/reports/orders", summary="Search orders by any combination of filters",
    access="admin", query=OrderSearch, answer=ReportedOrders, refusals=(CursorInvalid, ReportingOff),
)  # fmt: skip
def search_reported_orders(call: Call, query: OrderSearch) -> ReportedOrders:
    """Return orders that match all filters, newest first. The words are those of numbers, statuses and products, and
    never those of buyers: the reporting database does not hold their names, emails and addresses."""
    return wired.reports().orders(query.checked())
