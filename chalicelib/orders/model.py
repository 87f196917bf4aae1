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

from chalicelib.events.contracts import Line, PaymentMovement, Returned, Variant, contract_of, new_event
from chalicelib.events.envelope import Envelope
from chalicelib.orders.keys import fingerprint, token_hash
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import iso
from chalicelib.platform.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable, UnprocessableRequest
from chalicelib.platform.money import Money
from chalicelib.platform.request_keys import IdempotencyConflict
from chalicelib.pricing.apportioning import parts_of_return
from chalicelib.pricing.model import Adjustment, total_of
from chalicelib.shipping.address import Address

EVENT_VERSION = 1


class OrderNotFound(NotFound):
    """There is no such order, or it is not yours."""


class OrderTokenRequired(Unauthenticated):
    """Sign in, or send the order's X-Order-Token."""


class LinkRevoked(Unauthenticated):
    """This order belongs to an account now. Sign in to see it."""


class EmailNotConfirmed(Forbidden):
    """Confirm the address of your account first."""


class CartEmpty(UnprocessableRequest):
    """There is nothing in the cart to buy."""


class CheckoutBusy(Conflict):
    """This checkout is being made at this very moment. Please repeat it with the same key."""


class TooLateToCancel(Conflict):
    """The parcel has left us, so the order cannot be cancelled any more. You can return it."""


class OrderNotReturnable(Conflict):
    """Only a completed order can be returned."""


class NothingToReturn(Conflict):
    """Every piece of this order was returned already."""


class ReturnExceedsOrder(Conflict):
    """More units are to be returned than that line has left."""


class ReturnLineUnknown(UnprocessableRequest):
    """The order has no such line."""


class IllegalTransition(Exception):
    """The order cannot go from its status to that one."""


class ReturnUnknown(Exception):
    """The order has no return with this id."""


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

CANCEL_REQUESTED = "OrderCancelRequested"
DISPATCHED = "OrderDispatched"
RETURN_REQUESTED = "OrderReturnRequested"
PARTLY_RETURNED = "OrderPartlyReturned"
REFUND_FAILED, REFUND_RETRIED = "PaymentRefundFailed", "PaymentRefundRetried"
CLAIMED = "OrderClaimed"


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


class StatusChange(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: str
    status: Status


class ReturnStatus(StrEnum):
    REQUESTED = "REQUESTED"
    REFUNDED = "REFUNDED"


class Return(BaseModel):
    """Returned units. `quantities` maps sku to units, `fingerprint` is of the request, `value` is what the units cost
    with their part of the order's adjustments, and `refund` is what is to be refunded or, once REFUNDED, what was;
    `shortfall` says why that is less than their value."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: ReturnStatus
    requested_at: str
    quantities: dict[str, int]
    refund: Money
    fingerprint: str
    value: Money | None = None
    shortfall: str | None = None

    @property
    def worth(self) -> int:
        """Minor units of its value; returns that are older than the field had no other refund than that."""
        return (self.value or self.refund).amount


class FailedRefund(BaseModel):
    """Minor units that were refunded and did not arrive. `reference` is the refund's id at the payment provider."""

    model_config = ConfigDict(frozen=True)

    reference: str
    amount: int
    return_id: str | None = None


About = Return | PaymentMovement | None
"""What an event is about, beside its order."""

RETURN_FACTS = {"refund", "quantities", "value", "shortfall"}


class Order(BaseModel):
    """`version` counts the changes; the event of version n is the n-th of the order.

    `noted` holds the facts that other contexts reported, so that none is published twice. `client` is a keyed
    fingerprint of the address that the order was placed from: it limits the emails that one client can cause.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    version: int
    status: Status
    reason: Reason | None = None
    customer_id: str | None = None
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
        return self.total.amount > 0 and any(moment.status == Status.AUTHORIZED for moment in self.history)

    @property
    def quantities(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in self.lines}

    @property
    def returned(self) -> Counter[str]:
        """Return the units by sku that came back or are on their way back."""
        return sum((Counter(each.quantities) for each in self.returns), Counter())

    @property
    def is_cancellable(self) -> bool:
        return not (self.is_over or self.cancellation or self.dispatched_at)

    @property
    def is_returnable(self) -> bool:
        return self.status == Status.COMPLETED and self.returned != self.quantities

    def advanced(self, status: Status, at: datetime, reason: Reason | None = None) -> "Order":
        """This order in its next status. Returns itself if it was there before.

        A reason that was given with the wish to cancel outweighs the one given now. Raises
        IllegalTransition, and CancellationRequested where only cancelling is left.
        """
        was_there = any(moment.status == status for moment in self.history)
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

    def claimed(self, customer_id: str, at: datetime) -> "Order":
        """Return it as this customer's. Raise OrderNotFound if it is another customer's."""
        if self.customer_id == customer_id:
            return self
        if self.customer_id is not None:
            raise OrderNotFound
        return self._changed(CLAIMED, at, customer_id=customer_id)

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
        return self._changed(CANCEL_REQUESTED, at, cancellation=reason)

    def dispatched(self, at: datetime) -> "Order":
        """The parcel has left. Raises CancellationRequested if a cancellation came first, and IllegalTransition."""
        if self.dispatched_at:
            return self
        self.must_go_on()
        if self.status != Status.SHIPPING:
            raise IllegalTransition(f"{self.status} cannot be dispatched")
        return self._changed(DISPATCHED, at, dispatched_at=iso(at))

    def return_requested(
        self, return_id: str, wanted: dict[str, int] | None, at: datetime, kept: int | None = None
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
        quantities = self._returnable(wanted)
        value = self._value(quantities, self.returned)
        requested = Return(
            id=return_id,
            status=ReturnStatus.REQUESTED,
            requested_at=iso(at),
            quantities=quantities,
            refund=value.model_copy(update={"amount": self._refundable(value.amount, kept)}),
            fingerprint=asked,
            value=value,
        )
        return self._changed(RETURN_REQUESTED, at, requested, returns=(*self.returns, requested))

    def _value(self, quantities: dict[str, int], returned: Counter[str]) -> Money:
        """Return what these units cost with their part of the adjustments, after others came back."""
        items = sum(line.unit_price.amount * quantities.get(line.sku, 0) for line in self.lines)
        parts = parts_of_return(self.lines, self.adjustments, returned, quantities)
        return Money(amount=items + sum(part.amount for part in parts), currency=self.total.currency)

    def adjustments_of(self, return_id: str) -> list[Adjustment]:
        """Return the part of the order's adjustments that is in the value of a return; none for an unknown one."""
        before: Counter[str] = Counter()
        for each in self.returns:
            if each.id == return_id:
                return parts_of_return(self.lines, self.adjustments, before, each.quantities)
            before += Counter(each.quantities)
        return []

    def _refundable(self, value: int, kept: int | None) -> int:
        """Of what is kept, other returns that are under way get theirs first."""
        if kept is None:
            return value
        promised = sum(each.refund.amount for each in self.returns if each.status == ReturnStatus.REQUESTED)
        return max(0, min(value, kept - promised))

    def return_settled(self, return_id: str, refunded: int, at: datetime, shortfall: str | None = None) -> "Order":
        """With so much given back for this return, in minor units. RETURNED once every piece is back.

        `shortfall` says why it is less than the units' value. Raises IllegalTransition.
        """
        known = self.return_of(return_id)
        if known is None:
            raise IllegalTransition(f"no return {return_id}")
        if known.status == ReturnStatus.REFUNDED:
            return self
        refund = Money(amount=refunded, currency=self.total.currency)
        settled = known.model_copy(
            update={"status": ReturnStatus.REFUNDED, "refund": refund, "shortfall": shortfall or None}
        )
        returns = tuple(settled if each.id == return_id else each for each in self.returns)
        is_whole = self.returned == self.quantities and all(r.status == ReturnStatus.REFUNDED for r in returns)
        if is_whole:
            return self._in_status(Status.RETURNED, at, settled, returns=returns)
        return self._changed(PARTLY_RETURNED, at, settled, returns=returns)

    def told(
        self, event_type: str, fact: str, cause: str, at: datetime, movement: PaymentMovement | None = None
    ) -> "Order":
        """With something noted that happened to it elsewhere; once for each fact."""
        if fact in self.noted:
            return self
        failed = self._failed_refunds_after(event_type, movement)
        return self._changed(event_type, at, movement, cause, noted=(*self.noted, fact), failed_refunds=failed)

    def _failed_refunds_after(self, event_type: str, movement: PaymentMovement | None) -> tuple[FailedRefund, ...]:
        """Refunds of others are theirs to make again."""
        if movement is None:
            return self.failed_refunds
        if event_type == REFUND_FAILED and not movement.outside:
            failed = FailedRefund(
                reference=movement.reference, amount=movement.amount.amount, return_id=movement.return_id
            )
            return (*self.failed_refunds, failed)
        if event_type == REFUND_RETRIED:
            return tuple(each for each in self.failed_refunds if each.return_id != movement.return_id)
        return self.failed_refunds

    def accepted_return(self, return_id: str) -> Return:
        """Raises ReturnUnknown."""
        found = self.return_of(return_id)
        if found is None:
            raise ReturnUnknown(return_id)
        return found

    def return_of(self, return_id: str) -> Return | None:
        return next((each for each in self.returns if each.id == return_id), None)

    def _returnable(self, wanted: dict[str, int] | None) -> dict[str, int]:
        if self.status not in (Status.COMPLETED, Status.RETURNED):
            raise OrderNotReturnable
        left = +(Counter(self.quantities) - self.returned)
        if not left:
            raise NothingToReturn
        if wanted is None:
            return dict(left)
        for sku, quantity in wanted.items():
            if sku not in self.quantities:
                raise ReturnLineUnknown(fields={"lines": f"There is no {sku} in this order."})
            if quantity > left[sku]:
                raise ReturnExceedsOrder(f"Of {sku}, {left[sku]} can still be returned.")
        return wanted

    def _in_status(self, status: Status, at: datetime, about: About = None, **facts: Any) -> "Order":
        history = (*self.history, StatusChange(at=iso(at), status=status))
        return self._changed(EVENT_OF[status], at, about, status=status, history=history, **facts)

    def _changed(
        self, event_type: str, at: datetime, about: About = None, cause: str | None = None, **facts: Any
    ) -> "Order":
        changed = self.model_copy(update={"version": self.version + 1, **facts})
        return changed.model_copy(update={"pending_event": _event(changed, event_type, at, about, cause)})

    def is_buyers(self, customer_id: str | None, token: str | None) -> bool:
        """Whether the customer placed this order, or the token is the one of the guest who did."""
        is_customers = customer_id is not None and customer_id == self.customer_id
        return is_customers or (token is not None and self.opens_with(token))

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
    payment_method: str | None,
    lines: list[OrderLine],
    adjustments: tuple[Adjustment, ...] = (),
    at: datetime,
    variant: Variant | None = None,
    client: str | None = None,
) -> Order:
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
    )
    return order.model_copy(update={"pending_event": _event(order, EVENT_OF[Status.PLACED], at)})


def _event(order: Order, event_type: str, at: datetime, about: About = None, cause: str | None = None) -> Envelope:
    """Raises ContractBroken: an event that nobody could read is never saved."""
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
    elif about:
        facts["movement"] = about
    return new_event(contract.data(**facts), about=order.id, at=at, cause=cause)
