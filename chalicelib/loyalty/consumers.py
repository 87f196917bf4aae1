"""Consumer of completed orders: each order earns points once."""

from chalicelib import wiring
from chalicelib.events.envelope import Envelope


def earn_points(event: Envelope) -> None:
    """Guests' orders do not arrive here: the subscription filters them out."""
    customer_id = wiring.orders().get(event.order_id).customer_id
    if customer_id:
        wiring.loyalty().earn_points(event, customer_id)
