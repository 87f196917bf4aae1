"""Money adds up, in one currency and in whole minor units."""

import pytest
from pydantic import ValidationError

from chalicelib.platform.money import CurrencyMismatch, Money, decimal_text, total
from tests.builders import euros


def test_amounts_of_one_currency_add_up():
    assert euros(1999) + euros(1) == euros(2000)
    assert total([euros(1), euros(2), euros(3)]) == euros(6)


def test_a_price_times_a_quantity():
    assert euros(1999).times(3) == euros(5997)


def test_amounts_of_different_currencies_do_not_add_up():
    with pytest.raises(CurrencyMismatch):
        total([euros(1), Money(amount=1, currency="USD")])


@pytest.mark.parametrize("amount", [-1, 0.5, "x", None])
def test_an_amount_is_a_whole_number_and_never_negative(amount):
    with pytest.raises(ValidationError):
        Money(amount=amount, currency="EUR")


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU", "E1R"])
def test_a_currency_is_three_capital_letters(currency):
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
