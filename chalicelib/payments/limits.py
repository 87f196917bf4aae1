"""Charge limits: the smallest and the largest amount that Stripe takes in one payment, by currency.

Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. Amounts are minor units.
"""

from chalicelib.platform.errors import UnprocessableRequest
from chalicelib.platform.money import Money

LARGEST_CHARGE = 99_999_999
"""Eight digits. Stripe allows more digits for a few currencies; this shop does not use them."""

SMALLEST_CHARGE = {
    "AED": 200,
    "AUD": 50,
    "BGN": 100,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
    "USD": 50,
}


class TotalTooSmall(UnprocessableRequest):
    """The total is below the smallest amount that a card can be charged."""


class TotalTooLarge(UnprocessableRequest):
    """The total is above the largest amount that a card can be charged at once."""


def check_total(total: Money) -> None:
    """Check that an order of this total can be paid. A total of 0 needs no payment.

    Raises TotalTooSmall, TotalTooLarge.
    """
    smallest = SMALLEST_CHARGE.get(total.currency, 1)
    if 0 < total.amount < smallest:
        least = Money(amount=smallest, currency=total.currency)
        raise TotalTooSmall(f"A card can be charged {least} or more, and this order comes to {total}.")
    if total.amount > LARGEST_CHARGE:
        most = Money(amount=LARGEST_CHARGE, currency=total.currency)
        raise TotalTooLarge(f"A card can be charged {most} at most, and this order comes to {total}.")
