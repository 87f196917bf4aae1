"""Events of an order: each change makes one, which describes the order after it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.events.contracts import (
    Line,
    PaymentMovement,
    RequestedEmail,
    Returned,
    contract_of,
    new_event,
)
from chalicelib.events.envelope import Envelope
from chalicelib.orders.returns import Return

if TYPE_CHECKING:
    from chalicelib.orders.model import Order

EVENT_VERSION = 1

CANCEL_REQUESTED = "OrderCancelRequested"
DISPATCHED = "OrderDispatched"
RETURN_REQUESTED = "OrderReturnRequested"
PARTLY_RETURNED = "OrderPartlyReturned"
CLAIMED = "OrderClaimed"
ERASED = "OrderErased"
EMAIL_REQUESTED = "OrderEmailRequested"

About = Return | PaymentMovement | RequestedEmail | None
"""What an event is about, beside its order."""

RETURN_FACTS = {"refund", "quantities", "value", "shortfall"}


def event_of(order: "Order", event_type: str, at: datetime, about: About = None, cause: str | None = None) -> Envelope:
    """Return the event of a change. Raises ContractBroken: an event that no consumer could read is never saved."""
    contract = contract_of(event_type, EVENT_VERSION)
    facts: dict[str, Any] = {
        "order_id": order.id,
        "status": order.status.value,
        "reason": order.reason or order.cancellation,
        "total": order.total,
        "country": order.shipping_address.country,
        "is_guest": order.customer_id is None,
        "lines": [
            Line(sku=line.sku, quantity=line.quantity, unit_price=line.unit_price.amount) for line in order.lines
        ],
        "variant": order.variant,
    }
    if isinstance(about, Return):
        facts["returned"] = Returned(return_id=about.id, **about.model_dump(include=RETURN_FACTS))
    elif isinstance(about, RequestedEmail):
        facts["requested"] = about
    elif about:
        facts["movement"] = about
    return new_event(contract.data(**facts), about=order.id, at=at, cause=cause, trace=order.trace_header)
