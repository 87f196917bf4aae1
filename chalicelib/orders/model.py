"""The Order. It changes only here; what is illegal raises, what was done already is a no-op.

PLACED ► RESERVED ► AUTHORIZED ► SHIPPING ► COMPLETED ► RETURNED (once all units are back)
   │         ├► ACTION_REQUIRED ► AUTHORIZED (where the bank wants the buyer to confirm the payment)
   └─────────┴───────────┴───────────┴────► CANCELLED

Two facts decide between cancelling and shipping, and only one of them can ever be written: that
a cancellation was requested (`cancellation`), and that the warehouse has sent it (`dispatched_at`).

Every change of an order makes exactly one event, which waits in `pending_event` to be saved with it.
"""

import hmac
from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.events.contracts import PaymentMovement, RequestedEmail, Variant
from chalicelib.events.envelope import Envelope
from chalicelib.orders import events
from chalicelib.orders.events import About, event_of
from chalicelib.orders.keys import fingerprint, token_hash
from chalicelib.orders.returns import (
    FailedRefund,
    OrderNotReturnable,
    Return,
    ReturnStatus,
    ReturnUnknown,
    adjustments_of_return,
    failed_refunds_after,
    refundable,
    returned_units,
    units_to_return,
    value_of_units,
)
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import iso
from chalicelib.platform.errors import Conflict, NotFound, Unavailable
from chalicelib.platform.ids import CustomerId, OrderId, ReturnId, Sku
from chalicelib.platform.money import Money
from chalicelib.platform.request_keys import IdempotencyConflict
from chalicelib.pricing.model import Adjustment
from chalicelib.shipping.address import Address


class OrderNotFound(NotFound):
    """There is no such order, or it is not yours."""


class TooLateToCancel(Conflict):
    """The parcel has left us, so the order cannot be cancelled any more. You can return it."""


class IllegalTransition(Exception):
    """The order cannot go from its status to that one."""


class CancellationRequested(Exception):
    """The order is to be cancelled, so it goes no further."""


class OrderChanged(Unavailable):
    """The order was changed concurrently since it was read; read it again."""


class Status(StrEnum):
    PLACED = "PLACED"
    RESERVED = "RESERVED"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    AUTHORIZED = "AUTHORIZED"
    SHIPPING = "SHIPPING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


class Reason(StrEnum):
    """Why an order was cancelled."""

    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    SHOP_REQUEST = "SHOP_REQUEST"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    SHIPPING_FAILED = "SHIPPING_FAILED"
    FULFILMENT_FAILED = "FULFILMENT_FAILED"


COMES_FROM: dict[Status, frozenset[Status]] = {
    Status.RESERVED: frozenset({Status.PLACED}),
    Status.ACTION_REQUIRED: frozenset({Status.RESERVED}),
    Status.AUTHORIZED: frozenset({Status.RESERVED, Status.ACTION_REQUIRED}),
    Status.SHIPPING: frozenset({Status.AUTHORIZED}),
    Status.COMPLETED: frozenset({Status.SHIPPING}),
    Status.CANCELLED: frozenset(
        {Status.PLACED, Status.RESERVED, Status.ACTION_REQUIRED, Status.AUTHORIZED, Status.SHIPPING}
    ),
}

EVENT_OF: dict[Status, str] = {
    Status.PLACED: "OrderPlaced",
    Status.RESERVED: "OrderReserved",
    Status.ACTION_REQUIRED: "OrderActionRequired",
    Status.AUTHORIZED: "OrderAuthorized",
    Status.SHIPPING: "OrderShipping",
    Status.COMPLETED: "OrderCompleted",
    Status.CANCELLED: "OrderCancelled",
    Status.RETURNED: "OrderReturned",
}
"""These events change the status; all other events of an order leave it as it is."""


class OrderLine(BaseModel):
    """The name, picture and price are those at checkout."""

    model_config = ConfigDict(frozen=True)

    sku: Sku
    name: str
    image: str
    quantity: int
    unit_price: Money

    @property
    def total(self) -> Money:
        return self.unit_price.times(self.quantity)


class StatusChange(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: str
    status: Status


class Order(BaseModel):
    """`version` counts the changes; the event of version n is the n-th of the order.

    `noted` holds the facts that other contexts reported, so that none is published twice. `client` is a keyed
    fingerprint of the address that the order was placed from: it limits the emails that one client can cause.
    `trace_header` is the trace of its placing, to which its later events belong. `erased_at`: see `erasure.py`."""

    model_config = ConfigDict(frozen=True)

    id: OrderId
    version: int
    status: Status
    reason: Reason | None = None
    customer_id: CustomerId | None = None
    token_hash: str | None = None
    email: str
    shipping_address: Address
    payment_method: str | None = None
    lines: tuple[OrderLine, ...]
    adjustments: tuple[Adjustment, ...] = ()
    total: Money
    history: tuple[StatusChange, ...]
    cancellation: Reason | None = None
    dispatched_at: str | None = None
    returns: tuple[Return, ...] = ()
    noted: tuple[str, ...] = ()
    failed_refunds: tuple[FailedRefund, ...] = ()
    variant: Variant | None = None
    client: str | None = None
    trace_header: str | None = None
    erased_at: str | None = None
    pending_event: Annotated[Envelope | None, Field(exclude=True)] = None

    @property
    def placed_at(self) -> str:
        return self.history[0].at

    @property
    def is_over(self) -> bool:
        return self.status in (Status.COMPLETED, Status.CANCELLED, Status.RETURNED)

    @property
    def is_paid_for(self) -> bool:
        """Whether a payment of it ever succeeded. Until then everything in it is a stranger's text."""
        return self.total.amount > 0 and any(change.status == Status.AUTHORIZED for change in self.history)

    @property
    def quantities(self) -> dict[Sku, int]:
        return {line.sku: line.quantity for line in self.lines}

    @property
    def returned(self) -> Counter[Sku]:
        """Return the units by sku that came back or are on their way back."""
        return returned_units(self.returns)

    @property
    def is_cancellable(self) -> bool:
        return not (self.is_over or self.cancellation or self.dispatched_at)

    @property
    def is_returnable(self) -> bool:
        return self.status == Status.COMPLETED and self.returned != self.quantities

    def advanced(self, status: Status, at: datetime, reason: Reason | None = None) -> "Order":
        """This order in its next status. Returns itself if it was there before.

        A reason given with the wish to cancel outweighs this one. Raises IllegalTransition, CancellationRequested.
        """
        was_there = any(change.status == status for change in self.history)
        if (was_there and self.status != Status.CANCELLED) or self.status == status:
            return self
        if self.status not in COMES_FROM.get(status, frozenset()):
            raise IllegalTransition(f"{self.status} to {status}")
        if status != Status.CANCELLED:
            self.must_go_on()
        return self._in_status(status, at, reason=self.cancellation or reason)

    @property
    def owed(self) -> int:
        """Minor units: what the shop may keep once everything is settled.

        Returned units are not paid for, even if their refund was smaller. What failed to be refunded is kept for now:
        the order says so itself until it is refunded again.
        """
        kept = sum(failed.amount for failed in self.failed_refunds)
        if self.status == Status.CANCELLED:
            return kept
        return self.total.amount + kept - sum(r.worth for r in self.returns if r.status == ReturnStatus.REFUNDED)

    @property
    def is_settled(self) -> bool:
        """Nothing is under way with it."""
        return self.is_over and all(each.status == ReturnStatus.REFUNDED for each in self.returns)

    def claimed(self, customer_id: CustomerId, at: datetime) -> "Order":
        """Return it as this customer's. Raise OrderNotFound if it is another customer's."""
        if self.customer_id == customer_id:
            return self
        if self.customer_id is not None:
            raise OrderNotFound
        return self._changed(events.CLAIMED, at, customer_id=customer_id)

    def email_requested(self, email: RequestedEmail, at: datetime) -> "Order":
        """Return it with the event that has an email about it sent again. Nothing else changes."""
        return self._changed(events.EMAIL_REQUESTED, at, email)

    def must_go_on(self) -> None:
        """Raises CancellationRequested."""
        if self.cancellation:
            raise CancellationRequested(self.cancellation)

    def to_be_cancelled(self, reason: Reason, at: datetime) -> "Order":
        """With the wish to cancel it written down; the saga then undoes its steps. Raises TooLateToCancel."""
        if self.cancellation or self.status == Status.CANCELLED:
            return self
        if not self.is_cancellable:
            raise TooLateToCancel
        return self._changed(events.CANCEL_REQUESTED, at, cancellation=reason)

    def dispatched(self, at: datetime) -> "Order":
        """The parcel has left. Raises CancellationRequested if a cancellation came first, and IllegalTransition."""
        if self.dispatched_at:
            return self
        self.must_go_on()
        if self.status != Status.SHIPPING:
            raise IllegalTransition(f"{self.status} cannot be dispatched")
        return self._changed(events.DISPATCHED, at, dispatched_at=iso(at))

    def return_requested(
        self, return_id: ReturnId, wanted: dict[Sku, int] | None, at: datetime, kept: int | None = None
    ) -> "Order":
        """With these units, or all that are left, on their way back. Returns itself if it knows this return.

        `kept` is what the shop has of the payment, in minor units, where that is known: no more is promised.
        Raises OrderNotReturnable, NothingToReturn, ReturnLineUnknown, ReturnExceedsOrder, IdempotencyConflict.
        """
        asked = fingerprint(wanted)
        known = self.return_of(return_id)
        if known and known.fingerprint != asked:
            raise IdempotencyConflict
        if known:
            return self
        if self.status not in (Status.COMPLETED, Status.RETURNED):
            raise OrderNotReturnable
        quantities = units_to_return(wanted, self.quantities, self.returned)
        value = value_of_units(quantities, self.lines, self.adjustments, self.returned)
        requested = Return(
            id=return_id, status=ReturnStatus.REQUESTED, requested_at=iso(at), quantities=quantities,
            refund=self._money(refundable(value, kept, self.returns)), fingerprint=asked, value=self._money(value),
        )  # fmt: skip
        return self._changed(events.RETURN_REQUESTED, at, requested, returns=(*self.returns, requested))

    def adjustments_of(self, return_id: ReturnId) -> list[Adjustment]:
        """Return the part of the order's adjustments that is in the value of a return; none for an unknown one."""
        return adjustments_of_return(return_id, self.returns, self.lines, self.adjustments)

    def return_settled(self, return_id: ReturnId, refunded: int, at: datetime, shortfall: str | None = None) -> "Order":
        """With so much given back for this return, in minor units. RETURNED once every piece is back.

        `shortfall` says why it is less than the units' value. Raises IllegalTransition.
        """
        known = self.return_of(return_id)
        if known is None:
            raise IllegalTransition(f"no return {return_id}")
        if known.status == ReturnStatus.REFUNDED:
            return self
        settled = known.settled(self._money(refunded), shortfall)
        returns = tuple(settled if each.id == return_id else each for each in self.returns)
        is_whole = self.returned == self.quantities and all(r.status == ReturnStatus.REFUNDED for r in returns)
        if is_whole:
            return self._in_status(Status.RETURNED, at, settled, returns=returns)
        return self._changed(events.PARTLY_RETURNED, at, settled, returns=returns)

    def recorded(
        self, event_type: str, fact: str, cause: str, at: datetime, movement: PaymentMovement | None = None
    ) -> "Order":
        """With something noted that happened to it elsewhere; once for each fact."""
        if fact in self.noted:
            return self
        failed = failed_refunds_after(self.failed_refunds, event_type, movement)
        return self._changed(event_type, at, movement, cause, noted=(*self.noted, fact), failed_refunds=failed)

    def accepted_return(self, return_id: ReturnId) -> Return:
        """Raises ReturnUnknown."""
        found = self.return_of(return_id)
        if found is None:
            raise ReturnUnknown(return_id)
        return found

    def return_of(self, return_id: ReturnId) -> Return | None:
        return next((each for each in self.returns if each.id == return_id), None)

    def _money(self, amount: int) -> Money:
        return Money(amount=amount, currency=self.total.currency)

    def _in_status(self, status: Status, at: datetime, about: About = None, **facts: Any) -> "Order":
        history = (*self.history, StatusChange(at=iso(at), status=status))
        return self._changed(EVENT_OF[status], at, about, status=status, history=history, **facts)

    def _changed(
        self, event_type: str, at: datetime, about: About = None, cause: str | None = None, **facts: Any
    ) -> "Order":
        changed = self.model_copy(update={"version": self.version + 1, **facts})
        return changed.model_copy(update={"pending_event": event_of(changed, event_type, at, about, cause)})

    def is_buyers(self, customer_id: CustomerId | None, token: str | None) -> bool:
        """Whether the customer placed this order, or the token is the one of the guest who did."""
        is_customers = customer_id is not None and customer_id == self.customer_id
        return is_customers or (token is not None and self.opens_with(token))

    def opens_with(self, token: str) -> bool:
        """Whether this is the token that the guest was given at checkout."""
        return self.token_hash is not None and hmac.compare_digest(self.token_hash, token_hash(token))
