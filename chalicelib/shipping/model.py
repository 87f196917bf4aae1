"""A shipment, and what the warehouse and we say to each other.

REQUESTED ► DISPATCHED ► RECALLED
    ├──► REFUSED
    └──► RECALLED (also written where nothing was requested, so that no request can come late)
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chalicelib.platform.dynamo import Versioned


class ShipmentRefused(Exception):
    """The warehouse cannot or will not send this."""


class ShipmentEnded(Exception):
    """The shipment was recalled or refused; it cannot be requested again."""


class ShipmentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    DISPATCHED = "DISPATCHED"
    REFUSED = "REFUSED"
    RECALLED = "RECALLED"


class Shipment(Versioned):
    """`task_token` is the saga's waiting step, which the warehouse's answer wakes."""

    status: ShipmentStatus
    task_token: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None


class Parcel(BaseModel):
    """What the warehouse needs to know: where to, and what."""

    order_id: str
    name: str
    line1: str
    line2: str | None
    city: str
    postal_code: str
    country: str
    quantities: dict[str, int]


class WarehouseRequest(BaseModel):
    """On the warehouse's queue. `recall` asks to stop or bring back what `ship` asked to send."""

    action: Literal["ship", "recall"]
    order_id: str
    task_token: str | None = None
    parcel: Parcel | None = None


class WarehouseReply(BaseModel):
    """On our queue. `accepted` only shows that somebody is at work; the other two end the wait."""

    model_config = ConfigDict(extra="ignore")

    order_id: str
    task_token: str
    outcome: Literal["accepted", "dispatched", "refused"]
    carrier: str | None = None
    tracking_number: str | None = None
    reason: str | None = None
