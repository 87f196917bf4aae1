"""Money is a whole number of minor units (cents) and a currency, never a float."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.platform.base_model import BaseModel

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]

NOT_HUNDREDTHS: dict[str, int] = json.loads((Path(__file__).parent / "currencies.json").read_text())
"""Decimal places of the currencies that do not have two (ISO 4217). The storefront reads the same file."""


class CurrencyMismatch(Exception):
    """Two amounts of different currencies were added."""


class Money(BaseModel):
    model_config = ConfigDict(frozen=True)

    amount: Annotated[int, Field(ge=0, description="Minor units, for example cents.")]
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} + {other.currency}")
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __str__(self) -> str:
        """Return for example `12.50 EUR`."""
        return f"{decimal_text(self.amount, self.currency)} {self.currency}"

    def times(self, quantity: int) -> "Money":
        return Money(amount=self.amount * quantity, currency=self.currency)


def decimals(currency: str) -> int:
    """Return how many decimal places amounts of this currency have."""
    return NOT_HUNDREDTHS.get(currency, 2)


def decimal_text(amount: int, currency: str) -> str:
    """Return minor units as a decimal number: 1250 EUR is `12.50`, 1250 JPY is `1250`, -5 KWD is `-0.005`."""
    digits = decimals(currency)
    if not digits:
        return str(amount)
    units, rest = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{units}.{rest:0{digits}}"


def total(amounts: list[Money]) -> Money:
    """The sum of at least one amount."""
    first, *rest = amounts
    for amount in rest:
        first = first + amount
    return first
