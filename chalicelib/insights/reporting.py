"""Writing the sales report. Runs by the clock, and for any day by hand."""

from datetime import date, timedelta

from chalicelib import wiring
from chalicelib.insights import report
from chalicelib.platform.clock import utc_now
from chalicelib.platform.shop import shop

COMPARED_DAYS = 7


def write_sales_report(of: str | None = None) -> str:
    """Write the report of yesterday, or of this ISO date, in the shop's time zone; replace it if there is one.

    Returns the key without its ending. Raises ValueError for what is no date.
    """
    day = date.fromisoformat(of) if of else shop().day_of(utc_now()) - timedelta(days=1)
    days = wiring.insights().sales_until(day, COMPARED_DAYS)
    products = wiring.catalog().products(list(days[-1].products))
    names = {sku: product.name for sku, product in products.items()}
    key = f"sales/{day.isoformat()}"
    reports = wiring.reports()
    reports.write(f"{key}.csv", report.as_csv(days[-1], names, shop()), "csv")
    reports.write(f"{key}.html", report.as_html(days, names, shop()), "html")
    return key
