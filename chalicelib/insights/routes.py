"""Insights over HTTP: for the shop's people, for buyers, and for whoever browses. Names are the catalog's."""

from typing import Annotated

from chalice import Blueprint
from pydantic import BaseModel, Field

from chalicelib import wiring
from chalicelib.catalog.model import ProductNotFound
from chalicelib.catalog.routes import ProductView
from chalicelib.insights.documents import INVOICE_URL_SECONDS, invoice_key
from chalicelib.insights.model import InvoiceNotReady, best_selling
from chalicelib.orders.model import OrderNotFound, OrderTokenRequired
from chalicelib.orders.routes import ORDER_TOKEN
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.money import SHOP_CURRENCY

routes = Blueprint(__name__)

TOP_PRODUCTS = 10
RECOMMENDED = 4
LOOKED_AT = 20
"""So many candidates are asked for in the catalog: some may not be sold any more."""

Revenue = Annotated[int, Field(description="Minor units, less what was returned; so it may be less than nothing.")]


class DayView(BaseModel):
    date: Annotated[str, Field(description="In UTC.", examples=["2030-05-17"])]
    orders: int
    pieces: int
    revenue: Revenue


class TopProduct(BaseModel):
    sku: str
    name: Annotated[str | None, Field(description="Absent if it is not sold any more.")]
    pieces: int
    revenue: Revenue


class Pair(BaseModel):
    skus: tuple[str, str]
    orders: Annotated[int, Field(description="How many orders had both.")]


class InsightsView(BaseModel):
    currency: str
    days: Annotated[list[DayView], Field(description="Today is the last.")]
    top_products: Annotated[list[TopProduct], Field(description="Of these days, most revenue first.")]
    bought_together: Annotated[list[Pair], Field(description="Since the shop was opened, the most frequent first.")]
    points: Annotated[int, Field(description="Of all customers together.")]


class InsightsQuery(BaseModel):
    days: Annotated[int, Field(ge=1, le=31)] = 7


class AlsoBought(BaseModel):
    items: list[ProductView]
    next_cursor: None = None


class Points(BaseModel):
    points: Annotated[int, Field(description="One for each whole euro of completed orders that were not returned.")]


class InvoiceLink(BaseModel):
    url: Annotated[str, Field(description="An HTML document. Whoever has this address can read it, for a short time.")]
    expires_in_seconds: int


@endpoint(
    routes, "GET", "/admin/insights", summary="What was sold lately, and what it led to", access="admin",
    query=InsightsQuery, answer=InsightsView,
)  # fmt: skip
def get_insights(call: Call, query: InsightsQuery) -> InsightsView:
    days = wiring.insights().sales(query.days)
    best = best_selling(days)[:TOP_PRODUCTS]
    products = wiring.catalog().products([sku for sku, _ in best])
    return InsightsView(
        currency=SHOP_CURRENCY,
        days=[DayView(date=day.date, orders=day.orders, pieces=day.pieces, revenue=day.revenue) for day in days],
        top_products=[
            TopProduct(
                sku=sku,
                name=products[sku].name if sku in products else None,
                pieces=sold.pieces,
                revenue=sold.revenue,
            )
            for sku, sold in best
        ],
        bought_together=[
            Pair(skus=(one, other), orders=orders) for one, other, orders in wiring.insights().bought_together()
        ],
        points=wiring.insights().all_points(),
    )


@endpoint(
    routes, "GET", "/products/{sku}/also-bought", summary="What was bought together with a product, at most four",
    answer=AlsoBought, refusals=(ProductNotFound,),
)  # fmt: skip
def list_also_bought(call: Call, sku: str) -> AlsoBought:
    wiring.catalog().product(sku)
    skus = wiring.insights().also_bought(sku)[:LOOKED_AT]
    products = wiring.catalog().products(skus)
    recommended = [sku for sku in skus if sku in products][:RECOMMENDED]
    available = wiring.inventory().available(recommended)
    return AlsoBought(
        items=[ProductView(**products[sku].model_dump(), available=available.get(sku, 0)) for sku in recommended]
    )


@endpoint(routes, "GET", "/me/points", summary="The customer's points", access="customer", answer=Points)
def get_points(call: Call) -> Points:
    return Points(points=wiring.insights().points_of(call.customer_id))


@endpoint(
    routes, "GET", "/orders/{order_id}/invoice", summary="Where an order's invoice can be read",
    headers=(ORDER_TOKEN,), answer=InvoiceLink, refusals=(OrderTokenRequired, OrderNotFound, InvoiceNotReady),
)  # fmt: skip
def get_invoice(call: Call, order_id: str) -> InvoiceLink:
    order = wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id)
    wiring.insights().require_invoice(order.id)
    url = wiring.documents().address(invoice_key(order.id))
    return InvoiceLink(url=url, expires_in_seconds=INVOICE_URL_SECONDS)
