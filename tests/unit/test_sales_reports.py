"""The sales report of a day: which day it is about, and what it is called."""

from datetime import UTC, datetime

import pytest

from chalicelib.analytics.model import Day, Sold, last_days
from chalicelib.analytics.reporting import SalesReports
from chalicelib.platform.documents import Documents
from chalicelib.platform.shop import FILE, Shop
from tests.builders import a_product
from tests.fakes import FakeBucket

BERLIN = Shop.model_validate_json(FILE.read_bytes()).model_copy(update={"time_zone": "Europe/Berlin"})
AFTER_MIDNIGHT_IN_BERLIN = datetime(2030, 5, 17, 22, 30, tzinfo=UTC)


class Sales:
    def sales_until(self, last, days):
        return [Day(date, 1, 2500, {"MUG-01": Sold(2, 2500), "GONE": Sold(1, 900)}) for date in last_days(last, days)]


class Products:
    def products(self, skus):
        return {sku: a_product(sku) for sku in skus if sku != "GONE"}


@pytest.fixture
def bucket():
    return FakeBucket()


@pytest.fixture
def reports(bucket):
    return SalesReports(Sales(), Products(), Documents(bucket, "reports"), BERLIN, lambda: AFTER_MIDNIGHT_IN_BERLIN)


def test_sales_report_is_about_yesterday_in_the_shops_time_zone(reports, bucket):
    assert reports.write() == "sales/2030-05-17"
    assert set(bucket.files) == {"sales/2030-05-17.csv", "sales/2030-05-17.html"}
    assert "2030-05-17,MUG-01,Camp mug,2,2500" in bucket.files["sales/2030-05-17.csv"]


def test_sales_report_is_a_pdf_too_where_it_can_be_drawn(bucket):
    drawn = SalesReports(
        Sales(), Products(), Documents(bucket, "reports"), BERLIN, lambda: AFTER_MIDNIGHT_IN_BERLIN,
        lambda days, names, shop: f"%PDF {days[-1].date} {names} {shop.currency}".encode(),
    )  # fmt: skip
    drawn.write()
    assert bucket.files["sales/2030-05-17.pdf"] == "%PDF 2030-05-17 {'MUG-01': 'Camp mug'} EUR"


def test_sales_report_of_a_given_day_is_about_that_day(reports, bucket):
    assert reports.write("2030-02-03") == "sales/2030-02-03"
    assert "Sales on 2030-02-03" in bucket.files["sales/2030-02-03.html"]


def test_sales_report_names_a_product_that_is_gone_by_its_sku(reports, bucket):
    reports.write()

    assert "2030-05-17,GONE,,1,900" in bucket.files["sales/2030-05-17.csv"]


def test_sales_report_of_an_invalid_date_is_refused(reports):
    with pytest.raises(ValueError, match="day"):
        reports.write("2030-02-30")
