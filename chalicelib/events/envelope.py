"""The envelope that every event travels in."""

import hashlib
import uuid
from typing import Annotated, Any, NewType

from pydantic import ConfigDict, Field

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.ids import OrderId

EventId = NewType("EventId", str)
"""The id of an event of ours. Stripe's events have ids of their own."""


class Envelope(BaseModel):
    """`correlation_id` joins everything that one order caused; `causation_id` names the direct cause.

    `time` is when it happened, in UTC; `data` is what the contract of this type and version says.
    """

    model_config = ConfigDict(frozen=True)

    id: EventId
    type: str
    version: int
    time: str
    source: str
    correlation_id: str
    causation_id: str | None
    trace_header: Annotated[
        str | None, Field(description="AWS X-Ray trace header of the work that wrote the event, if it was traced.")
    ] = None
    data: dict[str, Any]

    @property
    def order_id(self) -> OrderId:
        """Empty of an event that is not about an order."""
        order_id: OrderId = self.data.get("order_id", "")
        return order_id

    @property
    def event_id(self) -> EventId:
        """As messages call it that carry one."""
        return self.id


def new_event_id(key: str | None = None) -> EventId:
    """Return a random id, or the one that belongs to `key`: the same each time."""
    return EventId(f"evt_{hashlib.sha256(key.encode()).hexdigest()[:32] if key else uuid.uuid4().hex}")
