"""Price rules of this shop: coupons, shipping costs and taxes, applied in this order.

`docs/extending.md` shows one of each.
"""

from chalicelib.pricing.model import Rule

RULES: tuple[Rule, ...] = ()
