"""Currencies: the supported ones, with Stripe's minimum charge amounts in minor units
(https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""

from dataclasses import dataclass
from decimal import Decimal

from infra.stripe_sandbox.answers import Refusal, invalid_request

MAXIMUM = 99_999_999


@dataclass(frozen=True)
class Currency:
    minimum: int
    symbol: str = ""
    decimals: int = 2


CURRENCIES = {
    "aed": Currency(200),
    "aud": Currency(50, "$"),
    "bgn": Currency(100),
    "brl": Currency(50),
    "cad": Currency(50, "$"),
    "chf": Currency(50),
    "czk": Currency(1500),
    "dkk": Currency(250),
    "eur": Currency(50, "€"),
    "gbp": Currency(30, "£"),
    "hkd": Currency(400, "$"),
    "huf": Currency(17500),
    "inr": Currency(50, "₹"),
    "jpy": Currency(50, "¥", decimals=0),
    "mxn": Currency(1000, "$"),
    "myr": Currency(200),
    "nok": Currency(300),
    "nzd": Currency(50, "$"),
    "pln": Currency(200),
    "ron": Currency(200),
    "sek": Currency(300),
    "sgd": Currency(50, "$"),
    "thb": Currency(1000),
    "usd": Currency(50, "$"),
}


def written(amount: int, currency: str) -> str:
    """Return the amount as text: 1250 usd as `$12.50`, and `12.50` for a currency without a symbol."""
    unit = CURRENCIES[currency]
    return f"{unit.symbol}{Decimal(amount).scaleb(-unit.decimals):,f}"


def check_chargeable(amount: int, currency: str) -> None:
    minimum = CURRENCIES[currency].minimum
    if amount < minimum:
        raise _out_of_range("at least", minimum, currency, "amount_too_small")
    if amount > MAXIMUM:
        raise _out_of_range("no more than", MAXIMUM, currency, "amount_too_large")


def _out_of_range(relation: str, bound: int, currency: str, code: str) -> Refusal:
    message = f"Amount must be {relation} {written(bound, currency)} {currency}"
    return invalid_request(message, code, param="amount")
