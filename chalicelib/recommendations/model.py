"""Affinity of products: pure rules."""

from chalicelib.platform.ids import Sku


def most_often(times: dict[Sku, int]) -> list[Sku]:
    return sorted(times, key=lambda sku: (-times[sku], sku))


def top_pairs(together: dict[Sku, dict[Sku, int]], most: int) -> list[tuple[Sku, Sku, int]]:
    """Return up to `most` pairs of skus, each in alphabetical order, with how many orders had both."""
    pairs = [(one, other, times) for one, others in together.items() for other, times in others.items() if one < other]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))[:most]
