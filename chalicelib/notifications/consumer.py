"""Email consumers: the queued confirmations of the saga, and which event makes which email."""

from datetime import datetime, timedelta

from chalicelib import wiring
from chalicelib.events.envelope import Envelope
from chalicelib.orders.keys import link_request
from chalicelib.orders.model import OrderNotFound, Status
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import utc_now

LINK_REQUEST_LIFETIME = timedelta(hours=1)
"""A request that is older, as when the archive is replayed, is answered no more."""


class ConfirmationRequest(BaseModel):
    """A message of the saga's step SendConfirmation."""

    order_id: str


def confirm(request: ConfirmationRequest) -> None:
    """Send the order's confirmation, unless the order was cancelled while the message waited. Raises OrderNotFound."""
    order = wiring.orders().get(request.order_id)
    if order.status != Status.CANCELLED:
        wiring.notifications().order_confirmed(order)


def notify(event: Envelope) -> None:
    """Send what this event causes. Events of other types are ignored, should the rule let one through."""
    if event.type == "OrderLinkRequested":
        _send_link(event)
        return
    order = wiring.orders().get(event.order_id)
    match event.type:
        case "OrderCompleted":
            wiring.notifications().order_completed(order)
        case "OrderCancelled":
            wiring.notifications().order_cancelled(order)
        case "OrderReturned" | "OrderPartlyReturned":
            wiring.notifications().return_refunded(order, event.data["returned"]["return_id"])


def _send_link(event: Envelope) -> None:
    """Send nothing unless the order exists and the requester gave its email address."""
    if utc_now() - datetime.fromisoformat(event.time) > LINK_REQUEST_LIFETIME:
        return
    try:
        order = wiring.orders().get(event.order_id)
    except OrderNotFound:
        return
    asked = link_request(order.id, order.email)
    if wiring.links().is_fingerprint(event.data["email_fingerprint"], asked):
        wiring.notifications().order_link(order, event.id, event.data["client"])
