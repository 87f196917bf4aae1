"""Loyalty points: pure rules."""

CENTS_PER_POINT = 100


def points_for(kept: int) -> int:
    """Return one point for each whole euro that the shop keeps of an order; `kept` is minor units."""
    return max(kept, 0) // CENTS_PER_POINT
