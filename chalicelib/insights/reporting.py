"""Writing the sales report. Runs by the clock, and for any day by hand."""

from datetime import date, timedelta

from chalicelib import wiring
from chalicelib.insights import report
from chalicelib.platform.clock import utc_now
from chalicelib.platform.shop import shop

COMPARED_DAYS = 7


def write_sales_report(of: str | None = None) -> str:
    """Of yesterday, or of this ISO date, in UTC. Returns the key without its ending; written again, it is replaced.

    Raises ValueError for what is no date.
    """
    day = date.fromisoformat(of) if of else utc_now().date() - timedelta(days=1)
    days = wiring.insights().sales_until(day, COMPARED_DAYS)
    products = wiring.catalog().products(list(days[-1].products))
    names = {sku: product.name for sku, product in products.items()}
    key = f"sales/{day.isoformat()}"
    reports = wiring.reports()
    reports.write(f"{key}.csv", report.as_csv(days[-1], names, shop().currency), "csv")
    reports.write(f"{key}.html", report.as_html(days, names, shop().currency), "html")
    return key
