"""Money adds up, in one currency and in whole minor units."""

import pytest
from pydantic import ValidationError

from chalicelib.analytics import report
from chalicelib.analytics.model import Day, Sold
from chalicelib.platform.money import CurrencyMismatch, Money, decimal_text, decimals, total
from chalicelib.platform.shop import shop
from chalicelib.product_import.csv_rows import csv_rows
from infra.edge.storefront_edge import pages
from infra.edge.storefront_edge.settings import Settings, Shop
from tests.builders import euros


def test_amounts_of_one_currency_add_up():
    assert euros(1999) + euros(1) == euros(2000)
    assert total([euros(1), euros(2), euros(3)]) == euros(6)


def test_price_is_multiplied_by_a_quantity():
    assert euros(1999).times(3) == euros(5997)


def test_amounts_of_different_currencies_do_not_add_up():
    with pytest.raises(CurrencyMismatch):
        total([euros(1), Money(amount=1, currency="USD")])


@pytest.mark.parametrize("amount", [-1, 0.5, "x", None])
def test_amount_is_a_whole_number_and_never_negative(amount):
    with pytest.raises(ValidationError):
        Money(amount=amount, currency="EUR")


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU", "E1R"])
def test_currency_is_three_capital_letters(currency):
    with pytest.raises(ValidationError):
        Money(amount=1, currency=currency)


def test_money_does_not_change():
    with pytest.raises(ValidationError):
        euros(1).amount = 2


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1250, "EUR", "12.50"),
        (5, "EUR", "0.05"),
        (-5, "EUR", "-0.05"),
        (1250, "JPY", "1250"),
        (-1250, "JPY", "-1250"),
        (1250, "KWD", "1.250"),
        (5, "KWD", "0.005"),
        (0, "EUR", "0.00"),
    ],
)
def test_decimal_text_has_the_decimals_of_the_currency(amount, currency, text):
    assert decimal_text(amount, currency) == text


CURRENCIES = [("EUR", "12.50"), ("JPY", "1250"), ("KWD", "1.250")]
"""1250 minor units of currencies with two, no and three decimals."""


@pytest.mark.parametrize(("currency", "text"), CURRENCIES)
def test_sales_report_writes_revenue_with_the_decimals_of_the_currency(currency, text):
    day = Day("2030-05-17", 1, 1250, {"MUG-01": Sold(1, 1250)})
    shop_in_currency = shop().model_copy(update={"currency": currency})

    assert f"1 pieces · {text} {currency}" in report.as_html([day], {}, shop_in_currency)
    assert f",1,1250,{currency}," in report.as_csv(day, {}, shop_in_currency)


@pytest.mark.parametrize(("currency", "text"), CURRENCIES)
def test_crawlers_pages_write_prices_with_the_decimals_of_the_currency(currency, text):
    settings = Settings("https://shop.example", "", "", "", [], Shop("Shop", "Tagline", "Text.", decimals(currency)))
    item = {"sku": "MUG-01", "name": "Mug", "description": "", "category": "camp", "image": "/mug.svg", "available": 1}

    page = pages.product(settings, item | {"price": {"amount": 1250, "currency": currency}}).html

    assert f"<p>{text} {currency}</p>" in page
    assert f'"price": "{text}"' in page


@pytest.mark.parametrize(("currency", "_"), CURRENCIES)
def test_imported_prices_are_minor_units_of_every_currency(currency, _):
    row, decimal = csv_rows(
        ["sku,price_amount,price_currency\n", f"MUG-01,1250,{currency}\n", f"MUG-02,12.50,{currency}\n"]
    )

    assert row[1]["price"] == Money(amount=1250, currency=currency).model_dump()
    with pytest.raises(ValidationError):
        Money.model_validate(decimal[1]["price"])
