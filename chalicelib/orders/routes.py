"""Orders over HTTP. The state of payment and shipment is joined in from their own rooms."""

from collections import Counter
from dataclasses import replace
from typing import Annotated

from chalice import Blueprint
from pydantic import ConfigDict, Field, StringConstraints

from chalicelib import wiring
from chalicelib.cart.model import MAX_LINES, CartTokenInvalid
from chalicelib.orders.checkout import CheckoutBusy, CheckoutRequest
from chalicelib.orders.keys import new_return_id
from chalicelib.orders.model import Order, Reason, Status, TooLateToCancel
from chalicelib.orders.quote import CartAlreadyOrdered, CartEmpty, ProductUnavailable, TotalChanged
from chalicelib.orders.returns import NothingToReturn, OrderNotReturnable, ReturnExceedsOrder, ReturnLineUnknown
from chalicelib.orders.service import NOT_OPENED
from chalicelib.orders.views import (
    OrderPage,
    OrderView,
    ReturnLine,
    order_page,
    order_view,
)
from chalicelib.payments.limits import TotalTooLarge, TotalTooSmall
from chalicelib.payments.model import Payment
from chalicelib.payments.provider import PaymentDisputed
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.headers import CART_TOKEN, ORDER_TOKEN, VARIANT
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.ids import OrderId, ReturnId, Sku
from chalicelib.platform.log import log
from chalicelib.platform.money import Money
from chalicelib.platform.request_keys import IDEMPOTENCY_KEY, IdempotencyConflict, IdempotencyKeyInvalid, valid_key

routes = Blueprint(__name__)


class OrderAccepted(BaseModel):
    order_id: OrderId
    status: Status
    total: Money
    order_token: Annotated[str | None, Field(description="Opens the order for a guest. Given here only.")] = None


class CancellationAccepted(BaseModel):
    order_id: OrderId
    status: Status


class ConfirmationAccepted(BaseModel):
    order_id: OrderId
    status: Status


class ReturnRequest(BaseModel):
    """An unknown field is refused: a misspelt `lines` would send everything back."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[
        list[ReturnLine] | None, Field(min_length=1, max_length=MAX_LINES, description="All that is left if absent.")
    ] = None

    @property
    def wanted(self) -> dict[Sku, int] | None:
        if self.lines is None:
            return None
        return dict(sum((Counter({line.sku: line.quantity}) for line in self.lines), Counter()))


class ReturnAccepted(BaseModel):
    order_id: OrderId
    return_id: ReturnId
    refund: Annotated[
        Money, Field(description="What will be refunded: the items' value, or at most what the shop still has of it.")
    ]


class PageQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


@endpoint(
    routes, "POST", "/orders", summary="Place an order", status=202,
    required_headers=(IDEMPOTENCY_KEY,), headers=(CART_TOKEN, VARIANT), body=CheckoutRequest,
    answer=OrderAccepted, answer_headers=("Location",),
    refusals=(
        IdempotencyKeyInvalid, IdempotencyConflict, CartTokenInvalid, CartEmpty, CartAlreadyOrdered, CheckoutBusy,
        ProductUnavailable, TotalChanged, TotalTooSmall, TotalTooLarge,
    ),
)  # fmt: skip
def place_order(call: Call, body: CheckoutRequest) -> Answer:
    """Price the cart, create the order and start its fulfilment. The price always comes from the catalog: if
    `expected_total` differs, nothing is ordered and the response carries a new quote. Poll the order or follow it over
    the WebSocket API.
    """
    order, token = wiring.checkout().place(
        replace(call.caller, client=wiring.client_of(call)),
        call.headers.get(CART_TOKEN.lower()),
        call.headers.get(IDEMPOTENCY_KEY.lower()),
        body,
        wiring.variant_of(call),
    )
    log.append_keys(order_id=order.id, correlation_id=order.id)
    # The status of a new order, also when the answer is repeated later: the same again.
    accepted = OrderAccepted(order_id=order.id, status=Status.PLACED, total=order.total, order_token=token)
    return Answer(accepted, {"Location": f"orders/{order.id}"})


@endpoint(
    routes, "GET", "/orders", summary="List the customer's orders", access="customer",
    query=PageQuery, answer=OrderPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_orders(call: Call, query: PageQuery) -> OrderPage:
    """Return the customer's orders, newest first."""
    return order_page(*wiring.orders().of_customer(call.customer_id, query.cursor))


@endpoint(
    routes, "GET", "/orders/{order_id}", summary="Get an order",
    headers=(ORDER_TOKEN,), answer=OrderView, refusals=NOT_OPENED,
)  # fmt: skip
def get_order(call: Call, order_id: OrderId) -> OrderView:
    """Return an order with its payment, shipment and returns. Guests send the order token."""
    token = call.headers.get(ORDER_TOKEN.lower())
    order, payment, shipment = wiring.read_together(
        wiring.orders().reading_for(call.caller, token, order_id),
        wiring.payments().reading(order_id),
        wiring.shipping().reading(order_id),
    )
    # A caller who may see it and is no admin is the buyer, also by an emailed link.
    is_buyers = not call.caller.is_admin or order.is_buyers(call.caller.customer_id, token)
    return order_view(order, payment, shipment, is_buyers)


@endpoint(
    routes, "POST", "/orders/{order_id}/cancel", summary="Cancel an order", status=202,
    headers=(ORDER_TOKEN,), answer=CancellationAccepted,
    refusals=(*NOT_OPENED, TooLateToCancel),
)  # fmt: skip
def cancel_order(call: Call, order_id: OrderId) -> CancellationAccepted:
    """Request the cancellation of an order. Payment and stock are compensated asynchronously."""
    order = wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id)
    order = wiring.orders().cancel(order.id, Reason.CUSTOMER_REQUEST, order)
    return CancellationAccepted(order_id=order.id, status=order.status)


@endpoint(
    routes, "POST", "/orders/{order_id}/payment/confirmation", status=202,
    summary="Confirm a payment",
    headers=(ORDER_TOKEN,), answer=ConfirmationAccepted, refusals=NOT_OPENED,
)  # fmt: skip
def confirm_payment(call: Call, order_id: OrderId) -> ConfirmationAccepted:
    """Check the payment after the buyer answered the bank's challenge. The call can be repeated."""
    order, payment = _order_and_payment(call, order_id)
    if payment and payment.action:
        wiring.stripe_inbox().buyer_returned(order.id, payment.provider_id)
    return ConfirmationAccepted(order_id=order.id, status=order.status)


@endpoint(
    routes, "POST", "/orders/{order_id}/return", summary="Return an order", status=202,
    headers=(ORDER_TOKEN, IDEMPOTENCY_KEY), body=ReturnRequest, body_required=False, answer=ReturnAccepted,
    refusals=(
        *NOT_OPENED, IdempotencyKeyInvalid, IdempotencyConflict, OrderNotReturnable,
        NothingToReturn, ReturnLineUnknown, ReturnExceedsOrder, PaymentDisputed,
    ),
)  # fmt: skip
def return_order(call: Call, order_id: OrderId, body: ReturnRequest) -> ReturnAccepted:
    """Return a completed order, whole or by line. The refund is made asynchronously."""
    order, payment = _order_and_payment(call, order_id)
    if payment and payment.disputed:
        raise PaymentDisputed
    key = call.headers.get(IDEMPOTENCY_KEY.lower())
    return_id = new_return_id(order.id, valid_key(key) if key is not None else None, body.wanted)
    accepted = wiring.orders().take_back(order.id, return_id, body.wanted, payment.kept if payment else None, order)
    return ReturnAccepted(order_id=order.id, return_id=accepted.id, refund=accepted.refund)


def _order_and_payment(call: Call, order_id: OrderId) -> tuple[Order, Payment | None]:
    """Raises what `Orders.get_for` raises."""
    token = call.headers.get(ORDER_TOKEN.lower())
    return wiring.read_together(
        wiring.orders().reading_for(call.caller, token, order_id), wiring.payments().reading(order_id)
    )
