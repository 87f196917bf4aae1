"""Quote: what lines cost now, for the cart, the checkout and the answer to a changed total."""

from chalicelib.platform.money import Money
from chalicelib.pricing.model import Adjustment, Basket, LineT, Quote, Rule, total_of
from chalicelib.pricing.rules import RULES


def quote(
    lines: list[LineT],
    destination: str | None,
    code: str | None,
    currency: str,
    rules: tuple[Rule, ...] = RULES,
) -> Quote[LineT]:
    """Return the lines with the adjustments of the rules, in their order, and the total.

    `destination` is a country code, None until it is known. No rule brings the total below zero, and an empty cart
    costs nothing. Raises CurrencyMismatch.
    """
    adjustments: tuple[Adjustment, ...] = ()
    total = total_of(lines, (), currency).amount
    for rule in rules if lines else ():
        adjustment = rule(Basket(lines, destination, code, adjustments, total))
        amount = max(adjustment.amount, -total) if adjustment else 0
        if adjustment and amount:
            adjustments += (adjustment.model_copy(update={"amount": amount}),)
            total += amount
    return Quote(lines, adjustments, Money(amount=total, currency=currency))
