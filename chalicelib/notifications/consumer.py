"""Email consumer: which event makes which email."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.events.contracts import RequestedEmail
from chalicelib.events.envelope import Envelope
from chalicelib.notifications.model import Occasion
from chalicelib.notifications.service import Notifications
from chalicelib.orders.keys import link_request
from chalicelib.orders.model import Order, OrderNotFound, Status
from chalicelib.orders.numbers import number_in
from chalicelib.orders.returns import ReturnStatus
from chalicelib.orders.service import Orders
from chalicelib.platform.clock import Clock
from chalicelib.platform.ids import OrderId, OrderNumber
from chalicelib.platform.links import Links
from chalicelib.shipping.model import Shipment

LINK_REQUEST_LIFETIME = timedelta(hours=1)
"""A request that is older, as when the archive is replayed, is answered no more."""

DELAYED = ("OrderActionRequired", "OrderReturnRequested")
"""What a buyer confirms at once, and what is refunded at once, needs no email: as a rule both are over in a minute."""


@dataclass(frozen=True)
class Delay:
    """How old an event must be before its email is sent, and how to get it again after so many seconds."""

    span: timedelta
    later: Callable[[Envelope, int], None]


class Shipments(Protocol):
    def get(self, order_id: OrderId) -> Shipment | None: ...


class EmailConsumer:
    def __init__(
        self,
        orders: Orders,
        shipments: Shipments,
        notifications: Notifications,
        links: Links,
        clock: Clock,
        numbered: Callable[[OrderNumber], list[OrderId]],
        delay: Delay,
    ) -> None:
        self._delay = delay
        self._orders = orders
        self._numbered = numbered
        self._shipments = shipments
        self._notifications = notifications
        self._links = links
        self._clock = clock

    def confirm(self, authorized: Envelope) -> None:
        """Send the order's confirmation, unless the order was cancelled while the message waited.

        Raises OrderNotFound.
        """
        order = self._orders.get(authorized.order_id)
        if order.status != Status.CANCELLED:
            self._notifications.order_confirmed(order)

    def notify(self, event: Envelope) -> None:
        """Send what this event causes. Events of other types are ignored, should the rule let one through."""
        if event.type == "OrderLinkRequested":
            self._send_link(event)
            return
        if event.type in DELAYED and (rest := self._rest_of_delay(event)) > 0:
            self._delay.later(event, rest)
            return
        order = self._orders.get(event.order_id)
        match event.type:
            case "OrderActionRequired" if order.status == Status.ACTION_REQUIRED:
                self._notifications.payment_waits(order)
            case "OrderCompleted":
                self._notifications.order_completed(order, self._shipments.get(order.id))
            case "OrderCancelled":
                self._notifications.order_cancelled(order)
            case "OrderReturnRequested":
                return_id = event.data["returned"]["return_id"]
                if order.accepted_return(return_id).status == ReturnStatus.REQUESTED:
                    self._notifications.return_requested(order, return_id)
            case "OrderReturned" | "OrderPartlyReturned":
                self._notifications.return_refunded(order, event.data["returned"]["return_id"])
            case "OrderEmailRequested":
                self._send_again(order, RequestedEmail.model_validate(event.data["requested"]))

    def _rest_of_delay(self, event: Envelope) -> int:
        """Return the seconds that are left until the event is old enough."""
        age = self._clock() - datetime.fromisoformat(event.time)
        return math.ceil((self._delay.span - age).total_seconds())

    def _send_again(self, order: Order, asked: RequestedEmail) -> None:
        occasion = Occasion(asked.occasion)
        shipment = self._shipments.get(order.id) if occasion == Occasion.COMPLETED else None
        self._notifications.send_again(order, occasion, asked.return_id, asked.request_id, shipment)

    def _send_link(self, event: Envelope) -> None:
        """Send nothing unless the order exists and the requester gave its email address."""
        if self._clock() - datetime.fromisoformat(event.time) > LINK_REQUEST_LIFETIME:
            return
        number = number_in(event.order_id)
        for order_id in self._numbered(number) if number else [event.order_id]:
            try:
                order = self._orders.get(order_id)
            except OrderNotFound:
                continue
            if self._links.is_fingerprint(event.data["email_fingerprint"], link_request(event.order_id, order.email)):
                self._notifications.order_link(order, event.id, event.data["client"])
