"""Shipment state machine, and the messages to and from the warehouse.

REQUESTED ► DISPATCHED ► RECALLED
    ├──► REFUSED
    └──► RECALLED (also written where nothing was requested, so that no request can come late)
"""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, ConfigDict

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.dynamo import Versioned
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.ids import OrderId, Sku


class ShipmentRefused(Exception):
    """The warehouse cannot or will not send this."""


class WarehouseSilent(Exception):
    """The warehouse has the request and gave no sign of life, or did not dispatch, in its time."""


class ShipmentBusy(Unavailable):
    """The shipment is changed by others all the time; try again."""


class ShipmentEnded(Exception):
    """The shipment was recalled or refused; it cannot be requested again."""


class ShipmentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    DISPATCHED = "DISPATCHED"
    REFUSED = "REFUSED"
    RECALLED = "RECALLED"


class Shipment(Versioned):
    """`task_token` belongs to the saga's step that waits now; the warehouse's answer wakes it. Times are ISO 8601.

    `requested_at` is None until the request was certainly sent; `accepted_at` is the warehouse's own time;
    `last_reply_at` is when its last answer was processed. `left_at` is set where a parcel left although it was
    recalled or refused, and `recall_outcome` is the warehouse's last answer to a recall.
    """

    status: ShipmentStatus
    task_token: str | None = None
    requested_at: str | None = None
    accepted_at: str | None = None
    last_reply_at: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    recall_outcome: str | None = None
    left_at: str | None = None

    @property
    def may_leave(self) -> bool:
        """Whether the parcel may still leave, or has left."""
        return self.status in (ShipmentStatus.REQUESTED, ShipmentStatus.DISPATCHED)

    @property
    def may_be_known_to_warehouse(self) -> bool:
        """False for a shipment that was closed before anything was requested."""
        return self.task_token is not None


class Parcel(BaseModel):
    """What the warehouse needs to know: where to, and what. `phone` is for the carrier."""

    order_id: OrderId
    name: str
    line1: str
    line2: str | None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str
    phone: str | None = None
    quantities: dict[Sku, int]


class WarehouseRequest(BaseModel):
    """A message to the warehouse: `ship` a parcel, or `recall` it. See docs/patterns/warehouse.md.

    `version` is the shipment's. The queue is unordered, so the warehouse ignores a `ship` that is older than a
    `recall` it knows of the same order.
    """

    action: Literal["ship", "recall"]
    order_id: OrderId
    version: int
    parcel: Parcel | None = None


class WarehouseReply(BaseModel):
    """A message from the warehouse. The first three answer `ship`, the last three answer `recall`.

    `accepted` is a sign of life that may be repeated. `at` is the warehouse's time.
    """

    model_config = ConfigDict(extra="ignore")

    order_id: OrderId
    outcome: Literal["accepted", "dispatched", "refused", "recalled", "already_dispatched", "returned"]
    at: AwareDatetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    reason: str | None = None
