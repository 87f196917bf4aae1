"""Consumer of returned orders: each return is counted once."""

from functools import partial

from chalicelib.analytics.service import Analytics
from chalicelib.events.envelope import Envelope
from chalicelib.loyalty.service import Loyalty
from chalicelib.orders.service import Orders


class ReturnConsumer:
    def __init__(self, orders: Orders, analytics: Analytics, loyalty: Loyalty) -> None:
        self._orders = orders
        self._analytics = analytics
        self._loyalty = loyalty

    def count_return(self, event: Envelope) -> None:
        """Take back revenue and points in one transaction. A guest has no points. Raises CountersBusy."""
        customer_id = self._orders.get(event.order_id).customer_id
        points = partial(self._loyalty.returned, event, customer_id) if customer_id else list
        self._analytics.count_return(event, points)
