"""Orders over HTTP. The state of payment and shipment is joined in from their own rooms."""

from collections import Counter
from dataclasses import replace
from typing import Annotated, Literal, Self

from chalice import Blueprint
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from chalicelib import wiring
from chalicelib.cart.model import MAX_LINES, MAX_QUANTITY, CartTokenInvalid
from chalicelib.events.contracts import variant_of
from chalicelib.orders.checkout import CheckoutRequest
from chalicelib.orders.keys import new_return_id
from chalicelib.orders.model import (
    CartEmpty,
    CheckoutBusy,
    NothingToReturn,
    Order,
    OrderNotReturnable,
    Reason,
    Return,
    ReturnExceedsOrder,
    ReturnLineUnknown,
    ReturnStatus,
    Status,
    StatusChange,
    TooLateToCancel,
)
from chalicelib.orders.quote import CartAlreadyOrdered, ProductUnavailable, TotalChanged
from chalicelib.orders.service import NOT_OPENED
from chalicelib.payments.limits import TotalTooLarge, TotalTooSmall
from chalicelib.payments.model import Payment, Shortfall
from chalicelib.payments.provider import PaymentDisputed
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.headers import CART_TOKEN, ORDER_TOKEN, VARIANT
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.log import log
from chalicelib.platform.money import Money
from chalicelib.platform.request_keys import IDEMPOTENCY_KEY, IdempotencyConflict, IdempotencyKeyInvalid, valid_key
from chalicelib.platform.text import one_line
from chalicelib.pricing.model import Adjustment, has_none
from chalicelib.shipping.address import Address, address_lines
from chalicelib.shipping.model import Shipment

Action = Literal["cancel", "return"]

routes = Blueprint(__name__)


class OrderAccepted(BaseModel):
    order_id: str
    status: Status
    total: Money
    order_token: Annotated[str | None, Field(description="Opens the order for a guest. Given here only.")] = None


class CancellationAccepted(BaseModel):
    order_id: str
    status: Status


class ConfirmationAccepted(BaseModel):
    order_id: str
    status: Status


class ReturnLine(BaseModel):
    sku: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]


class ReturnRequest(BaseModel):
    """An unknown field is refused: a misspelt `lines` would send everything back."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[
        list[ReturnLine] | None, Field(min_length=1, max_length=MAX_LINES, description="All that is left if absent.")
    ] = None

    @property
    def wanted(self) -> dict[str, int] | None:
        if self.lines is None:
            return None
        return dict(sum((Counter({line.sku: line.quantity}) for line in self.lines), Counter()))


class ReturnAccepted(BaseModel):
    order_id: str
    return_id: str
    refund: Annotated[
        Money, Field(description="What will be refunded: the items' value, or at most what the shop still has of it.")
    ]


class LineView(BaseModel):
    sku: str
    name: str
    image: str
    quantity: int
    returned: Annotated[int, Field(description="Units that came back or are on their way back.")]
    unit_price: Money
    total: Money


class ReturnView(BaseModel):
    id: str
    status: Annotated[
        ReturnStatus | Literal["REFUND_FAILED"],
        Field(description="REFUND_FAILED: the refund did not arrive, and will be made again."),
    ]
    requested_at: str
    lines: list[ReturnLine]
    refund: Annotated[Money, Field(description="What is to be refunded or, once REFUNDED, what was.")]
    value: Annotated[Money, Field(description="What the items cost.")]
    shortfall: Annotated[Shortfall | None, Field(description="Why less than their value was refunded.")] = None


class NextAction(BaseModel):
    """How the buyer confirms the payment: at the bank's page, or with Stripe.js, which wants the client secret."""

    redirect_url: str | None
    client_secret: str | None
    expires_at: Annotated[str, Field(description="The order is cancelled if nobody has confirmed it by then.")]


class PaymentView(BaseModel):
    """Minor units of `currency`."""

    status: str
    currency: str
    amount: int
    captured: int
    refunded: int
    lost: Annotated[int, Field(description="What a bank gave back to the card's holder for good.")]
    withdrawn: Annotated[int, Field(description="What a bank has taken until it decides a dispute.")]
    refund_failed: Annotated[
        int, Field(description="What was refunded and did not arrive; it is to be refunded again.")
    ]
    disputed: bool
    decline_code: str | None = None
    next_action: Annotated[
        NextAction | None, Field(description="Only for the buyer, and only while the payment waits for them.")
    ] = None


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
    adjustments: Annotated[
        list[Adjustment], Field(exclude_if=has_none, description="Discounts, shipping costs and taxes, if any.")
    ] = []
    total: Money
    history: list[StatusChange]
    cancel_requested: Annotated[bool, Field(description="It is being cancelled and has not ended yet.")]


class OrderView(OrderSummary):
    email: str
    shipping_address: Address
    shipping_label: Annotated[list[str], Field(description="The address as lines, in the order of its country.")]
    payment: PaymentView | None
    shipment: ShipmentView | None
    returns: list[ReturnView]
    actions: Annotated[list[Action], Field(description="What its owner may do now.")]


class OrderPage(BaseModel):
    items: list[OrderSummary]
    next_cursor: str | None


class PageQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


class AdminOrderQuery(PageQuery):
    """Of one status, or of one customer, or of the whole shop. A cursor belongs to the list that gave it."""

    status: Status | None = None
    customer_id: Annotated[str, one_line(100)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.status and self.customer_id:
            raise ValueError("Ask for a status or for a customer, not for both.")
        return self


class AdminOrderSummary(OrderSummary):
    email: str
    customer_id: Annotated[str | None, Field(description="None of a guest.")]


class AdminOrderPage(BaseModel):
    items: list[AdminOrderSummary]
    next_cursor: str | None


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
        variant_of(call.headers.get(VARIANT.lower())),
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
def get_order(call: Call, order_id: str) -> OrderView:
    """Return an order with its payment, shipment and returns. Guests send the order token."""
    token = call.headers.get(ORDER_TOKEN.lower())
    order = wiring.orders().get_for(call.caller, token, order_id)
    payment = wiring.payments().of(order.id)
    # A caller who may see it and is no admin is the buyer, also by an emailed link.
    is_buyers = not call.caller.is_admin or order.is_buyers(call.caller.customer_id, token)
    is_asked = is_buyers and order.status == Status.ACTION_REQUIRED
    return OrderView(
        **_summary(order).model_dump(),
        email=order.email,
        shipping_address=order.shipping_address,
        shipping_label=address_lines(order.shipping_address),
        payment=_payment(payment, order, is_asked and not order.cancellation),
        shipment=_shipment(wiring.shipping().of(order.id)),
        returns=[_return(each, order) for each in order.returns],
        actions=_actions(order, payment),
    )


@endpoint(
    routes, "POST", "/orders/{order_id}/cancel", summary="Cancel an order", status=202,
    headers=(ORDER_TOKEN,), answer=CancellationAccepted,
    refusals=(*NOT_OPENED, TooLateToCancel),
)  # fmt: skip
def cancel_order(call: Call, order_id: str) -> CancellationAccepted:
    """Request the cancellation of an order. Payment and stock are compensated asynchronously."""
    order = wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id)
    order = wiring.orders().cancel(order.id, Reason.CUSTOMER_REQUEST)
    return CancellationAccepted(order_id=order.id, status=order.status)


@endpoint(
    routes, "POST", "/orders/{order_id}/payment/confirmation", status=202,
    summary="Confirm a payment",
    headers=(ORDER_TOKEN,), answer=ConfirmationAccepted, refusals=NOT_OPENED,
)  # fmt: skip
def confirm_payment(call: Call, order_id: str) -> ConfirmationAccepted:
    """Check the payment after the buyer answered the bank's challenge. The call can be repeated."""
    order = wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id)
    payment = wiring.payments().of(order.id)
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
def return_order(call: Call, order_id: str, body: ReturnRequest) -> ReturnAccepted:
    """Return a completed order, whole or by line. The refund is made asynchronously."""
    order = wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id)
    payment = wiring.payments().of(order.id)
    if payment and payment.disputed:
        raise PaymentDisputed
    key = call.headers.get(IDEMPOTENCY_KEY.lower())
    return_id = new_return_id(order.id, valid_key(key) if key is not None else None, body.wanted)
    accepted = wiring.orders().take_back(order.id, return_id, body.wanted, payment.kept if payment else None)
    return ReturnAccepted(order_id=order.id, return_id=accepted.id, refund=accepted.refund)


@endpoint(
    routes, "GET", "/admin/orders", summary="List all orders", access="admin",
    query=AdminOrderQuery, answer=AdminOrderPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_all_orders(call: Call, query: AdminOrderQuery) -> AdminOrderPage:
    """Return the shop's orders, newest first: all of them, those of one status, or those of one customer."""
    orders, next_cursor = _asked_for(query)
    items = [
        AdminOrderSummary(**_summary(order).model_dump(), email=order.email, customer_id=order.customer_id)
        for order in orders
    ]
    return AdminOrderPage(items=items, next_cursor=next_cursor)


def _asked_for(query: AdminOrderQuery) -> tuple[list[Order], str | None]:
    if query.status:
        return wiring.orders().in_status(query.status, query.cursor)
    if query.customer_id:
        return wiring.orders().of_customer(query.customer_id, query.cursor)
    return wiring.orders().latest(query.cursor)


def order_page(orders: list[Order], next_cursor: str | None) -> OrderPage:
    return OrderPage(items=[_summary(order) for order in orders], next_cursor=next_cursor)


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(
        order_id=order.id,
        status=order.status,
        reason=order.reason,
        placed_at=order.placed_at,
        lines=[
            LineView(**line.model_dump(), total=line.total, returned=order.returned[line.sku]) for line in order.lines
        ],
        adjustments=list(order.adjustments),
        total=order.total,
        history=list(order.history),
        cancel_requested=order.cancellation is not None and not order.is_over,
    )


def _actions(order: Order, payment: Payment | None) -> list[Action]:
    is_returnable = order.is_returnable and not (payment and payment.disputed)
    possible: list[tuple[Action, bool]] = [("cancel", order.is_cancellable), ("return", is_returnable)]
    return [action for action, is_possible in possible if is_possible]


def _payment(payment: Payment | None, order: Order, is_asked: bool) -> PaymentView | None:
    """`is_asked` says that it is the buyer who asks, and that the order waits for them."""
    if payment is None or payment.amount is None:
        return None
    return PaymentView(
        status=payment.status,
        currency=payment.amount.currency,
        amount=payment.amount.amount,
        captured=payment.captured,
        refunded=payment.refunded,
        lost=payment.lost,
        withdrawn=payment.withdrawn,
        refund_failed=sum(failed.amount for failed in order.failed_refunds),
        disputed=payment.disputed,
        decline_code=payment.decline_code,
        next_action=NextAction(**payment.action.model_dump()) if is_asked and payment.action else None,
    )


def _return(each: Return, order: Order) -> ReturnView:
    has_failed = any(failed.return_id == each.id for failed in order.failed_refunds)
    return ReturnView(
        id=each.id,
        status="REFUND_FAILED" if has_failed else each.status,
        requested_at=each.requested_at,
        lines=[ReturnLine(sku=sku, quantity=quantity) for sku, quantity in each.quantities.items()],
        refund=each.refund,
        value=each.value or each.refund,
        shortfall=Shortfall(each.shortfall) if each.shortfall else None,
    )


def _shipment(shipment: Shipment | None) -> ShipmentView | None:
    """Not one that was called off before anybody asked for it."""
    return ShipmentView.model_validate(shipment.model_dump()) if shipment and shipment.task_token else None
