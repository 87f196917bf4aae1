"""The cart over HTTP. Names, prices and availability are the catalog's and the inventory's, as of now."""

from datetime import datetime
from typing import Annotated

from chalice import Blueprint
from pydantic import Field

from chalicelib import wiring
from chalicelib.cart.model import MAX_QUANTITY, Cart, CartBusy, CartFull, CartTokenInvalid
from chalicelib.catalog.model import Product, ProductArchived, ProductNotFound, is_sold
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.money import Money, total
from chalicelib.platform.shop import shop

routes = Blueprint(__name__)

TOKEN = "X-Cart-Token"


class QuantityChange(BaseModel):
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]


class CartLine(BaseModel):
    """A line whose product is not sold any more is `unavailable`: it counts nothing, and can only be removed."""

    sku: str
    name: Annotated[str, Field(description="The sku where the name is not known any more.")]
    image: Annotated[str, Field(description="Empty where it is not known any more.")]
    quantity: int
    unit_price: Annotated[Money | None, Field(description="Null where it is not known any more.")]
    total: Money
    available: Annotated[int, Field(description="Units that can be bought now; may be less than the quantity.")]
    unavailable: bool = False


class CartView(BaseModel):
    lines: list[CartLine]
    total: Money
    expires_at: datetime | None = None
    cart_token: Annotated[str | None, Field(description="Only when it has just been issued.")] = None


class LeftOver(BaseModel):
    sku: str
    quantity: int


class ClaimedCart(CartView):
    not_taken_over: Annotated[
        list[LeftOver],
        Field(description="What there was no room for. It stays in the guest's cart; a later claim moves it."),
    ]


@endpoint(
    routes, "GET", "/cart", summary="Get the cart",
    headers=(TOKEN,), answer=CartView, refusals=(CartTokenInvalid,),
)  # fmt: skip
def get_cart(call: Call) -> CartView:
    """Return the caller's cart at current prices and availability. Guests send their cart token."""
    return _view(wiring.carts().read(call.caller, _token(call)))


@endpoint(
    routes, "PUT", "/cart/items/{sku}", summary="Set the quantity of a product in the cart",
    headers=(TOKEN,), body=QuantityChange, answer=CartView, answer_headers=(TOKEN,),
    refusals=(ProductNotFound, ProductArchived, CartTokenInvalid, CartFull, CartBusy),
)  # fmt: skip
def put_cart_item(call: Call, sku: str, body: QuantityChange) -> Answer:
    """Set the quantity of a product. A guest's first write creates the cart and returns its token."""
    product = wiring.catalog().sellable(sku)
    cart, issued = wiring.carts().set_quantity(call.caller, _token(call), sku, body.quantity, product.name)
    view = _view(cart).model_copy(update={"cart_token": issued})
    return Answer(view, {TOKEN: issued} if issued else {})


@endpoint(
    routes, "DELETE", "/cart/items/{sku}", summary="Remove a product from the cart",
    headers=(TOKEN,), answer=CartView, refusals=(CartTokenInvalid, CartBusy),
)  # fmt: skip
def delete_cart_item(call: Call, sku: str) -> CartView:
    """Remove a product from the cart. Succeeds if it is not in the cart."""
    return _view(wiring.carts().remove(call.caller, _token(call), sku))


@endpoint(
    routes, "POST", "/cart/claim", summary="Claim a guest's cart", access="customer",
    headers=(TOKEN,), answer=ClaimedCart, refusals=(CartTokenInvalid, CartBusy),
)  # fmt: skip
def claim_cart(call: Call) -> ClaimedCart:
    """Merge the guest's cart into the customer's. Repeating the call changes nothing."""
    own, left = wiring.carts().claim(call.customer_id, _token(call) or "", call.caller.email)
    left_over = [LeftOver(sku=sku, quantity=quantity) for sku, quantity in left.lines.items()]
    return ClaimedCart(**dict(_view(own)), not_taken_over=left_over)


def _token(call: Call) -> str | None:
    return call.headers.get(TOKEN.lower())


def _view(cart: Cart | None) -> CartView:
    nothing = Money(amount=0, currency=shop().currency)
    if cart is None:
        return CartView(lines=[], total=nothing)
    products = wiring.catalog().products(list(cart.lines))
    available = wiring.inventory().available(list(products))
    lines = [_line(cart, sku, products.get(sku), available.get(sku, 0), nothing) for sku in cart.lines]
    amounts = [nothing, *(line.total for line in lines)]
    return CartView(lines=lines, total=total(amounts), expires_at=cart.expires_at)


def _line(cart: Cart, sku: str, product: Product | None, available: int, nothing: Money) -> CartLine:
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
