"""Apportioning: which part of an order's adjustments goes back with the items of a return.

Discounts and taxes are split over the units of the order in proportion to their value, by largest remainder; each
adjustment is split over the units' values after the ones before it. A shipping cost, and what cannot be split because
the items cost nothing, goes back with the return that completes the order. The parts of all returns add up to each
adjustment exactly, and no unit is ever worth less than nothing.
"""

from collections.abc import Mapping, Sequence

from chalicelib.platform.ids import Sku
from chalicelib.pricing.model import Adjustment, AdjustmentKind, PricedLine


def parts_of_return(
    lines: Sequence[PricedLine],
    adjustments: Sequence[Adjustment],
    returned: Mapping[Sku, int],
    quantities: Mapping[Sku, int],
) -> list[Adjustment]:
    """Return each adjustment's part in a return of these quantities, after others returned before. Zero is left out.

    Both map a sku to units.
    """
    units = [(line.sku, number) for line in lines for number in range(line.quantity)]
    values = [line.unit_price.amount for line in lines for _ in range(line.quantity)]
    is_back = [returned.get(sku, 0) <= number < returned.get(sku, 0) + quantities.get(sku, 0) for sku, number in units]
    is_complete = all(returned.get(line.sku, 0) + quantities.get(line.sku, 0) == line.quantity for line in lines)
    parts = []
    for adjustment in adjustments:
        shares = _shares(adjustment, values)
        part = sum(share for share, comes_back in zip(shares, is_back, strict=True) if comes_back)
        if is_complete:
            part += adjustment.amount - sum(shares)
        if part:
            parts.append(adjustment.model_copy(update={"amount": part}))
        values = [value + share for value, share in zip(values, shares, strict=True)]
    return parts


def _shares(adjustment: Adjustment, values: list[int]) -> list[int]:
    """Return the share of each unit. What is taken off beyond the units' values is left to the whole order."""
    if adjustment.kind == AdjustmentKind.SHIPPING:
        return [0] * len(values)
    return apportion(max(adjustment.amount, -sum(values)), values)


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` in proportion to the weights by largest remainder; of equal remainders, the first gets more.

    The parts add up to `amount`, or are all zero if all weights are.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    sign = -1 if amount < 0 else 1
    parts = [abs(amount) * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(abs(amount) * weights[index] % whole))
    for index in by_remainder[: abs(amount) - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]
