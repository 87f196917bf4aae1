"""Stock ledger and reservations.

For every SKU, `available + reserved + sold = received`, and no counter is ever negative. A reservation moves units
between the counters and records its own status:

    HELD ──commit──► COMMITTED ──sell──► SOLD ──restock──► available again, once per return
      └──────release────────┴──► RELEASED
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict
from chalicelib.platform.ids import OrderId, Sku
from chalicelib.platform.text import one_line


class OutOfStock(Exception):
    """At least one line asks for more units than are available; nothing was reserved."""


class UnitsNotSold(Exception):
    """A return brings back more units of a SKU than are sold."""


class ReservationEnded(Exception):
    """The reservation was released or has expired, so its units may belong to other orders."""


class StockTooLow(Conflict):
    """Fewer units are available than the request removes."""


class StockSetAside(Conflict):
    """More units are reserved for open orders than the request says are on hand."""


class StockBusy(Conflict):
    """This stock is being changed by another request. Please try again."""


class ReservationStatus(StrEnum):
    HELD = "HELD"
    COMMITTED = "COMMITTED"
    SOLD = "SOLD"
    RELEASED = "RELEASED"


class Stock(BaseModel):
    """Stock counters of one SKU, in units."""

    model_config = ConfigDict(frozen=True)

    sku: Sku
    available: int = 0
    reserved: int = 0
    sold: int = 0
    received: int = 0
    shards: Annotated[int, Field(description="Counters that reservations are spread over; 1 if not split.")] = 1

    @property
    def on_hand(self) -> int:
        """Return the units in the warehouse: available and reserved ones."""
        return self.available + self.reserved


Note = Annotated[str, one_line(200, min_length=0)]


class StockAdjustment(BaseModel):
    """A change of stock that no order made: by an operator, or by a product import."""

    model_config = ConfigDict(frozen=True)

    at: str
    delta: int
    note: str = ""
    by: Annotated[str | None, Field(description="Email of the operator; absent for an import.")] = None
    shards: Annotated[int | None, Field(description="Number of shards, if this adjustment changed it.")] = None


class StockLedger(Stock):
    movements: Annotated[list[StockAdjustment], Field(description="Newest first.")]
    next_cursor: Annotated[str | None, Field(description="Cursor of older adjustments.")] = None


class Booked(StrEnum):
    """Outcome of an adjustment: WRITTEN; REPEATED (its id was written before); REFUSED, because the stock is too low or
    has changed since it was read; or SPLIT, which means that the shards must be read first."""

    WRITTEN = "WRITTEN"
    REPEATED = "REPEATED"
    REFUSED = "REFUSED"
    SPLIT = "SPLIT"


Allocations = dict[Sku, dict[int, int]]
"""Units of each SKU by the shard that they are taken from."""


class Reservation(BaseModel):
    """Units per SKU that one order reserved. A HELD reservation ends at `expires_at`; a COMMITTED one does not.

    `allocations` holds the SKUs whose units are not all on the first shard.
    """

    model_config = ConfigDict(frozen=True)

    order_id: OrderId
    status: ReservationStatus
    quantities: dict[Sku, int]
    expires_at: datetime
    allocations: Allocations = {}

    @property
    def by_shard(self) -> Allocations:
        """Return where all its units are counted."""
        return {sku: self.allocations.get(sku, {0: units}) for sku, units in self.quantities.items()}
