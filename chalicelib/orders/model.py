"""The Order. Its status changes only here; what is illegal raises, what was done already is a no-op.

PLACED ► RESERVED ► AUTHORIZED ► SHIPPING ► COMPLETED
   └─────────┴───────────┴───────────┴────► CANCELLED
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.platform.clock import iso
from chalicelib.platform.errors import Conflict, NotFound, Unacceptable, Unauthenticated
from chalicelib.platform.events import Envelope, new_event_id
from chalicelib.platform.money import Money, total

EVENT_SOURCE = "storefront.orders"
EVENT_VERSION = 1


class OrderNotFound(NotFound):
    """There is no such order, or it is not yours."""


class OrderTokenRequired(Unauthenticated):
    """Sign in, or send the order's X-Order-Token."""


class CartEmpty(Unacceptable):
    """There is nothing in the cart to buy."""


class ProductUnavailable(Conflict):
    """A product in the cart is not sold any more."""


class IdempotencyKeyInvalid(Unacceptable):
    """Send an Idempotency-Key header: 1 to 128 visible ASCII characters, new for each checkout."""


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used for a different checkout."""


class CheckoutBusy(Conflict):
    """This checkout is being made at this very moment. Please repeat it with the same key."""


class IllegalTransition(Exception):
    """The order cannot go from its status to that one."""


class OrderChanged(Exception):
    """The order was changed by somebody else since it was read; read it again."""


class Status(StrEnum):
    PLACED = "PLACED"
    RESERVED = "RESERVED"
    AUTHORIZED = "AUTHORIZED"
    SHIPPING = "SHIPPING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    SHIPPING_FAILED = "SHIPPING_FAILED"
    FULFILMENT_FAILED = "FULFILMENT_FAILED"


COMES_FROM: dict[Status, frozenset[Status]] = {
    Status.RESERVED: frozenset({Status.PLACED}),
    Status.AUTHORIZED: frozenset({Status.RESERVED}),
    Status.SHIPPING: frozenset({Status.AUTHORIZED}),
    Status.COMPLETED: frozenset({Status.SHIPPING}),
    Status.CANCELLED: frozenset({Status.PLACED, Status.RESERVED, Status.AUTHORIZED, Status.SHIPPING}),
}

EVENT_OF: dict[Status, str] = {
    Status.PLACED: "OrderPlaced",
    Status.RESERVED: "OrderReserved",
    Status.AUTHORIZED: "OrderAuthorized",
    Status.SHIPPING: "OrderShipping",
    Status.COMPLETED: "OrderCompleted",
    Status.CANCELLED: "OrderCancelled",
}


def _short(max_length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length, pattern=r"^[^\x00-\x1f\x7f]*$")


Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s.]+$")
]


class Address(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: Annotated[str, _short(100)]
    line1: Annotated[str, _short(120)]
    line2: Annotated[str, _short(120)] | None = None
    city: Annotated[str, _short(80)]
    postal_code: Annotated[str, _short(16)]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2")]


class OrderLine(BaseModel):
    """The name, picture and price are those of the moment of the checkout."""

    model_config = ConfigDict(frozen=True)

    sku: str
    name: str
    image: str
    quantity: int
    unit_price: Money

    @property
    def total(self) -> Money:
        return self.unit_price.times(self.quantity)


class Moment(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: str
    status: Status


class Order(BaseModel):
    """`version` counts the changes; the event of version n is the n-th in the order's history."""

    model_config = ConfigDict(frozen=True)

    id: str
    version: int
    status: Status
    reason: Reason | None = None
    customer_id: str | None = None
    token_hash: str | None = None
    email: str
    shipping_address: Address
    payment_method: str
    lines: tuple[OrderLine, ...]
    total: Money
    history: tuple[Moment, ...]

    @property
    def placed_at(self) -> str:
        return self.history[0].at

    @property
    def is_over(self) -> bool:
        return self.status in (Status.COMPLETED, Status.CANCELLED)

    @property
    def quantities(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in self.lines}

    def advanced(self, status: Status, at: datetime, reason: Reason | None = None) -> "Order":
        """This order in its next status. Returns itself if it was there before. Raises IllegalTransition."""
        was_there = any(moment.status == status for moment in self.history)
        if (was_there and self.status != Status.CANCELLED) or self.status == status:
            return self
        if self.status not in COMES_FROM.get(status, frozenset()):
            raise IllegalTransition(f"{self.status} to {status}")
        return self.model_copy(
            update={
                "status": status,
                "reason": reason,
                "version": self.version + 1,
                "history": (*self.history, Moment(at=iso(at), status=status)),
            }
        )

    def opens_with(self, token: str) -> bool:
        """Whether this is the token that the guest was given at checkout."""
        return self.token_hash is not None and hmac.compare_digest(self.token_hash, token_hash(token))


def placed(
    *,
    order_id: str,
    customer_id: str | None,
    token: str | None,
    email: str,
    shipping_address: Address,
    payment_method: str,
    lines: list[OrderLine],
    at: datetime,
) -> Order:
    return Order(
        id=order_id,
        version=1,
        status=Status.PLACED,
        customer_id=customer_id,
        token_hash=token_hash(token) if token else None,
        email=email,
        shipping_address=shipping_address,
        payment_method=payment_method,
        lines=tuple(lines),
        total=total([line.total for line in lines]),
        history=(Moment(at=iso(at), status=Status.PLACED),),
    )


def new_order_id() -> str:
    return f"ord_{secrets.token_hex(12)}"


def guest_order_token(cart_token: str, order_id: str) -> str:
    """Derived from the guest's secret, so that a repeated checkout can answer the same and nobody stores it."""
    return f"order_{hmac.new(cart_token.encode(), order_id.encode(), hashlib.sha256).hexdigest()}"


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class OrderEventData(BaseModel):
    """What every order event tells. No personal data: whoever needs the address asks the orders."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    status: Status
    reason: Reason | None
    total: Money
    country: str
    is_guest: bool
    lines: list[dict[str, str | int]]


def event_of(order: Order, causation_id: str | None = None) -> Envelope:
    """The event that tells of the order's latest change."""
    data = OrderEventData(
        order_id=order.id,
        status=order.status,
        reason=order.reason,
        total=order.total,
        country=order.shipping_address.country,
        is_guest=order.customer_id is None,
        lines=[
            {"sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price.amount} for line in order.lines
        ],
    )
    return Envelope(
        id=new_event_id(),
        type=EVENT_OF[order.status],
        version=EVENT_VERSION,
        time=order.history[-1].at,
        source=EVENT_SOURCE,
        correlation_id=order.id,
        causation_id=causation_id,
        data=data.model_dump(mode="json"),
    )
