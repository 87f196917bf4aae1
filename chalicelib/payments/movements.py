"""Recent movements: what reconciliation compares, read from Stripe's own lists of what moved."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.model import Dispute, Intent, Payment, Refund

HOLDS_MOVE = timedelta(days=8)
"""A card hold lives for seven days: within them, a payment that was begun can be captured or lost."""
REFUNDS_MOVE = timedelta(days=35)
"""A refund may fail up to thirty days after it was made."""
DISPUTES_MOVE = timedelta(days=180)
"""From its opening to the bank's last word, a dispute takes up to about four months."""


@dataclass
class Moved:
    """What moved lately of a payment that was begun long before. `payment` is as its refunds name it, not as it is."""

    payment: Intent
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
class AtStripe:
    """Our payments at Stripe: those `begun` lately, as they are now, and the older ones that `moved`."""

    begun: list[Intent]
    moved: list[Moved]


def recent_movements(gateway: StripeGateway, now: datetime, is_ours: Callable[[Intent], bool]) -> AtStripe:
    """Return what can have moved at Stripe, however old the payment is; others' payments left out.

    Its lists of movements are read, and not each payment of the year: one call for a hundred.
    """
    began = {intent.id: intent for intent in gateway.intents_since(_seconds(now - HOLDS_MOVE))}
    moved: dict[str, Moved] = {}
    for intent, refund in gateway.refunds_since(_seconds(now - REFUNDS_MOVE)):
        moved.setdefault(intent.id, Moved(intent)).refunds.append(refund)
    for intent, dispute in gateway.disputes_since(_seconds(now - DISPUTES_MOVE)):
        moved.setdefault(intent.id, Moved(intent)).disputes.append(dispute)
    nothing = Moved(Intent("", ""))
    begun = [
        replace(intent, refunds=tuple(each.refunds), disputes=tuple(each.disputes))
        for intent in began.values()
        if (each := moved.pop(intent.id, nothing)) and is_ours(intent)
    ]
    return AtStripe(begun, [each for each in moved.values() if is_ours(each.payment)])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
