"""Reports: what is asked of the read model and what it answers. Days and months are those of the shop's time zone."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.orders.model import Status
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.ids import OrderId, OrderNumber, Sku
from chalicelib.platform.text import one_line

PAGE_SIZE = 25
LARGEST_AMOUNT = 10**12

Month = Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", examples=["2030-05"])]
Amount = Annotated[int, Field(description="Minor units of the shop's currency.")]
Limit = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT, description="Minor units, inclusive.")]


class CohortsQuery(BaseModel):
    months: Annotated[int, Field(ge=1, le=24, description="How many months back the oldest cohort begins.")] = 12


class Repeat(BaseModel):
    months_later: Annotated[int, Field(ge=0, description="0 is the month of the first order.", examples=[1])]
    customers: Annotated[int, Field(description="Customers of the cohort who ordered in that month.", examples=[4])]
    revenue: Annotated[Amount, Field(examples=[12450])]


class Cohort(BaseModel):
    month: Month
    customers: Annotated[int, Field(description="Customers whose first order is of this month.", examples=[12])]
    repeats: Annotated[list[Repeat], Field(description="Only months with orders, the first one first.")]


class Cohorts(BaseModel):
    """Guests are in no cohort: the read model holds nothing that recognizes them."""

    currency: str
    items: Annotated[list[Cohort], Field(description="The newest month first.")]


class CategoriesQuery(BaseModel):
    since: Annotated[date | None, Field(description="The first day of placing. None: twelve months ago.")] = None
    until: Annotated[date | None, Field(description="The last day of placing. None: today.")] = None


class CategoryMonth(BaseModel):
    """Completed orders by the month in which they were placed."""

    month: Month
    category: Annotated[str | None, Field(description="As of the product's last order; null if it is not known.")]
    orders: Annotated[int, Field(examples=[31])]
    units: Annotated[int, Field(examples=[48])]
    returned: Annotated[int, Field(description="Units that came back.", examples=[2])]
    revenue: Annotated[Amount, Field(description="Minor units: lines with their part of discounts and taxes.")]
    refunds: Annotated[Amount, Field(description="Minor units: what was refunded for returned units.", examples=[2490])]
    net: Annotated[Amount, Field(description="Minor units: revenue less refunds.", examples=[9960])]


class Categories(BaseModel):
    currency: str
    items: Annotated[list[CategoryMonth], Field(description="The newest month first, then by net revenue.")]


class OrderSearch(BaseModel):
    """Filters of a search; absent ones do not restrict it. Days are those of placing."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[
        str | None,
        one_line(100),
        Field(description='Words, "a phrase", -excluded, or alternatives with "or", in number, status and products.'),
    ] = None
    status: Status | None = None
    country: Annotated[str | None, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")] = None
    category: Annotated[str | None, one_line(40)] = None
    sku: Annotated[Sku | None, one_line(40)] = None
    min_total: Limit | None = None
    max_total: Limit | None = None
    since: Annotated[date | None, Field(description="The first day.")] = None
    until: Annotated[date | None, Field(description="The last day.")] = None
    cursor: str | None = None

    @property
    def position(self) -> tuple[datetime, str] | None:
        """Return time and id of the last order on the page before. Raises CursorInvalid."""
        if not self.cursor:
            return None
        key = decoded(self.cursor, {"list": "reported-orders"}, "at", "id")
        try:
            return datetime.fromisoformat(key["at"]), key["id"]
        except ValueError:
            raise CursorInvalid from None

    def checked(self) -> "OrderSearch":
        """Return itself, with a cursor that can be read. Raises CursorInvalid."""
        _ = self.position
        return self


def cursor_after(at: str, order_id: OrderId) -> str | None:
    return encoded({"list": "reported-orders", "at": at, "id": order_id})


class ReportedOrder(BaseModel):
    order_id: OrderId
    number: Annotated[OrderNumber, Field(examples=["7K3M-9XQ2"])]
    status: Status
    reason: str | None
    country: str
    total: Annotated[Amount, Field(examples=[12450])]
    currency: str
    placed_at: Annotated[str, Field(examples=["2030-05-17T09:30:00.000Z"])]
    products: Annotated[list[str], Field(description="Names at checkout.", examples=[["Enamel mug"]])]


class ReportedOrders(BaseModel):
    matching: Annotated[int, Field(description="How many orders match, on all pages.", examples=[1])]
    matching_total: Annotated[Amount, Field(description="Minor units: their totals together.", examples=[12450])]
    items: Annotated[list[ReportedOrder], Field(description="Newest first.")]
    next_cursor: str | None


ReportName = Literal["cohorts", "categories", "orders"]


class ReportRequest(BaseModel):
    """What the API sends to the function that asks the database."""

    report: ReportName
    query: dict[str, Any]
