"""The cart over HTTP. Names, prices and availability are the catalog's and the inventory's, as of now."""

from datetime import datetime
from typing import Annotated

from chalice import Blueprint
from pydantic import BaseModel, Field

from chalicelib import wiring
from chalicelib.cart.model import MAX_QUANTITY, Cart, CartBusy, CartFull, CartTokenInvalid
from chalicelib.catalog.model import ProductArchived, ProductNotFound
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.money import Money, total
from chalicelib.platform.shop import shop

routes = Blueprint(__name__)

TOKEN = "X-Cart-Token"


class QuantityChange(BaseModel):
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]


class CartLine(BaseModel):
    sku: str
    name: str
    image: str
    quantity: int
    unit_price: Money
    total: Money
    available: int


class CartView(BaseModel):
    lines: list[CartLine]
    total: Money
    expires_at: datetime | None = None
    cart_token: Annotated[str | None, Field(description="Only when it has just been issued.")] = None


@endpoint(
    routes, "GET", "/cart", summary="The caller's cart",
    headers=(TOKEN,), answer=CartView, refusals=(CartTokenInvalid,),
)  # fmt: skip
def get_cart(call: Call) -> CartView:
    return _view(wiring.carts().read(call.caller, _token(call)))


@endpoint(
    routes, "PUT", "/cart/items/{sku}", summary="Set how many pieces of a product are in the cart",
    headers=(TOKEN,), body=QuantityChange, answer=CartView, answer_headers=(TOKEN,),
    refusals=(ProductNotFound, ProductArchived, CartTokenInvalid, CartFull, CartBusy),
)  # fmt: skip
def put_cart_item(call: Call, sku: str, body: QuantityChange) -> Answer:
    wiring.catalog().sellable(sku)
    cart, issued = wiring.carts().set_quantity(call.caller, _token(call), sku, body.quantity)
    view = _view(cart).model_copy(update={"cart_token": issued})
    return Answer(view, {TOKEN: issued} if issued else {})


@endpoint(
    routes, "DELETE", "/cart/items/{sku}", summary="Take a product out of the cart",
    headers=(TOKEN,), answer=CartView, refusals=(CartTokenInvalid, CartBusy),
)  # fmt: skip
def delete_cart_item(call: Call, sku: str) -> CartView:
    return _view(wiring.carts().remove(call.caller, _token(call), sku))


@endpoint(
    routes, "POST", "/cart/claim", summary="Move a guest's cart into the customer's", access="customer",
    headers=(TOKEN,), answer=CartView, refusals=(CartTokenInvalid, CartBusy),
)  # fmt: skip
def claim_cart(call: Call) -> CartView:
    return _view(wiring.carts().claim(call.customer_id, _token(call) or "", call.caller.email))


def _token(call: Call) -> str | None:
    return call.headers.get(TOKEN.lower())


def _view(cart: Cart | None) -> CartView:
    nothing = Money(amount=0, currency=shop().currency)
    if cart is None:
        return CartView(lines=[], total=nothing)
    products = wiring.catalog().products(list(cart.lines))
    available = wiring.inventory().available(list(products))
    lines = [
        CartLine(
            sku=sku,
            name=products[sku].name,
            image=products[sku].image,
            quantity=quantity,
            unit_price=products[sku].price,
            total=products[sku].price.times(quantity),
            available=available.get(sku, 0),
        )
        for sku, quantity in cart.lines.items()
        if sku in products
    ]
    amounts = [nothing, *(line.total for line in lines)]
    return CartView(lines=lines, total=total(amounts), expires_at=cart.expires_at)
