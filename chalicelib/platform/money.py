"""Money is a whole number of minor units (cents) and a currency, never a float."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


WITHOUT_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"}
    | {"RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
WITH_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""The currencies whose minor unit is not a hundredth (ISO 4217)."""


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
    if currency in WITHOUT_DECIMALS:
        return 0
    return 3 if currency in WITH_THREE_DECIMALS else 2


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
