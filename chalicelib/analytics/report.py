"""Sales report of a day, as CSV and as HTML: pure functions."""

from html import escape

from chalicelib.analytics.model import Day, best_selling
from chalicelib.platform import sheets
from chalicelib.platform.ids import Sku
from chalicelib.platform.pages import bar_chart, money, page, table
from chalicelib.platform.shop import Shop

COLUMNS = ["date", "sku", "name", "pieces", "revenue", "currency", "time_zone"]
"""Revenue is minor units, less what was returned on that day; the date is a day of that time zone."""
BARS = 12


def as_csv(day: Day, names: dict[Sku, str], shop: Shop) -> str:
    place = [shop.currency, shop.time_zone]
    return sheets.written(
        COLUMNS,
        ([day.date, sku, names.get(sku, ""), sold.pieces, sold.revenue, *place] for sku, sold in best_selling([day])),
    )


def as_html(days: list[Day], names: dict[Sku, str], shop: Shop) -> str:
    """Return the report of the last of these days, with the others for comparison."""
    day, currency = days[-1], shop.currency
    products = [(names.get(sku, sku), sold) for sku, sold in best_selling([day])]
    rows = [[name, str(sold.pieces), money(sold.revenue, currency)] for name, sold in products]
    by_product = bar_chart(
        "Revenue by product", [(name, sold.revenue, money(sold.revenue, currency)) for name, sold in products[:BARS]]
    )
    by_day = bar_chart("Revenue by day", [(each.date, each.revenue, money(each.revenue, currency)) for each in days])
    return page(
        f"Sales on {day.date} – {shop.name}",
        f"<h1>Sales on {day.date}</h1>\n"
        f'<p class="quiet">{escape(shop.name)} · {day.orders} orders · {day.pieces} pieces · '
        f"{money(day.revenue, currency)} {currency}, less what was returned on this day</p>\n"
        f'<p class="quiet">Days are those of the time zone {escape(shop.time_zone)}.</p>\n'
        f"<h2>The last {len(days)} days</h2>\n{by_day}\n"
        f"<h2>Products</h2>\n{by_product if products else '<p>Nothing was sold.</p>'}\n"
        + table(
            ["Product", "Pieces", f"Revenue, {currency}"],
            rows,
            ["Total", str(day.pieces), money(day.revenue, currency)],
        ),
    )
