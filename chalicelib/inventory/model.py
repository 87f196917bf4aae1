"""Stock and reservations.

For every sku, `available + reserved + sold = received`, and none of them is ever negative. A
reservation moves pieces between those counters and remembers how far it went:

    HELD ──commit──► COMMITTED ──sell──► SOLD ──restock──► back on the shelf, piece by piece
      └──────release────────┴──► RELEASED
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.platform.errors import Conflict
from chalicelib.platform.text import one_line


class OutOfStock(Exception):
    """At least one line asks for more than is available; nothing was reserved."""


class ReservationEnded(Exception):
    """The reservation was released or has expired, so its pieces may belong to others."""


class StockTooLow(Conflict):
    """There are fewer pieces available than you want to take away."""


class StockSetAside(Conflict):
    """More units are set aside for open orders than you say are on hand."""


class StockBusy(Conflict):
    """This stock is being changed from elsewhere at the same time. Please try again."""


class ReservationStatus(StrEnum):
    HELD = "HELD"
    COMMITTED = "COMMITTED"
    SOLD = "SOLD"
    RELEASED = "RELEASED"


class Stock(BaseModel):
    """Pieces of one sku."""

    model_config = ConfigDict(frozen=True)

    sku: str
    available: int = 0
    reserved: int = 0
    sold: int = 0
    received: int = 0

    @property
    def on_hand(self) -> int:
        """Units in the warehouse: those that can be bought, and those set aside for open orders."""
        return self.available + self.reserved


Note = Annotated[str, one_line(200, min_length=0)]


class StockAdjustment(BaseModel):
    """Pieces that came, or were taken away, other than by an order: by hand, or with a file of products."""

    model_config = ConfigDict(frozen=True)

    at: str
    delta: int
    note: str = ""
    by: Annotated[str | None, Field(description="Whose hand it was. None of a file.")] = None


class StockLedger(Stock):
    movements: Annotated[list[StockAdjustment], Field(description="Newest first.")]
    next_cursor: Annotated[str | None, Field(description="Of older movements.")] = None


class Booked(StrEnum):
    """What became of an adjustment of stock: written, written before under the same id, or not written, because the
    stock is too low or is not as it was read."""

    WRITTEN = "WRITTEN"
    REPEATED = "REPEATED"
    REFUSED = "REFUSED"


class Reservation(BaseModel):
    """`quantities` maps sku to pieces. A HELD reservation ends at `expires_at`; a COMMITTED one does not."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    status: ReservationStatus
    quantities: dict[str, int]
    expires_at: datetime
