"""Requests for a new link to an order, published as events: the consumer finds out whether they are answered."""

from collections.abc import Callable

from chalicelib.events.contracts import OrderLinkRequested, new_event
from chalicelib.events.envelope import Envelope
from chalicelib.orders.keys import link_request
from chalicelib.platform.clock import Clock
from chalicelib.platform.ids import OrderId
from chalicelib.platform.links import Links


class LinkRequests:
    def __init__(self, links: Links, publish: Callable[[Envelope], None], clock: Clock) -> None:
        self._links = links
        self._publish = publish
        self._clock = clock

    def request(self, order_id: OrderId, email: str, client: str) -> None:
        """Publish the request for a link to the order of this id or number; the event contains neither address.

        Raise NotPublished.
        """
        fingerprint = self._links.fingerprint(link_request(order_id, email))
        data = OrderLinkRequested(order_id=order_id, email_fingerprint=fingerprint, client=client)
        self._publish(new_event(data, about=order_id, at=self._clock()))
