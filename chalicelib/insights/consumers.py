"""What each queue behind a completed or returned order leads to. All may be done twice and count once."""

from chalicelib import wiring
from chalicelib.events.envelope import Envelope


def earn_points(event: Envelope) -> None:
    """Guests' orders do not come here; the subscription's filter keeps them away."""
    customer_id = wiring.orders().get(event.order_id).customer_id
    if customer_id:
        wiring.insights().earn_points(event, customer_id)


def count_sales(event: Envelope) -> None:
    wiring.insights().count_sales(event)


def count_placed(event: Envelope) -> None:
    wiring.insights().count_placed(event)


def learn_affinity(event: Envelope) -> None:
    wiring.insights().learn_affinity(event)


def count_return(event: Envelope) -> None:
    wiring.insights().count_return(event, wiring.orders().get(event.order_id).customer_id)
