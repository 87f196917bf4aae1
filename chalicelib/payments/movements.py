"""Recent movements: what reconciliation compares, read from the provider's lists of what moved."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.payments.model import Payment
from chalicelib.payments.provider import Dispute, PaymentId, PaymentProvider, ProviderPayment, ProviderStatus, Refund

HOLDS_MOVE = timedelta(days=8)
"""A card hold lives for seven days: within them, a payment that was begun can be captured or lost."""
REFUNDS_MOVE = timedelta(days=35)
"""A refund may fail up to thirty days after it was made."""
DISPUTES_MOVE = timedelta(days=180)
"""From its opening to the bank's last word, a dispute takes up to about four months."""


@dataclass
class Moved:
    """What moved lately of a payment that was begun long before. `payment` is as its refunds name it, not as it is."""

    payment: ProviderPayment
    refunds: list[Refund] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    def is_known(self, record: Payment | None) -> bool:
        """Whether our record has all of it, as it is now."""
        return (
            record is not None
            and set(self.refunds) <= set(record.refunds)
            and set(self.disputes) <= set(record.disputes)
        )


@dataclass(frozen=True)
class RecentMovements:
    """Our payments at the provider: those `begun` lately, as they are now, and the older ones that `moved`."""

    begun: list[ProviderPayment]
    moved: list[Moved]


def recent_movements(
    provider: PaymentProvider, now: datetime, is_ours: Callable[[ProviderPayment], bool]
) -> RecentMovements:
    """Return what can have moved at the provider, however old the payment is; others' payments left out.

    Its lists of movements are read, and not each payment of the year: one call for a hundred.
    """
    began = {payment.id: payment for payment in provider.payments_since(_seconds(now - HOLDS_MOVE))}
    moved: dict[PaymentId, Moved] = {}
    for payment, refund in provider.refunds_since(_seconds(now - REFUNDS_MOVE)):
        moved.setdefault(payment.id, Moved(payment)).refunds.append(refund)
    for payment, dispute in provider.disputes_since(_seconds(now - DISPUTES_MOVE)):
        moved.setdefault(payment.id, Moved(payment)).disputes.append(dispute)
    nothing = Moved(ProviderPayment(PaymentId(""), ProviderStatus.CREATED))
    begun = [
        replace(payment, refunds=tuple(each.refunds), disputes=tuple(each.disputes))
        for payment in began.values()
        if (each := moved.pop(payment.id, nothing)) and is_ours(payment)
    ]
    return RecentMovements(begun, [each for each in moved.values() if is_ours(each.payment)])


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
