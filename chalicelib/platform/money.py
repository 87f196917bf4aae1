"""Money is a whole number of minor units (cents) and a currency, never a float."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SHOP_CURRENCY = "EUR"
"""The one currency of this shop. A fork that sells in another changes it here and in the seed data."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


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

    def times(self, quantity: int) -> "Money":
        return Money(amount=self.amount * quantity, currency=self.currency)


def total(amounts: list[Money]) -> Money:
    """The sum of at least one amount."""
    first, *rest = amounts
    for amount in rest:
        first = first + amount
    return first
