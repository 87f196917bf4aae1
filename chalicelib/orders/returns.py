"""Returns of an order: which units can come back, what they are worth, and which refunds did not arrive."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import ConfigDict

from chalicelib.events.contracts import PaymentMovement
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, UnprocessableRequest
from chalicelib.platform.ids import ReturnId, Sku
from chalicelib.platform.money import Money
from chalicelib.pricing.apportioning import parts_of_return
from chalicelib.pricing.model import Adjustment, PricedLine

REFUND_FAILED, REFUND_RETRIED = "PaymentRefundFailed", "PaymentRefundRetried"


class OrderNotReturnable(Conflict):
    """Only a completed order can be returned."""


class NothingToReturn(Conflict):
    """Every piece of this order was returned already."""


class ReturnExceedsOrder(Conflict):
    """More units are to be returned than that line has left."""


class ReturnLineUnknown(UnprocessableRequest):
    """The order has no such line."""


class ReturnUnknown(Exception):
    """The order has no return with this id."""


class ReturnStatus(StrEnum):
    REQUESTED = "REQUESTED"
    REFUNDED = "REFUNDED"


class Return(BaseModel):
    """Returned units. `quantities` maps sku to units, `fingerprint` is of the request, `value` is what the units cost
    with their part of the order's adjustments, and `refund` is what is to be refunded or, once REFUNDED, what was;
    `shortfall` says why that is less than their value."""

    model_config = ConfigDict(frozen=True)

    id: ReturnId
    status: ReturnStatus
    requested_at: str
    quantities: dict[Sku, int]
    refund: Money
    fingerprint: str
    value: Money | None = None
    shortfall: str | None = None

    @property
    def worth(self) -> int:
        """Minor units of its value; returns that are older than the field had no other refund than that."""
        return (self.value or self.refund).amount

    @property
    def to_refund(self) -> Money:
        """Return its value or, once it is REFUNDED, what was refunded: if that did not arrive, no more is due."""
        return self.refund if self.status == ReturnStatus.REFUNDED else self.value or self.refund

    def settled(self, refund: Money, shortfall: str | None) -> "Return":
        return self.model_copy(
            update={"status": ReturnStatus.REFUNDED, "refund": refund, "shortfall": shortfall or None}
        )


class FailedRefund(BaseModel):
    """Minor units that were refunded and did not arrive. `reference` is the refund's id at the payment provider."""

    model_config = ConfigDict(frozen=True)

    reference: str
    amount: int
    return_id: ReturnId | None = None


def returned_units(returns: Sequence[Return]) -> Counter[Sku]:
    """Return the units by sku that came back or are on their way back."""
    return sum((Counter(each.quantities) for each in returns), Counter())


def units_to_return(
    wanted: dict[Sku, int] | None, ordered: Mapping[Sku, int], returned: Counter[Sku]
) -> dict[Sku, int]:
    """Return the units that come back: the wanted ones, or all that are left.

    Raises NothingToReturn, ReturnLineUnknown, ReturnExceedsOrder.
    """
    left = +(Counter(ordered) - returned)
    if not left:
        raise NothingToReturn
    if wanted is None:
        return dict(left)
    for sku, quantity in wanted.items():
        if sku not in ordered:
            raise ReturnLineUnknown(fields={"lines": f"There is no {sku} in this order."})
        if quantity > left[sku]:
            raise ReturnExceedsOrder(f"Of {sku}, {left[sku]} can still be returned.")
    return wanted


def value_of_units(
    quantities: Mapping[Sku, int],
    lines: Sequence[PricedLine],
    adjustments: Sequence[Adjustment],
    returned: Counter[Sku],
) -> int:
    """Return what these units cost with their part of the adjustments, in minor units, after others came back."""
    items = sum(line.unit_price.amount * quantities.get(line.sku, 0) for line in lines)
    return items + sum(part.amount for part in parts_of_return(lines, adjustments, returned, quantities))


def adjustments_of_return(
    return_id: ReturnId, returns: Sequence[Return], lines: Sequence[PricedLine], adjustments: Sequence[Adjustment]
) -> list[Adjustment]:
    """Return the part of the adjustments that is in the value of a return; none for an unknown one."""
    before: Counter[Sku] = Counter()
    for each in returns:
        if each.id == return_id:
            return parts_of_return(lines, adjustments, before, each.quantities)
        before += Counter(each.quantities)
    return []


def refundable(value: int, kept: int | None, returns: Sequence[Return]) -> int:
    """Return what can be promised for this value, in minor units. Of what is kept, returns under way get theirs first.

    `kept` is None where it is not known.
    """
    if kept is None:
        return value
    promised = sum(each.refund.amount for each in returns if each.status == ReturnStatus.REQUESTED)
    return max(0, min(value, kept - promised))


def failed_refunds_after(
    failed_refunds: tuple[FailedRefund, ...], event_type: str, movement: PaymentMovement | None
) -> tuple[FailedRefund, ...]:
    """Return the failed refunds after an event about the payment. Refunds of others are theirs to make again."""
    if movement is None:
        return failed_refunds
    if event_type == REFUND_FAILED and not movement.outside:
        failed = FailedRefund(reference=movement.reference, amount=movement.amount.amount, return_id=movement.return_id)
        return (*failed_refunds, failed)
    if event_type == REFUND_RETRIED:
        return tuple(each for each in failed_refunds if each.return_id != movement.return_id)
    return failed_refunds
