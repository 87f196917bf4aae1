"""Placing: how an order begins."""

from datetime import datetime

from chalicelib.events.contracts import Variant
from chalicelib.orders.events import event_of
from chalicelib.orders.keys import token_hash
from chalicelib.orders.model import EVENT_OF, Order, OrderLine, Status, StatusChange
from chalicelib.platform import tracing
from chalicelib.platform.clock import iso
from chalicelib.platform.ids import CustomerId, OrderId
from chalicelib.pricing.model import Adjustment, total_of
from chalicelib.shipping.address import Address


def placed(
    *,
    order_id: OrderId,
    customer_id: CustomerId | None,
    token: str | None,
    email: str,
    shipping_address: Address,
    payment_method: str | None,
    lines: list[OrderLine],
    adjustments: tuple[Adjustment, ...] = (),
    at: datetime,
    variant: Variant | None = None,
    client: str | None = None,
) -> Order:
    """Return a new order, with the event that it was placed."""
    order = Order(
        id=order_id,
        version=1,
        status=Status.PLACED,
        customer_id=customer_id,
        token_hash=token_hash(token) if token else None,
        email=email,
        shipping_address=shipping_address,
        payment_method=payment_method,
        lines=tuple(lines),
        adjustments=adjustments,
        total=total_of(lines, adjustments, lines[0].unit_price.currency),
        history=(StatusChange(at=iso(at), status=Status.PLACED),),
        variant=variant,
        client=client,
        trace_header=tracing.current(),
    )
    return order.model_copy(update={"pending_event": event_of(order, EVENT_OF[Status.PLACED], at)})
