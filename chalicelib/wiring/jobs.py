"""Composition of the scheduled jobs. Each function imports what it builds, as in `__init__.py`."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from chalicelib import wiring
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings

if TYPE_CHECKING:
    from chalicelib.analytics.reporting import Draw, SalesReports
    from chalicelib.notifications.reminders import CartReminders


@cache
def sales_reports() -> SalesReports:
    from chalicelib.analytics.reporting import SalesReports
    from chalicelib.platform.shop import shop

    return SalesReports(wiring.analytics(), wiring.catalog(), wiring.reports(), shop(), utc_now, _drawing())


def _drawing() -> Draw | None:
    """Return what draws a report, where the function is a container image."""
    if not settings().report_as_pdf:
        return None
    from chalicelib.analytics.report_pdf import as_pdf

    return as_pdf


@cache
def cart_reminders() -> CartReminders:
    from chalicelib.notifications.reminders import CartReminders

    return CartReminders(
        wiring.carts(),
        wiring.reminder_consent(),
        wiring.orders(),
        wiring.catalog(),
        wiring.notifications(),
        utc_now,
        idle=timedelta(hours=settings().abandoned_cart_hours),
    )
