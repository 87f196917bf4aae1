"""Scheduled job: write the sales report of yesterday, or on request of another day."""

from datetime import date, timedelta

from chalicelib import wiring
from chalicelib.analytics import report
from chalicelib.platform.clock import utc_now
from chalicelib.platform.shop import shop

COMPARED_DAYS = 7


def write_sales_report(of: str | None = None) -> str:
    """Write the report of yesterday, or of this ISO date, in the shop's time zone; replace an existing one.

    Return the key without its extension. Raises ValueError for an invalid date.
    """
    day = date.fromisoformat(of) if of else shop().day_of(utc_now()) - timedelta(days=1)
    days = wiring.analytics().sales_until(day, COMPARED_DAYS)
    products = wiring.catalog().products(list(days[-1].products))
    names = {sku: product.name for sku, product in products.items()}
    key = f"sales/{day.isoformat()}"
    reports = wiring.reports()
    reports.write(f"{key}.csv", report.as_csv(days[-1], names, shop()), "csv")
    reports.write(f"{key}.html", report.as_html(days, names, shop()), "html")
    return key
