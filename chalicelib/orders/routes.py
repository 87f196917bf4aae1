"""Orders over HTTP. How the payment and the shipment stand is joined in from their own rooms."""

from typing import Annotated

from chalice import Blueprint
from pydantic import BaseModel, Field, StringConstraints

from chalicelib import wiring
from chalicelib.cart.model import CartTokenInvalid
from chalicelib.cart.routes import TOKEN as CART_TOKEN
from chalicelib.orders.checkout import CheckoutRequest
from chalicelib.orders.model import (
    Address,
    CartEmpty,
    CheckoutBusy,
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    Moment,
    Order,
    OrderNotFound,
    OrderTokenRequired,
    ProductUnavailable,
    Reason,
    Status,
)
from chalicelib.payments.model import Payment
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.money import Money
from chalicelib.shipping.model import Shipment

routes = Blueprint(__name__)

ORDER_TOKEN = "X-Order-Token"
IDEMPOTENCY_KEY = "Idempotency-Key"


class OrderAccepted(BaseModel):
    order_id: str
    status: Status
    total: Money
    order_token: Annotated[str | None, Field(description="Opens the order for a guest. Given here only.")] = None


class LineView(BaseModel):
    sku: str
    name: str
    image: str
    quantity: int
    unit_price: Money
    total: Money


class PaymentView(BaseModel):
    """Minor units of `currency`."""

    status: str
    currency: str
    amount: int
    captured: int
    refunded: int
    decline_code: str | None = None


class ShipmentView(BaseModel):
    status: str
    carrier: str | None = None
    tracking_number: str | None = None


class OrderSummary(BaseModel):
    order_id: str
    status: Status
    reason: Reason | None
    placed_at: str
    lines: list[LineView]
    total: Money
    history: list[Moment]


class OrderView(OrderSummary):
    email: str
    shipping_address: Address
    payment: PaymentView | None
    shipment: ShipmentView | None


class OrderPage(BaseModel):
    items: list[OrderSummary]
    next_cursor: str | None


class PageQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


class AdminOrderQuery(PageQuery):
    status: Status = Status.PLACED


@endpoint(
    routes, "POST", "/orders", summary="Place an order from the caller's cart", status=202,
    headers=(IDEMPOTENCY_KEY, CART_TOKEN), body=CheckoutRequest, answer=OrderAccepted, answer_headers=("Location",),
    refusals=(
        IdempotencyKeyInvalid, IdempotencyConflict, CartTokenInvalid, CartEmpty, CheckoutBusy, ProductUnavailable,
    ),
)  # fmt: skip
def place_order(call: Call, body: CheckoutRequest) -> Answer:
    order, token = wiring.checkout().place(
        call.caller, call.headers.get(CART_TOKEN.lower()), call.headers.get(IDEMPOTENCY_KEY.lower()), body
    )
    # The status of a new order, also when the answer is repeated later: the same again.
    accepted = OrderAccepted(order_id=order.id, status=Status.PLACED, total=order.total, order_token=token)
    return Answer(accepted, {"Location": f"orders/{order.id}"})


@endpoint(
    routes, "GET", "/orders", summary="The customer's orders, newest first", access="customer",
    query=PageQuery, answer=OrderPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_orders(call: Call, query: PageQuery) -> OrderPage:
    return _page(*wiring.orders().of_customer(call.caller.customer_id, query.cursor))


@endpoint(
    routes, "GET", "/orders/{order_id}", summary="One order, for its owner",
    headers=(ORDER_TOKEN,), answer=OrderView, refusals=(OrderTokenRequired, OrderNotFound),
)  # fmt: skip
def get_order(call: Call, order_id: str) -> OrderView:
    order = wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id)
    return OrderView(
        **_summary(order).model_dump(),
        email=order.email,
        shipping_address=order.shipping_address,
        payment=_payment(wiring.payments().of(order.id)),
        shipment=_shipment(wiring.shipping().of(order.id)),
    )


@endpoint(
    routes, "GET", "/admin/orders", summary="The shop's orders in one status, newest first", access="admin",
    query=AdminOrderQuery, answer=OrderPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_all_orders(call: Call, query: AdminOrderQuery) -> OrderPage:
    return _page(*wiring.orders().in_status(query.status, query.cursor))


def _page(orders: list[Order], next_cursor: str | None) -> OrderPage:
    return OrderPage(items=[_summary(order) for order in orders], next_cursor=next_cursor)


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(
        order_id=order.id,
        status=order.status,
        reason=order.reason,
        placed_at=order.placed_at,
        lines=[LineView(**line.model_dump(), total=line.total) for line in order.lines],
        total=order.total,
        history=list(order.history),
    )


def _payment(payment: Payment | None) -> PaymentView | None:
    if payment is None or payment.amount is None:
        return None
    return PaymentView(
        status=payment.status,
        currency=payment.amount.currency,
        amount=payment.amount.amount,
        captured=payment.captured,
        refunded=payment.refunded,
        decline_code=payment.decline_code,
    )


def _shipment(shipment: Shipment | None) -> ShipmentView | None:
    return ShipmentView.model_validate(shipment.model_dump()) if shipment else None
