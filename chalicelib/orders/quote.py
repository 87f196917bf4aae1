"""Quote: what the lines of a cart cost now, and whether they can be ordered so."""

from typing import Annotated, ClassVar

from pydantic import Field

from chalicelib.cart.model import Cart
from chalicelib.catalog.model import Product, is_sold
from chalicelib.orders.model import OrderLine
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, UnprocessableRequest
from chalicelib.platform.ids import OrderId, Sku
from chalicelib.platform.money import Money
from chalicelib.pricing.model import Adjustment, has_none
from chalicelib.pricing.model import Quote as Priced


class QuotedLine(BaseModel):
    sku: Sku
    name: str
    image: str
    quantity: int
    unit_price: Money
    total: Money


class Quote(BaseModel):
    lines: list[QuotedLine]
    adjustments: Annotated[list[Adjustment], Field(exclude_if=has_none)] = []
    total: Money


class NewQuote(BaseModel):
    quote: Quote | None = None


class UnavailableLine(BaseModel):
    sku: Sku
    quantity: int
    name: str | None


class UnavailableLines(BaseModel):
    unavailable: list[UnavailableLine] | None = None


class OrderedBefore(BaseModel):
    order_id: OrderId | None = None


class CartEmpty(UnprocessableRequest):
    """There is nothing in the cart to buy."""


class ProductUnavailable(Conflict):
    """A product in the cart is not sold any more."""

    Members: ClassVar = UnavailableLines

    def __init__(self, lines: list[UnavailableLine] | None = None) -> None:
        named = ", ".join(line.name or line.sku for line in lines or [])
        super().__init__(f"Not sold any more: {named}. Please take it out of the cart." if named else "")
        self.members = UnavailableLines(unavailable=lines)


class TotalChanged(Conflict):
    """The cart comes to another total than was expected. Nothing was ordered; the new quote is in `quote`."""

    Members: ClassVar = NewQuote

    def __init__(self, priced: Priced[OrderLine] | None = None) -> None:
        super().__init__()
        self.members = NewQuote(quote=_quote(priced) if priced else None)


class CartAlreadyOrdered(Conflict):
    """The contents of this cart became an order already, under another Idempotency-Key."""

    Members: ClassVar = OrderedBefore

    def __init__(self, order_id: OrderId | None = None) -> None:
        super().__init__()
        self.members = OrderedBefore(order_id=order_id)


def lines_of(cart: Cart, products: dict[Sku, Product]) -> list[OrderLine]:
    """Return the lines of an order of this cart, at the prices of now. Raises CartEmpty, ProductUnavailable."""
    if not cart.lines:
        raise CartEmpty
    gone = [
        UnavailableLine(sku=sku, quantity=quantity, name=products[sku].name if sku in products else cart.names.get(sku))
        for sku, quantity in cart.lines.items()
        if not is_sold(products.get(sku))
    ]
    if gone:
        raise ProductUnavailable(gone)
    return [
        OrderLine(
            sku=sku,
            name=products[sku].name,
            image=products[sku].image,
            quantity=quantity,
            unit_price=products[sku].price,
        )
        for sku, quantity in cart.lines.items()
    ]


def must_be_expected(priced: Priced[OrderLine], expected: Money | None) -> None:
    """Check that the total is the one that the buyer was shown, if it is known. Raises TotalChanged."""
    if expected is not None and priced.total != expected:
        raise TotalChanged(priced)


def _quote(priced: Priced[OrderLine]) -> Quote:
    quoted = [QuotedLine(**line.model_dump(), total=line.total) for line in priced.lines]
    return Quote(lines=quoted, adjustments=list(priced.adjustments), total=priced.total)
