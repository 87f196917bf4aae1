"""What we know of an order's payment, and what Stripe says of it.

CREATED ► AUTHORIZED ► CAPTURED ► REFUNDED (once all that was captured is given back)
   ├──► ACTION_REQUIRED ► AUTHORIZED, DECLINED or VOIDED (the buyer has to confirm the payment)
   ├──► DECLINED  └──► VOIDED └──► CHARGED_BACK (once nothing is kept, and a bank took a part of it)
   └──► VOIDED (also written where there was no payment at all, so that none can begin late)

REFUNDED and CHARGED_BACK lead back to CAPTURED when money comes back: a refund failed, or a bank decided again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.platform.dynamo import Versioned
from chalicelib.platform.errors import Conflict, Malformed
from chalicelib.platform.money import Money

OUR_CANCELLATION = "abandoned"
"""The reason that we give when we let a hold go. Any other means that it was not us."""


class PaymentDeclined(Exception):
    """The card was refused, or its holder did not confirm the payment; no money is held."""


class BuyerActionRequired(Exception):
    """The buyer's bank wants the buyer to confirm the payment; no money is held yet."""


class PaymentEnded(Exception):
    """The payment was voided or refunded, or its hold has expired; it cannot go on."""


class PaymentUnknown(Exception):
    """Stripe has no payment with this id."""


class PaymentDisputed(Conflict):
    """The card's holder has disputed this payment with the bank, which decides; nothing can be refunded."""


class SignatureInvalid(Malformed):
    """The Stripe-Signature header does not fit this body, or is too old."""


class PaymentStatus(StrEnum):
    CREATED = "CREATED"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"
    REFUNDED = "REFUNDED"
    CHARGED_BACK = "CHARGED_BACK"


class UpdateKind(StrEnum):
    """What can happen to a payment without our doing."""

    HOLD_LOST = "HOLD_LOST"
    REFUNDED_OUTSIDE = "REFUNDED_OUTSIDE"
    REFUND_FAILED = "REFUND_FAILED"
    REFUND_RETRIED = "REFUND_RETRIED"
    DISPUTED = "DISPUTED"
    DISPUTE_WON = "DISPUTE_WON"
    DISPUTE_LOST = "DISPUTE_LOST"
    DISPUTE_WITHDRAWN = "DISPUTE_WITHDRAWN"


DISPUTE_ENDS = (UpdateKind.DISPUTE_WON, UpdateKind.DISPUTE_LOST, UpdateKind.DISPUTE_WITHDRAWN)

OUTCOME_OF = {
    "won": UpdateKind.DISPUTE_WON,
    "lost": UpdateKind.DISPUTE_LOST,
    "warning_closed": UpdateKind.DISPUTE_WITHDRAWN,
    "prevented": UpdateKind.DISPUTE_WITHDRAWN,
    "charge_refunded": UpdateKind.DISPUTE_WITHDRAWN,
}
"""How a dispute ended, by Stripe's status. In any other status it is open, one that we do not know included."""

UNDO = "refund"
"""The reference of a refund that undoes a whole payment. All others are ids of returns."""


class Shortfall(StrEnum):
    """Why less was refunded than was asked for."""

    REFUNDED_BEFORE = "REFUNDED_BEFORE"
    CAPTURED_LESS = "CAPTURED_LESS"
    DISPUTE_LOST = "DISPUTE_LOST"


@dataclass(frozen=True)
class PaymentUpdate:
    """Something that somebody else should hear of. `fact` is the same for the same thing told again; `reference`
    is Stripe's id of the refund or dispute, and `amount` its minor units."""

    kind: UpdateKind
    fact: str
    reference: str | None = None
    amount: int = 0
    return_id: str | None = None
    outside: bool = False


@dataclass(frozen=True)
class Refund:
    """`reference` is what we gave it as its meaning; None if it was not made by us. `status` is Stripe's."""

    id: str
    amount: int
    reference: str | None = None
    status: str = "succeeded"

    @property
    def is_effective(self) -> bool:
        """Whether it moved money, or is about to. A refund may fail weeks after it succeeded."""
        return self.status not in ("failed", "canceled")


@dataclass(frozen=True)
class Dispute:
    """`status` is Stripe's. An inquiry (`warning_…`) withdraws nothing."""

    id: str
    amount: int
    status: str

    @property
    def outcome(self) -> UpdateKind | None:
        return OUTCOME_OF.get(self.status)

    @property
    def withdraws(self) -> bool:
        """Whether the bank has the money for as long as it decides."""
        return self.outcome is None and not self.status.startswith("warning_")


@dataclass(frozen=True)
class Intent:
    """`status` is Stripe's: requires_payment_method, requires_capture, succeeded, canceled, …

    Amounts are minor units. `created` is Unix seconds. `deployment` is the mark of the shop that began it.
    `redirect_url` is where the buyer confirms the payment; with `client_secret`, Stripe.js asks the buyer on our own
    page.
    """

    id: str
    status: str
    order_id: str | None = None
    deployment: str | None = None
    amount: int = 0
    amount_capturable: int = 0
    amount_received: int = 0
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    decline_code: str | None = None
    cancellation_reason: str | None = None
    created: int = 0
    redirect_url: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @property
    def awaits_buyer(self) -> bool:
        """`processing` follows the buyer's answer: the bank has not given its own yet."""
        return self.status in ("requires_action", "processing")

    @property
    def is_declined(self) -> bool:
        return self.status == "requires_payment_method" and self.decline_code is not None

    @property
    def is_lost_hold(self) -> bool:
        """Canceled, and not by us: the hold has expired, or somebody let it go at Stripe."""
        return self.status == "canceled" and self.cancellation_reason != OUR_CANCELLATION

    @property
    def amount_refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.is_effective)

    @property
    def refunded_outside(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.is_effective and refund.reference is None)

    @property
    def lost(self) -> int:
        """What a bank gave back to the card's holder for good."""
        return sum(dispute.amount for dispute in self.disputes if dispute.outcome == UpdateKind.DISPUTE_LOST)

    @property
    def withdrawn(self) -> int:
        """What a bank has taken until it decides."""
        return sum(dispute.amount for dispute in self.disputes if dispute.withdraws)

    @property
    def disputed(self) -> bool:
        return any(dispute.outcome is None for dispute in self.disputes)

    @property
    def kept(self) -> int:
        """What was taken, and neither given back nor lost to a dispute."""
        return self.amount_received - self.amount_refunded - self.lost

    def why_less(self) -> Shortfall:
        """Why less than was asked for could be given back."""
        if self.lost:
            return Shortfall.DISPUTE_LOST
        is_whole = self.amount_received >= self.amount
        return Shortfall.REFUNDED_BEFORE if is_whole or self.refunded_outside else Shortfall.CAPTURED_LESS


class BuyerAction(BaseModel):
    """How the buyer confirms the payment, and until when. It opens the payment, so only the order's owner gets it."""

    model_config = ConfigDict(frozen=True)

    redirect_url: Annotated[str | None, Field(repr=False)] = None
    client_secret: Annotated[str | None, Field(repr=False)] = None
    expires_at: str


class Payment(Versioned):
    """`captured`, `refunded`, `lost` (to disputes) and `withdrawn` (while a bank decides) are minor units of the
    amount's currency; `refunded_outside` is the part of `refunded` that somebody gave back at Stripe and not through
    the shop.

    `refunds` and `disputes` are those that the order was told of or knows by itself. `failed` counts, for each kind
    of call, the attempts that Stripe answered with a failure of its own. While the status is ACTION_REQUIRED, `action`
    is what the buyer has to do, none if that is given up, and `task_tokens` are those of the saga's step that waits
    for it: each attempt of the step has a token of its own, and only Step Functions knows which is alive.
    """

    status: PaymentStatus
    intent_id: str | None = None
    amount: Money | None = None
    captured: int = 0
    refunded: int = 0
    refunded_outside: int = 0
    lost: int = 0
    withdrawn: int = 0
    disputed: bool = False
    decline_code: str | None = None
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    failed: dict[str, int] = Field(default_factory=dict)
    action: BuyerAction | None = None
    task_tokens: Annotated[tuple[str, ...], Field(repr=False)] = ()

    @property
    def is_free(self) -> bool:
        """Return whether there is nothing to pay: Stripe never hears of such a payment."""
        return self.amount is not None and self.amount.amount == 0

    @property
    def stripe_id(self) -> str:
        """Of a payment that was begun at Stripe. Raises PaymentEnded if it never was."""
        if self.intent_id is None:
            raise PaymentEnded(self.order_id)
        return self.intent_id

    @property
    def kept(self) -> int:
        """Minor units that the shop has, as far as it knows."""
        return self.captured - self.refunded - self.lost

    @property
    def figures(self) -> tuple[PaymentStatus, int, int, bool]:
        """What must agree with Stripe."""
        return self.status, self.kept, self.refunded_outside, self.disputed

    def as_at(self, intent: Intent) -> "Payment":
        """Brought to what Stripe says now."""
        return self.model_copy(
            update={
                "status": self._status_at(intent),
                "captured": intent.amount_received,
                "refunded": intent.amount_refunded,
                "refunded_outside": intent.refunded_outside,
                "lost": intent.lost,
                "withdrawn": intent.withdrawn,
                "disputed": intent.disputed,
                "decline_code": self.decline_code or intent.decline_code,
                "refunds": intent.refunds,
                "disputes": intent.disputes,
            }
        )

    def with_our_refunds(self, intent: Intent) -> "Payment":
        """With the amounts of now, and those of our own refunds that nobody needs to hear of.

        Others' refunds, failed ones, and those that were made again stay unknown until `updates_to` told of them.
        """
        known = {refund.id: refund for refund in self.refunds}
        failed = {refund.reference for refund in intent.refunds if not refund.is_effective}
        refunds = tuple(
            known.get(refund.id, refund)
            for refund in intent.refunds
            if refund.id in known or (refund.is_effective and refund.reference and refund.reference not in failed)
        )
        amounts = {"captured": intent.amount_received, "refunded": intent.amount_refunded}
        return self.model_copy(update={"status": self._status_at(intent), "refunds": refunds, **amounts})

    def updates_to(self, later: "Payment", intent: Intent) -> Iterator[PaymentUpdate]:
        """What somebody else should hear of between this state and a later one, oldest first."""
        if later.status == PaymentStatus.VOIDED != self.status and intent.is_lost_hold:
            yield PaymentUpdate(UpdateKind.HOLD_LOST, "the hold is lost")
        yield from self._refund_updates(later)
        yield from self._dispute_updates(later)

    def _refund_updates(self, later: "Payment") -> Iterator[PaymentUpdate]:
        known = {refund.id: refund for refund in self.refunds}
        failed = {refund.reference for refund in later.refunds if not refund.is_effective}
        is_outside_known = later.refunded_outside == self.refunded_outside and not self.refunds
        for refund in reversed(later.refunds):
            before = known.get(refund.id)
            facts = (refund.id, refund.amount, self._return_of(refund), refund.reference is None)
            if refund.reference is None:
                if before is None and refund.is_effective and not is_outside_known:
                    yield PaymentUpdate(UpdateKind.REFUNDED_OUTSIDE, f"{refund.id} refunded outside", *facts)
                if before and before.is_effective and not refund.is_effective:
                    yield PaymentUpdate(UpdateKind.REFUND_FAILED, f"{refund.id} failed", *facts)
            elif not refund.is_effective and (before is None or before.is_effective):
                yield PaymentUpdate(UpdateKind.REFUND_FAILED, f"{refund.id} failed", *facts)
            elif refund.is_effective and before is None and refund.reference in failed:
                yield PaymentUpdate(UpdateKind.REFUND_RETRIED, f"{refund.id} retried", *facts)

    def _dispute_updates(self, later: "Payment") -> Iterator[PaymentUpdate]:
        known = {dispute.id: dispute for dispute in self.disputes}
        for dispute in reversed(later.disputes):
            before = known.get(dispute.id)
            facts = (dispute.id, dispute.amount)
            if before is None and not (self.disputed and not self.disputes):
                yield PaymentUpdate(UpdateKind.DISPUTED, f"{dispute.id} disputed", *facts)
            if dispute.outcome and dispute.outcome != (before and before.outcome):
                yield PaymentUpdate(dispute.outcome, f"{dispute.id} {dispute.outcome}", *facts)

    def _return_of(self, refund: Refund) -> str | None:
        order_id, _, reference = (refund.reference or "").partition(":")
        return reference if order_id == self.order_id and reference != UNDO else None

    def _status_at(self, intent: Intent) -> PaymentStatus:
        is_open = self.status in (PaymentStatus.CREATED, PaymentStatus.AUTHORIZED)
        is_taken = self.status in (PaymentStatus.CAPTURED, PaymentStatus.REFUNDED, PaymentStatus.CHARGED_BACK)
        is_held = self.status == PaymentStatus.AUTHORIZED
        if (is_open and intent.is_lost_hold) or (is_held and intent.status == "canceled"):
            return PaymentStatus.VOIDED
        if self.status == PaymentStatus.CREATED and intent.is_declined:
            return PaymentStatus.DECLINED
        if (is_open or is_taken) and intent.status == "succeeded":
            if intent.kept > 0:
                return PaymentStatus.CAPTURED
            return PaymentStatus.CHARGED_BACK if intent.lost else PaymentStatus.REFUNDED
        return self.status
