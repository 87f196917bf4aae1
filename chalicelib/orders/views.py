"""Views of an order: what the API returns of it, with its payment, shipment and returns."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chalicelib.cart.model import MAX_QUANTITY
from chalicelib.orders.model import Order, Reason, Status, StatusChange
from chalicelib.orders.numbers import number_of
from chalicelib.orders.returns import Return, ReturnStatus
from chalicelib.payments.model import Payment, Shortfall
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.ids import CustomerId, OrderId, OrderNumber, Sku
from chalicelib.platform.money import Money
from chalicelib.pricing.model import Adjustment, has_none
from chalicelib.shipping.address import Address, address_lines
from chalicelib.shipping.model import Shipment

Action = Literal["cancel", "return"]


class ReturnLine(BaseModel):
    sku: Annotated[Sku, StringConstraints(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]


class LineView(BaseModel):
    sku: Sku
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
    expires_at: Annotated[str, Field(description="The order is cancelled unless the payment is confirmed by then.")]


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
    order_id: OrderId
    number: Annotated[OrderNumber, Field(description="What people call the order by.", examples=["7K3M-9XQ2"])]
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


class AdminOrderSummary(OrderSummary):
    email: str
    customer_id: Annotated[CustomerId | None, Field(description="None of a guest.")]


class AdminOrderPage(BaseModel):
    items: list[AdminOrderSummary]
    next_cursor: str | None


def order_view(order: Order, payment: Payment | None, shipment: Shipment | None, is_buyers: bool) -> OrderView:
    """Return the order as its buyer sees it or, unless `is_buyers`, as an admin does."""
    is_asked = is_buyers and order.status == Status.ACTION_REQUIRED
    return OrderView(
        **_summary(order).model_dump(),
        email=order.email,
        shipping_address=order.shipping_address,
        shipping_label=address_lines(order.shipping_address),
        payment=_payment(payment, order, is_asked and not order.cancellation),
        shipment=_shipment(shipment),
        returns=[_return(each, order) for each in order.returns],
        actions=_actions(order, payment),
    )


def order_page(orders: list[Order], next_cursor: str | None) -> OrderPage:
    return OrderPage(items=[_summary(order) for order in orders], next_cursor=next_cursor)


def admin_order_page(orders: list[Order], next_cursor: str | None) -> AdminOrderPage:
    items = [
        AdminOrderSummary(**_summary(order).model_dump(), email=order.email, customer_id=order.customer_id)
        for order in orders
    ]
    return AdminOrderPage(items=items, next_cursor=next_cursor)


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(
        order_id=order.id,
        number=number_of(order.id),
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
