"""Consumer of completed orders: each order counts its products as bought together once."""

from chalicelib import wiring
from chalicelib.events.envelope import Envelope


def learn_affinity(event: Envelope) -> None:
    wiring.recommendations().learn_affinity(event)
