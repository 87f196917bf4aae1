"""Sales rules, and the sales report."""

import csv
import io
from datetime import date
from xml.etree import ElementTree

import pytest

from chalicelib.analytics import report
from chalicelib.analytics.model import (
    Day,
    Sales,
    Sold,
    best_selling,
    by_country,
    last_days,
)
from chalicelib.platform.pages import bar_chart, money
from chalicelib.platform.shop import shop

QUIET = Day("2030-05-16", 0, 0, {})
BUSY = Day("2030-05-17", 3, 23250, {"MUG": Sold(3, 3750), "TENT": Sold(1, 20000), "AXE": Sold(-1, -500)})
NAMES = {"MUG": "Camp mug", "TENT": 'Tent "Fjord" <2>'}


def test_days_until_today_cross_months():
    assert last_days(date(2030, 3, 2), 3) == ["2030-02-28", "2030-03-01", "2030-03-02"]


def test_products_are_ranked_by_what_they_brought_over_all_days():
    earlier = Day("2030-05-15", 1, 30000, {"MUG": Sold(2, 30000)})

    assert best_selling([earlier, QUIET, BUSY]) == [
        ("MUG", Sold(5, 33750)),
        ("TENT", Sold(1, 20000)),
        ("AXE", Sold(-1, -500)),
    ]


@pytest.mark.parametrize(("amount", "text"), [(0, "0.00"), (5, "0.05"), (123456, "1234.56"), (-150, "−1.50")])
def test_money_is_written_with_two_digits(amount, text):
    assert money(amount, "EUR") == text


def test_countries_are_ranked_by_what_they_brought_over_all_days():
    one = Day("2030-05-16", 3, 600, {}, {"NO": Sales(1, 500), "DE": Sales(2, 100)})
    other = Day("2030-05-17", 2, 500, {}, {"DE": Sales(2, 600), "FR": Sales(0, -100)})

    assert by_country([one, other, QUIET]) == [("DE", Sales(4, 700)), ("NO", Sales(1, 500)), ("FR", Sales(0, -100))]


class TestChart:
    def test_bars_are_as_long_as_their_share(self):
        chart = ElementTree.fromstring(bar_chart("Sales", [("a", 100, "1.00"), ("b", 50, "0.50"), ("c", -5, "−0.05")]))

        longest, half = (float(bar.get("style").removeprefix("width: ").removesuffix("%")) for bar in chart.iter("i"))
        assert half == longest / 2
        assert [row.text for row in chart.iterfind("li/span[1]")] == ["a", "b", "c"], (
            "a negative value has no bar but a label"
        )
        assert chart.get("aria-label") == "Sales"

    @pytest.mark.parametrize("bars", [[], [("a", 0, "0.00")]])
    def test_chart_without_data_is_still_a_picture(self, bars):
        assert ElementTree.fromstring(bar_chart("Sales", bars)) is not None


class TestReport:
    def test_report_for_a_spreadsheet_has_a_line_for_each_product(self):
        lines = list(csv.DictReader(io.StringIO(report.as_csv(BUSY, NAMES, shop()).removeprefix("\ufeff"))))

        assert [line["sku"] for line in lines] == ["TENT", "MUG", "AXE"]
        assert lines[0] == {
            "date": "2030-05-17", "sku": "TENT", "name": 'Tent "Fjord" <2>',
            "pieces": "1", "revenue": "20000", "currency": "EUR", "time_zone": "Europe/Berlin",
        }  # fmt: skip

    def test_report_for_people_has_the_same_in_words_and_bars(self):
        page = report.as_html([QUIET, BUSY], NAMES, shop())

        assert "3 orders · 3 pieces · 232.50 EUR" in page
        assert "Tent &quot;Fjord&quot; &lt;2&gt;" in page and "<2>" not in page
        assert page.count('class="chart"') == 2 and "prefers-color-scheme: dark" in page
        assert "AXE" in page, "what has no name any more is called by its sku"

    def test_report_of_a_quiet_day_is_a_page_too(self):
        page = report.as_html([BUSY, QUIET], {}, shop())

        assert "Nothing was sold." in page and page.count('class="chart"') == 1
        assert report.as_csv(QUIET, {}, shop()).removeprefix("\ufeff").splitlines() == [",".join(report.COLUMNS)]
