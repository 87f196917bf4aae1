"""Guests' orders over HTTP: a new link by email, and taking them over into an account."""

from typing import Annotated, Literal

from chalice import Blueprint
from pydantic import Field, StringConstraints

from chalicelib import wiring
from chalicelib.orders.model import OrderNotFound
from chalicelib.orders.numbers import number_in
from chalicelib.orders.routes import PageQuery
from chalicelib.orders.service import PAGE_SIZE, EmailNotConfirmed
from chalicelib.orders.views import OrderPage, order_page
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.email_address import Email
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import ORDER_ID, Call, endpoint
from chalicelib.platform.ids import OrderId

routes = Blueprint(__name__)

GivenOrderId = Annotated[OrderId, StringConstraints(pattern=rf"^{ORDER_ID.pattern}$")]


class OrderSearch(BaseModel):
    order_id: Annotated[
        OrderId,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
        Field(description="The order's number, as in the email, or its id.", examples=["7K3M-9XQ2"]),
    ]
    email: Email


class OrderSearchAccepted(BaseModel):
    """The response is the same whether or not the order exists and an email is sent."""

    accepted: Literal[True] = True


class ClaimRequest(BaseModel):
    order_ids: Annotated[list[GivenOrderId], Field(min_length=1, max_length=PAGE_SIZE)]


class ClaimedOrders(BaseModel):
    order_ids: list[OrderId]


@endpoint(
    routes, "POST", "/orders/find", summary="Request a new link to an order",
    status=202, body=OrderSearch, answer=OrderSearchAccepted,
)  # fmt: skip
def find_order(call: Call, body: OrderSearch) -> OrderSearchAccepted:
    """Email a new link to the address of the order. The response and its timing are the same for an unknown order."""
    asked = OrderId(number_in(body.order_id) or body.order_id)
    wiring.link_requests().request(asked, body.email, wiring.client_of(call))
    return OrderSearchAccepted()


@endpoint(
    routes, "GET", "/orders/claimable", summary="List claimable guest orders",
    access="customer", query=PageQuery, answer=OrderPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_claimable_orders(call: Call, query: PageQuery) -> OrderPage:
    """Return orders that were placed as a guest with the customer's confirmed email address."""
    return order_page(*wiring.orders().claimable(call.caller, query.cursor))


@endpoint(
    routes, "POST", "/orders/claim", summary="Claim guest orders", access="customer",
    body=ClaimRequest, answer=ClaimedOrders, refusals=(EmailNotConfirmed, OrderNotFound),
)  # fmt: skip
def claim_orders(call: Call, body: ClaimRequest) -> ClaimedOrders:
    """Move guest orders into the customer's account. Orders before a refused one stay claimed."""
    claimed = [wiring.orders().claim(call.caller, order_id).id for order_id in body.order_ids]
    return ClaimedOrders(order_ids=claimed)
