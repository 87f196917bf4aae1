"""Cart view: a cart as the buyer sees it, at the catalog's prices and with the adjustments of the price rules."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.cart.model import Cart
from chalicelib.catalog.model import Product, ProductArchived, ProductNotFound, is_sold
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.ids import Sku
from chalicelib.platform.money import Money
from chalicelib.pricing.model import Adjustment, Rule, has_none
from chalicelib.pricing.quote import quote
from chalicelib.pricing.rules import RULES


class CartLine(BaseModel):
    """A line whose product is not sold any more is `unavailable`: it counts nothing, and can only be removed."""

    sku: Sku
    name: Annotated[str, Field(description="The sku where the name is not known any more.")]
    image: Annotated[str, Field(description="Empty where it is not known any more.")]
    quantity: int
    unit_price: Annotated[Money | None, Field(description="Null where it is not known any more.")]
    total: Money
    available: Annotated[int, Field(description="Units that can be bought now; may be less than the quantity.")]
    unavailable: bool = False


class CartView(BaseModel):
    lines: list[CartLine]
    adjustments: Annotated[
        list[Adjustment], Field(exclude_if=has_none, description="Discounts, shipping costs and taxes, if any.")
    ] = []
    total: Money
    expires_at: datetime | None = None
    cart_token: Annotated[str | None, Field(description="Only when it has just been issued.")] = None


class Offers:
    """Products and availability of the SKUs that one request is about: each SKU is read once, those of a call together.

    `read` returns the products and the available units of SKUs that have any.
    """

    def __init__(self, read: Callable[[list[Sku]], tuple[Mapping[Sku, Product], Mapping[Sku, int]]]) -> None:
        self._read = read
        self._known: set[Sku] = set()
        self._products: dict[Sku, Product] = {}
        self._available: dict[Sku, int] = {}

    def sellable(self, sku: Sku, cart: Cart) -> Product:
        """Return a product that is to be put into the cart. Raises ProductNotFound, ProductArchived."""
        self._look_up([sku, *cart.lines])
        product = self._products.get(sku)
        if product is None:
            raise ProductNotFound
        if product.archived:
            raise ProductArchived
        return product

    def view(self, cart: Cart | None, currency: str, code: str | None = None) -> CartView:
        self._look_up(cart.lines if cart else ())
        return view_of(cart, self._products, self._available, currency, code)

    def _look_up(self, skus: Iterable[Sku]) -> None:
        unknown = [sku for sku in dict.fromkeys(skus) if sku not in self._known]
        if unknown:
            products, available = self._read(unknown)
            self._products |= products
            self._available |= available
            self._known |= set(unknown)


@dataclass(frozen=True)
class _Counted:
    """A line whose product is sold."""

    sku: Sku
    quantity: int
    unit_price: Money


def view_of(
    cart: Cart | None,
    products: Mapping[Sku, Product],
    available: Mapping[Sku, int],
    currency: str,
    code: str | None = None,
    rules: tuple[Rule, ...] = RULES,
) -> CartView:
    """Return the cart with the lines that can be bought priced. The destination is not known yet."""
    nothing = Money(amount=0, currency=currency)
    if cart is None:
        return CartView(lines=[], total=nothing)
    lines = [_line(cart, sku, products.get(sku), available.get(sku, 0), nothing) for sku in cart.lines]
    counted = [
        _Counted(line.sku, line.quantity, line.unit_price) for line in lines if line.unit_price and not line.unavailable
    ]
    quoted = quote(counted, None, code, currency, rules)
    return CartView(lines=lines, adjustments=list(quoted.adjustments), total=quoted.total, expires_at=cart.expires_at)


def _line(cart: Cart, sku: Sku, product: Product | None, available: int, nothing: Money) -> CartLine:
    quantity, counts = cart.lines[sku], is_sold(product)
    return CartLine(
        sku=sku,
        name=product.name if product else cart.names.get(sku, sku),
        image=product.image if product else "",
        quantity=quantity,
        unit_price=product.price if product else None,
        total=product.price.times(quantity) if product and counts else nothing,
        available=available if counts else 0,
        unavailable=not counts,
    )
