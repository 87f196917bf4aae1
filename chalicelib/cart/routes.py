"""The cart over HTTP. Names, prices and availability are the catalog's and the inventory's, as of now."""

from typing import Annotated

from chalice import Blueprint
from pydantic import Field

from chalicelib import wiring
from chalicelib.cart.model import MAX_QUANTITY, Cart, CartBusy, CartFull, CartTokenInvalid
from chalicelib.cart.view import CartView, Offers
from chalicelib.catalog.model import ProductArchived, ProductNotFound
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.headers import CART_TOKEN
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.ids import Sku
from chalicelib.platform.shop import shop

routes = Blueprint(__name__)


class QuantityChange(BaseModel):
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]


class CartQuery(BaseModel):
    code: Annotated[
        str | None, Field(min_length=1, max_length=64, description="A coupon code. Unknown codes change nothing.")
    ] = None


class LeftOver(BaseModel):
    sku: Sku
    quantity: int


class ClaimedCart(CartView):
    not_taken_over: Annotated[
        list[LeftOver],
        Field(description="What there was no room for. It stays in the guest's cart; a later claim moves it."),
    ]


@endpoint(
    routes, "GET", "/cart", summary="Get the cart",
    headers=(CART_TOKEN,), query=CartQuery, answer=CartView, refusals=(CartTokenInvalid,),
)  # fmt: skip
def get_cart(call: Call, query: CartQuery) -> CartView:
    """Return the caller's cart at current prices and availability. Guests send their cart token."""
    return _view(wiring.carts().read(call.caller, _token(call)), query.code)


@endpoint(
    routes, "PUT", "/cart/items/{sku}", summary="Set the quantity of a product in the cart",
    headers=(CART_TOKEN,), body=QuantityChange, answer=CartView, answer_headers=(CART_TOKEN,),
    refusals=(ProductNotFound, ProductArchived, CartTokenInvalid, CartFull, CartBusy),
)  # fmt: skip
def put_cart_item(call: Call, sku: Sku, body: QuantityChange) -> Answer:
    """Set the quantity of a product. A guest's first write creates the cart and returns its token."""
    offers = Offers(wiring.offered)
    cart, issued = wiring.carts().set_quantity(
        call.caller, _token(call), sku, body.quantity, lambda cart: offers.sellable(sku, cart).name
    )
    view = offers.view(cart, shop().currency).model_copy(update={"cart_token": issued})
    return Answer(view, {CART_TOKEN: issued} if issued else {})


@endpoint(
    routes, "DELETE", "/cart/items/{sku}", summary="Remove a product from the cart",
    headers=(CART_TOKEN,), answer=CartView, refusals=(CartTokenInvalid, CartBusy),
)  # fmt: skip
def delete_cart_item(call: Call, sku: Sku) -> CartView:
    """Remove a product from the cart. Succeeds if it is not in the cart."""
    return _view(wiring.carts().remove(call.caller, _token(call), sku))


@endpoint(
    routes, "POST", "/cart/claim", summary="Claim a guest's cart", access="customer",
    headers=(CART_TOKEN,), answer=ClaimedCart, refusals=(CartTokenInvalid, CartBusy),
)  # fmt: skip
def claim_cart(call: Call) -> ClaimedCart:
    """Merge the guest's cart into the customer's. Repeating the call changes nothing."""
    own, left = wiring.carts().claim(call.customer_id, _token(call) or "", call.caller.email)
    left_over = [LeftOver(sku=sku, quantity=quantity) for sku, quantity in left.lines.items()]
    return ClaimedCart(**dict(_view(own)), not_taken_over=left_over)


def _token(call: Call) -> str | None:
    return call.headers.get(CART_TOKEN.lower())


def _view(cart: Cart | None, code: str | None = None) -> CartView:
    return Offers(wiring.offered).view(cart, shop().currency, code)
