"""Orders over HTTP, for admins: the list, and actions on an order, each once per key and with an audit entry."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from chalice import Blueprint
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib import wiring
from chalicelib.notifications.model import Occasion, emails_of
from chalicelib.orders.finding import TooManyNames
from chalicelib.orders.model import Order, OrderNotFound, Reason, Status, TooLateToCancel
from chalicelib.orders.operator_actions import EmailNotDue, OrderEmail, Wish
from chalicelib.orders.returns import NothingToReturn, OrderNotReturnable, ReturnExceedsOrder, ReturnLineUnknown
from chalicelib.orders.routes import CancellationAccepted, PageQuery, ReturnAccepted, ReturnRequest
from chalicelib.orders.store import EVER, Span
from chalicelib.orders.views import AdminOrderPage, admin_order_page
from chalicelib.payments.provider import PaymentDisputed
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.email_address import Email
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import CustomerId, OrderId, ReturnId
from chalicelib.platform.money import Money
from chalicelib.platform.request_keys import (
    IDEMPOTENCY_KEY,
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    request_key,
)
from chalicelib.platform.text import multi_line, one_line
from chalicelib.wiring import operators as wired

routes = Blueprint(__name__)

Why = Annotated[
    str,
    one_line(200),
    Field(description="The reason. Only operators see it, in the order's timeline.", examples=["Called by phone"]),
]


def _day(text: str) -> str:
    """Raises ValueError."""
    return date.fromisoformat(text).isoformat()


Day = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_day),
    Field(examples=["2030-05-17"]),
]
KEYED = (OrderNotFound, IdempotencyKeyInvalid, IdempotencyConflict)
"""What every action on an order may be refused for."""


class OrderCancellation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cause: Annotated[
        Literal[Reason.CUSTOMER_REQUEST, Reason.SHOP_REQUEST],
        Field(description="Whether the buyer asked for it. The buyer's email says so."),
    ]
    why: Why


class OrderRefund(ReturnRequest):
    why: Why


class OrderNote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        multi_line(2000, 1),
        Field(description="Only operators see it, in the order's timeline.", examples=["Wants a gift wrap."]),
    ]


class NoteAdded(BaseModel):
    order_id: OrderId


class ResendRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    occasion: Occasion
    return_id: Annotated[
        Annotated[ReturnId, StringConstraints(max_length=64)] | None,
        Field(description="The return that the email is about, if it is about one."),
    ] = None
    why: Why


class EmailView(BaseModel):
    occasion: Occasion
    return_id: Annotated[ReturnId | None, Field(description="The return that the email is about.")]
    sent_at: Annotated[str | None, Field(description="When it was sent for the first time. Null if it was not.")]


class OrderEmails(BaseModel):
    items: list[EmailView]


class ResendAccepted(BaseModel):
    order_id: OrderId


class AdminOrderFilter(BaseModel):
    """Of one status, or of one customer, or of the whole shop."""

    status: Status | None = None
    customer_id: Annotated[CustomerId, one_line(100)] | None = None
    placed_from: Annotated[Day | None, Field(description="The first day, in UTC.")] = None
    placed_to: Annotated[Day | None, Field(description="The last day, in UTC.")] = None

    @property
    def span(self) -> Span:
        return Span(self.placed_from or EVER.since, f"{self.placed_to}T24" if self.placed_to else EVER.until)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.status and self.customer_id:
            raise ValueError("Ask for a status or for a customer, not for both.")
        if self.span.since > self.span.until:
            raise ValueError("The first day must not be after the last one.")
        return self


class AdminOrderQuery(PageQuery, AdminOrderFilter):
    """A cursor belongs to the list that gave it."""


class OrderTotalsView(BaseModel):
    """What the orders of a list were placed for, cancelled and returned ones included."""

    count: int
    sums: Annotated[list[Money], Field(description="One for each currency.")]
    is_complete: Annotated[bool, Field(description="False if there are more orders than were counted.")]


class BuyerSearch(BaseModel):
    """Addresses and names are personal data, so they are in a body: URLs are logged."""

    model_config = ConfigDict(extra="forbid")

    email: Email | None = None
    text: Annotated[
        Annotated[str, one_line(120)] | None,
        Field(description="The order's number, or the buyer's name or the beginning of it.", examples=["7K3M-9XQ2"]),
    ] = None
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.email is None) == (self.text is None):
            raise ValueError("Search by an email address or by a text.")
        return self


@endpoint(
    routes, "GET", "/admin/orders", summary="List all orders", access="admin",
    query=AdminOrderQuery, answer=AdminOrderPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_all_orders(call: Call, query: AdminOrderQuery) -> AdminOrderPage:
    """Return the shop's orders, newest first: all of them, those of one status, or those of one customer."""
    return admin_order_page(*_asked_for(query))


def _asked_for(query: AdminOrderQuery) -> tuple[list[Order], str | None]:
    if query.status:
        return wiring.orders().in_status(query.status, query.cursor, query.span)
    if query.customer_id:
        return wiring.orders().of_customer(query.customer_id, query.cursor, query.span)
    return wiring.orders().latest(query.cursor, query.span)


@endpoint(
    routes, "GET", "/admin/orders/totals", summary="Count all orders and sum their totals", access="admin",
    query=AdminOrderFilter, answer=OrderTotalsView,
)  # fmt: skip
def count_orders(call: Call, query: AdminOrderFilter) -> OrderTotalsView:
    """Return how many orders a list holds and their totals, counting at most 5,000 orders."""
    index, value = ("by-customer", query.customer_id) if query.customer_id else ("by-status", query.status)
    totals = wired.order_totals().of(index, [value] if value else list(Status), query.span)
    return OrderTotalsView(count=totals.count, sums=totals.sums, is_complete=totals.is_complete)


@endpoint(
    routes, "POST", "/admin/orders/search", summary="Find orders by number, or by their buyer's email address or name",
    access="admin", body=BuyerSearch, answer=AdminOrderPage, refusals=(CursorInvalid, TooManyNames),
)  # fmt: skip
def search_orders(call: Call, body: BuyerSearch) -> AdminOrderPage:
    """Return the orders of an address, or those of a number or a buyer's name, newest first, of guests and customers.
    Letter case, accents, and characters that look alike in a number make no difference.
    """
    if body.email:
        return admin_order_page(*wiring.orders().of_email(body.email, body.cursor))
    return admin_order_page(*wired.order_search().find(body.text or "", body.cursor))


@endpoint(
    routes, "POST", "/admin/orders/{order_id}/cancel", summary="Cancel an order for its buyer or for the shop",
    access="admin", status=202, required_headers=(IDEMPOTENCY_KEY,), body=OrderCancellation,
    answer=CancellationAccepted, refusals=(*KEYED, TooLateToCancel),
)  # fmt: skip
def cancel_order_as_admin(call: Call, order_id: OrderId, body: OrderCancellation) -> CancellationAccepted:
    """Request the cancellation of an order. Payment and stock are compensated asynchronously."""
    wish = _wish(call, order_id, "cancel", body, body.why)
    order = wired.operator_actions().cancel(order_id, wish, Reason(body.cause))
    return CancellationAccepted(order_id=order.id, status=order.status)


@endpoint(
    routes, "POST", "/admin/orders/{order_id}/returns", summary="Refund an order, whole or by line",
    access="admin", status=202, required_headers=(IDEMPOTENCY_KEY,), body=OrderRefund, answer=ReturnAccepted,
    refusals=(
        *KEYED, OrderNotReturnable, NothingToReturn, ReturnLineUnknown, ReturnExceedsOrder, PaymentDisputed,
    ),
)  # fmt: skip
def refund_order(call: Call, order_id: OrderId, body: OrderRefund) -> ReturnAccepted:
    """Return units of a completed order for its buyer. They are refunded and restocked asynchronously."""
    wish = _wish(call, order_id, "refund", body, body.why)
    payments = wiring.payments()
    accepted = wired.operator_actions().refund(order_id, wish, body.wanted, lambda: payments.of(order_id))
    return ReturnAccepted(order_id=order_id, return_id=accepted.id, refund=accepted.refund)


@endpoint(
    routes, "POST", "/admin/orders/{order_id}/notes", summary="Add a note to an order",
    access="admin", status=201, required_headers=(IDEMPOTENCY_KEY,), body=OrderNote, answer=NoteAdded, refusals=KEYED,
)  # fmt: skip
def add_note(call: Call, order_id: OrderId, body: OrderNote) -> NoteAdded:
    """Add a note to the timeline of an order. The buyer does not see it."""
    wired.operator_actions().note(order_id, _wish(call, order_id, "note", body, body.text))
    return NoteAdded(order_id=order_id)


@endpoint(
    routes, "GET", "/admin/orders/{order_id}/emails", summary="List the emails of an order that can be sent again",
    access="admin", answer=OrderEmails, refusals=(OrderNotFound,),
)  # fmt: skip
def list_emails(call: Call, order_id: OrderId) -> OrderEmails:
    """Return all emails that the order has had reason to send and that are still true."""
    order = wiring.orders().get(order_id)
    sent = wiring.notifications().sent(order)
    items = [
        EmailView(occasion=occasion, return_id=return_id, sent_at=sent.get(f"{occasion} {return_id or order_id}"))
        for occasion, return_id in emails_of(order)
    ]
    return OrderEmails(items=items)


@endpoint(
    routes, "POST", "/admin/orders/{order_id}/emails", summary="Send an email of an order again",
    access="admin", status=202, required_headers=(IDEMPOTENCY_KEY,), body=ResendRequest, answer=ResendAccepted,
    refusals=(*KEYED, EmailNotDue),
)  # fmt: skip
def send_email_again(call: Call, order_id: OrderId, body: ResendRequest) -> ResendAccepted:
    """Send one of the order's emails again, as the order is now. It goes out asynchronously, to the order's address."""
    email = OrderEmail(body.occasion, body.return_id)
    wired.operator_actions().send_again(order_id, _wish(call, order_id, "email", body, body.why), email)
    return ResendAccepted(order_id=order_id)


def _wish(call: Call, order_id: OrderId, kind: str, body: BaseModel, why: str) -> Wish:
    """Raises IdempotencyKeyInvalid."""
    asked: list[Any] = [order_id, kind, body.model_dump(mode="json")]
    key = request_key(call, f"order {order_id}", asked)
    if key is None:
        raise IdempotencyKeyInvalid
    return Wish(key=key, by=call.caller.email or call.customer_id, why=why)
