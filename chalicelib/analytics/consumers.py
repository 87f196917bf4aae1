"""Consumers of placed, completed and returned orders: each event is counted once."""

from functools import partial

from chalicelib import wiring
from chalicelib.events.envelope import Envelope


def count_sales(event: Envelope) -> None:
    wiring.analytics().count_sales(event)


def count_placed(event: Envelope) -> None:
    wiring.analytics().count_placed(event)


def count_return(event: Envelope) -> None:
    """Take back revenue and points in one transaction. A guest has no points."""
    customer_id = wiring.orders().get(event.order_id).customer_id
    points = partial(wiring.loyalty().returned, event, customer_id) if customer_id else list
    wiring.analytics().count_return(event, points)
