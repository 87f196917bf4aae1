"""Affinity of products: pure rules."""


def most_often(times: dict[str, int]) -> list[str]:
    return sorted(times, key=lambda sku: (-times[sku], sku))


def top_pairs(together: dict[str, dict[str, int]], most: int) -> list[tuple[str, str, int]]:
    """Return up to `most` pairs of skus, each in alphabetical order, with how many orders had both."""
    pairs = [(one, other, times) for one, others in together.items() for other, times in others.items() if one < other]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))[:most]
