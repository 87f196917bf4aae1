"""Consumer of completed orders: each order earns points once."""

from chalicelib.events.envelope import Envelope
from chalicelib.loyalty.service import Loyalty
from chalicelib.orders.service import Orders


class PointsConsumer:
    def __init__(self, orders: Orders, loyalty: Loyalty) -> None:
        self._orders = orders
        self._loyalty = loyalty

    def earn_points(self, event: Envelope) -> None:
        """Guests' orders do not arrive here: the subscription filters them out."""
        customer_id = self._orders.get(event.order_id).customer_id
        if customer_id:
            self._loyalty.earn_points(event, customer_id)
