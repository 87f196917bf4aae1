"""Stock over HTTP, for admins."""

from typing import Annotated

from chalice import Blueprint
from pydantic import BaseModel, Field

from chalicelib import wiring
from chalicelib.catalog.model import ProductNotFound
from chalicelib.inventory.model import Note, Shelf, Stock, StockTooLow
from chalicelib.platform.http import Call, endpoint

routes = Blueprint(__name__)


class StockChange(BaseModel):
    delta: Annotated[int, Field(ge=-100_000, le=100_000, strict=True, description="Pieces received, or taken away.")]
    note: Annotated[Note, Field(description="Why, for whoever looks later.")] = ""


@endpoint(
    routes, "GET", "/admin/stock/{sku}", summary="How many pieces there are, and where; how they came", access="admin",
    answer=Shelf, refusals=(ProductNotFound,),
)  # fmt: skip
def get_stock(call: Call, sku: str) -> Shelf:
    wiring.catalog().product(sku)
    return wiring.inventory().shelf(sku)


@endpoint(
    routes, "POST", "/admin/stock/{sku}", summary="Receive pieces, or take them away", access="admin",
    body=StockChange, answer=Stock, refusals=(ProductNotFound, StockTooLow),
)  # fmt: skip
def change_stock(call: Call, sku: str, body: StockChange) -> Stock:
    wiring.catalog().product(sku)
    return wiring.inventory().receive(sku, body.delta, body.note, call.caller.email)
