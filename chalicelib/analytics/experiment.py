"""A/B experiment: the variants that the shop compares, and the one that a buyer saw."""

from typing import get_args

from chalicelib.events.contracts import Variant

VARIANTS: tuple[Variant, ...] = get_args(Variant)


def variant_of(name: str | None) -> Variant | None:
    """Return the variant of this name, or None for any other name: no order is lost because of an experiment."""
    return next((variant for variant in VARIANTS if variant == name), None)
