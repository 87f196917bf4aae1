"""Inventory API, for admins."""

from typing import Annotated

from chalice import Blueprint
from pydantic import Field, StringConstraints

from chalicelib import wiring
from chalicelib.catalog.model import ProductNotFound
from chalicelib.inventory.model import Note, Stock, StockBusy, StockLedger, StockSetAside, StockTooLow
from chalicelib.inventory.shards import MOST_SHARDS
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import Sku
from chalicelib.platform.request_keys import IDEMPOTENCY_KEY, IdempotencyConflict, IdempotencyKeyInvalid, request_key

routes = Blueprint(__name__)


Reason = Annotated[Note, Field(description="The reason, shown in the adjustment's history.")]


class StockChange(BaseModel):
    delta: Annotated[int, Field(ge=-100_000, le=100_000, strict=True, description="Units received, or taken away.")]
    note: Reason = ""


class StockLevel(BaseModel):
    on_hand: Annotated[
        int,
        Field(ge=0, le=1_000_000, strict=True, description="Units in the warehouse, those set aside for orders too."),
    ]
    note: Reason = ""


class StockSplit(BaseModel):
    shards: Annotated[
        int,
        Field(ge=1, le=MOST_SHARDS, strict=True, description="Counters to spread reservations over; 1 merges them."),
    ]


class StockQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None


@endpoint(
    routes, "GET", "/admin/stock/{sku}", summary="Get stock levels and recent adjustments", access="admin",
    query=StockQuery, answer=StockLedger, refusals=(ProductNotFound, CursorInvalid),
)  # fmt: skip
def get_stock(call: Call, sku: Sku, query: StockQuery) -> StockLedger:
    """Return the stock levels of a product and its latest adjustments."""
    wiring.catalog().product(sku)
    return wiring.inventory().ledger(sku, query.cursor)


@endpoint(
    routes, "POST", "/admin/stock/{sku}", summary="Adjust the stock", access="admin", changes_shared=True,
    headers=(IDEMPOTENCY_KEY,), body=StockChange, answer=Stock,
    refusals=(ProductNotFound, StockTooLow, StockBusy, IdempotencyKeyInvalid, IdempotencyConflict),
)  # fmt: skip
def change_stock(call: Call, sku: Sku, body: StockChange) -> Stock:
    """Add units to the stock, or remove them with a negative `delta`. Repeat safely with an idempotency key."""
    key = request_key(call, "stock", [sku, body.model_dump()])
    wiring.catalog().product(sku)
    return wiring.inventory().receive(sku, body.delta, body.note, call.caller.email, key)


@endpoint(
    routes, "PUT", "/admin/stock/{sku}", summary="Set the units on hand", access="admin", changes_shared=True,
    headers=(IDEMPOTENCY_KEY,), body=StockLevel, answer=Stock,
    refusals=(ProductNotFound, StockSetAside, StockBusy, IdempotencyKeyInvalid, IdempotencyConflict),
)  # fmt: skip
def set_stock(call: Call, sku: Sku, body: StockLevel) -> Stock:
    """Set the number of units on hand, as counted. Reserved units are part of it."""
    key = request_key(call, "stock", [sku, body.model_dump()])
    wiring.catalog().product(sku)
    return wiring.inventory().set_on_hand(sku, body.on_hand, body.note, call.caller.email, key)


@endpoint(
    routes, "PUT", "/admin/stock/{sku}/shards", summary="Split or merge the stock", access="admin",
    body=StockSplit, answer=Stock, refusals=(ProductNotFound, StockBusy),
)  # fmt: skip
def split_stock(call: Call, sku: Sku, body: StockSplit) -> Stock:
    """Spread the stock over several counters, each of which takes 250 orders a second. Repeating it changes nothing.

    A counter that is dropped keeps the units that orders have reserved there until they are sold or released.
    """
    wiring.catalog().product(sku)
    return wiring.inventory().split(sku, body.shards, call.caller.email)
