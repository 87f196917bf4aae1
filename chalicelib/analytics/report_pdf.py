"""Sales report of a day as PDF, with plots: pure functions. Only the container image has the library that draws it."""

from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from chalicelib.analytics.model import Day, Sold, best_selling, by_country
from chalicelib.platform.ids import Sku
from chalicelib.platform.pages import money
from chalicelib.platform.shop import Shop

A4 = (8.27, 11.69)
"""Inches."""
BAR, INK, QUIET = "#a8233a", "#14262e", "#4d5f66"
BARS, LONGEST_NAME = 12, 40
ROWS_PER_PAGE = 40
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Serif",
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "pdf.fonttype": 42,
    "text.parse_math": False,
}
"""Fonts are part of the document. A `$` in a product's name begins no formula."""


def as_pdf(days: list[Day], names: dict[Sku, str], shop: Shop) -> bytes:
    """Return the report of the last of these days: a page of plots, with the others for comparison, then its products.

    The bytes are the same for the same report: the document holds no time of its making.
    """
    day, written = days[-1], BytesIO()
    title = f"Sales on {day.date} – {shop.name}"
    products = [(_shortened(names.get(sku, sku)), sold) for sku, sold in best_selling([day])]
    about = {"Title": title, "Author": shop.name, "CreationDate": None}
    with rc_context(STYLE), PdfPages(written, metadata=about) as pages:
        pages.savefig(_plots(days, products, shop))
        for begin in range(0, len(products), ROWS_PER_PAGE):
            pages.savefig(_table(products[begin : begin + ROWS_PER_PAGE], day, shop))
    return written.getvalue()


def _page(title: str, subtitle: str) -> Figure:
    figure = Figure(figsize=A4, layout=ConstrainedLayoutEngine(rect=(0.04, 0.04, 0.92, 0.87)))
    FigureCanvasPdf(figure)
    figure.text(0.06, 0.95, title, size=18)
    figure.text(0.06, 0.925, subtitle, size=9, color=QUIET)
    return figure


def _plots(days: list[Day], products: list[tuple[str, Sold]], shop: Shop) -> Figure:
    day, currency = days[-1], shop.currency
    figure = _page(
        f"Sales on {day.date}",
        f"{shop.name} · {day.orders} orders · {day.pieces} units · {money(day.revenue, currency)} {currency}, "
        "less what was returned on this day",
    )
    by_day, by_product, by_place = figure.subplots(3, 1, height_ratios=[2, 3, 2])
    _bars(by_day, f"Revenue of the last {len(days)} days", [(each.date, each.revenue) for each in days], currency)
    best = [(name, sold.revenue) for name, sold in products[:BARS]]
    _bars(by_product, "Revenue by product", best, currency)
    countries = [(country, sales.revenue) for country, sales in by_country([day])][:BARS]
    _bars(by_place, "Revenue by country", countries, currency)
    return figure


def _bars(axes: Axes, title: str, bars: list[tuple[str, int]], currency: str) -> None:
    """Draw a bar for each label with its amount, the first at the top. Equal labels have a bar each."""
    axes.set_title(title, loc="left", size=11)
    if not bars:
        axes.text(0, 0.5, "Nothing was sold.", color=QUIET)
        axes.set_axis_off()
        return
    drawn = axes.barh(range(len(bars)), [amount for _, amount in bars], color=BAR)
    axes.bar_label(drawn, [money(amount, currency) for _, amount in bars], padding=4, size=8)
    axes.set_yticks(range(len(bars)), [label for label, _ in bars], size=8)
    axes.set_xticks([])
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _table(products: list[tuple[str, Sold]], day: Day, shop: Shop) -> Figure:
    figure = _page("Products", f"{shop.name} · {day.date} · days are those of the time zone {shop.time_zone}")
    axes = figure.subplots()
    axes.set_axis_off()
    rows = [[name, str(sold.pieces), money(sold.revenue, shop.currency)] for name, sold in products]
    heads = ["Product", "Units", f"Revenue, {shop.currency}"]
    table = axes.table(rows, colLabels=heads, loc="upper center", colWidths=[0.6, 0.15, 0.25], edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    for (_, column), cell in table.get_celld().items():
        cell.get_text().set_horizontalalignment("left" if column == 0 else "right")
    return figure


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
