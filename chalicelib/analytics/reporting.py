"""Scheduled job: write the sales report of yesterday, or on request of another day."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Protocol

from chalicelib.analytics import report
from chalicelib.analytics.model import Day
from chalicelib.analytics.service import Analytics
from chalicelib.catalog.service import Catalog
from chalicelib.platform.clock import Clock
from chalicelib.platform.ids import Sku
from chalicelib.platform.shop import Shop

COMPARED_DAYS = 7

Draw = Callable[[list[Day], dict[Sku, str], Shop], bytes]
"""Draws a report as PDF: see `report_pdf.as_pdf`."""


class ReportFiles(Protocol):
    def write(self, key: str, text: str, kind: str) -> None:
        """Write a text, or replace it. `kind` is the media type's second half."""

    def write_bytes(self, key: str, content: bytes, media_type: str) -> None:
        """Write a file, or replace it."""


class SalesReports:
    """`draw` is None where the library for it is missing; then no PDF is written."""

    def __init__(
        self,
        analytics: Analytics,
        catalog: Catalog,
        reports: ReportFiles,
        shop: Shop,
        clock: Clock,
        draw: Draw | None = None,
    ) -> None:
        self._analytics = analytics
        self._catalog = catalog
        self._reports = reports
        self._shop = shop
        self._clock = clock
        self._draw = draw

    def write(self, of: str | None = None) -> str:
        """Write the report of yesterday, or of this ISO date, in the shop's time zone; replace an existing one.

        Return the key without its extension. Raises ValueError for an invalid date.
        """
        day = date.fromisoformat(of) if of else self._shop.day_of(self._clock()) - timedelta(days=1)
        days = self._analytics.sales_until(day, COMPARED_DAYS)
        products = self._catalog.products(list(days[-1].products))
        names = {sku: product.name for sku, product in products.items()}
        key = f"sales/{day.isoformat()}"
        self._reports.write(f"{key}.csv", report.as_csv(days[-1], names, self._shop), "csv")
        self._reports.write(f"{key}.html", report.as_html(days, names, self._shop), "html")
        if self._draw:
            drawn = self._draw(days, names, self._shop)
            self._reports.write_bytes(f"{key}.pdf", drawn, "application/pdf")
        return key
