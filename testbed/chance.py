"""Chance: numbers that follow from a text alone, so that what is drawn for one thing never depends on others."""

from hashlib import blake2b


def chance(text: str) -> float:
    """Return the number in [0, 1) of this text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest()) / 2**56
