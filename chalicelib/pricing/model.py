"""Price model: lines, the adjustments that rules add to them, and the quote that both come to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import ConfigDict, Field

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.ids import Sku
from chalicelib.platform.money import Money, total


class PricedLine(Protocol):
    """A line as pricing reads it: the cart's, the checkout's and the order's lines have this shape."""

    @property
    def sku(self) -> Sku: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_price(self) -> Money: ...


LineT = TypeVar("LineT", bound=PricedLine)


class AdjustmentKind(StrEnum):
    """Discounts and taxes belong to the items, so each returned item takes its part back. A shipping cost belongs to
    the order."""

    DISCOUNT = "DISCOUNT"
    SHIPPING = "SHIPPING"
    TAX = "TAX"


class Adjustment(BaseModel):
    """What is added to the lines of an order, or taken off."""

    model_config = ConfigDict(frozen=True)

    kind: AdjustmentKind
    label: Annotated[str, Field(examples=["Summer coupon"])]
    amount: Annotated[int, Field(description="Minor units of the total's currency; a discount is below zero.")]


@dataclass(frozen=True)
class Basket:
    """What a rule reads. `country` is the destination's, None until it is known; `total` is minor units, the earlier
    rules' adjustments included."""

    lines: Sequence[PricedLine]
    country: str | None
    code: str | None
    adjustments: tuple[Adjustment, ...]
    total: int

    @property
    def subtotal(self) -> int:
        """What the lines cost without adjustments."""
        return sum(line.quantity * line.unit_price.amount for line in self.lines)


Rule = Callable[[Basket], Adjustment | None]


@dataclass(frozen=True)
class Quote(Generic[LineT]):
    lines: list[LineT]
    adjustments: tuple[Adjustment, ...]
    total: Money


def total_of(lines: Sequence[PricedLine], adjustments: Sequence[Adjustment], currency: str) -> Money:
    """Return what lines and adjustments come to. Raises CurrencyMismatch."""
    items = total([Money(amount=0, currency=currency), *(line.unit_price.times(line.quantity) for line in lines)])
    return Money(amount=items.amount + sum(each.amount for each in adjustments), currency=currency)


def has_none(adjustments: Sequence[object]) -> bool:
    """For `exclude_if`: an answer without adjustments does not contain the field."""
    return not adjustments
