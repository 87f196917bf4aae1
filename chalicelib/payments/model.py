"""Payment record: what the shop knows of an order's payment, and how it follows the provider's.

CREATED ► AUTHORIZED ► CAPTURED ► REFUNDED (once all that was captured is given back)
   ├──► ACTION_REQUIRED ► AUTHORIZED, DECLINED or VOIDED (the buyer has to confirm the payment)
   ├──► DECLINED  └──► VOIDED └──► CHARGED_BACK (once nothing is kept, and a bank took a part of it)
   └──► VOIDED (also written where there was no payment at all, so that none can begin late)

REFUNDED and CHARGED_BACK lead back to CAPTURED when money comes back: a refund failed, or a bank decided again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.payments.provider import Dispute, DisputeStatus, PaymentId, ProviderPayment, ProviderStatus, Refund
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.dynamo import Versioned
from chalicelib.platform.ids import ReturnId
from chalicelib.platform.money import Money


class BuyerActionRequired(Exception):
    """The buyer's bank wants the buyer to confirm the payment; no money is held yet."""


class PaymentEnded(Exception):
    """The payment was voided or refunded, or its hold has expired; it cannot go on."""


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
    """What can happen to a payment without the shop's doing."""

    HOLD_LOST = "HOLD_LOST"
    REFUNDED_OUTSIDE = "REFUNDED_OUTSIDE"
    REFUND_FAILED = "REFUND_FAILED"
    REFUND_RETRIED = "REFUND_RETRIED"
    DISPUTED = "DISPUTED"
    DISPUTE_WON = "DISPUTE_WON"
    DISPUTE_LOST = "DISPUTE_LOST"
    DISPUTE_WITHDRAWN = "DISPUTE_WITHDRAWN"


DISPUTE_ENDS = (UpdateKind.DISPUTE_WON, UpdateKind.DISPUTE_LOST, UpdateKind.DISPUTE_WITHDRAWN)

OUTCOMES = {
    DisputeStatus.WON: UpdateKind.DISPUTE_WON,
    DisputeStatus.LOST: UpdateKind.DISPUTE_LOST,
    DisputeStatus.WITHDRAWN: UpdateKind.DISPUTE_WITHDRAWN,
}
"""How a dispute ended. In any other status it is open."""

REFUND_FACTS = {
    UpdateKind.REFUNDED_OUTSIDE: "refunded outside",
    UpdateKind.REFUND_FAILED: "failed",
    UpdateKind.REFUND_RETRIED: "retried",
}

UNDO = "refund"
"""The reference of a refund that undoes a whole payment. All others are ids of returns."""


class Shortfall(StrEnum):
    """Why less was refunded than was asked for."""

    REFUNDED_BEFORE = "REFUNDED_BEFORE"
    CAPTURED_LESS = "CAPTURED_LESS"
    DISPUTE_LOST = "DISPUTE_LOST"


@dataclass(frozen=True)
class PaymentUpdate:
    """A change that the order has to learn of. `fact` is the same for the same change sent again; `reference` is the
    provider's id of the refund or dispute, and `amount` its minor units."""

    kind: UpdateKind
    fact: str
    reference: str | None = None
    amount: int = 0
    return_id: ReturnId | None = None
    outside: bool = False


class BuyerAction(BaseModel):
    """How the buyer confirms the payment, and until when. It opens the payment, so only the order's owner gets it."""

    model_config = ConfigDict(frozen=True)

    redirect_url: Annotated[str | None, Field(repr=False)] = None
    client_secret: Annotated[str | None, Field(repr=False)] = None
    expires_at: str


class Payment(Versioned):
    """`captured`, `refunded`, `lost` (to disputes) and `withdrawn` (while a bank decides) are minor units of the
    amount's currency; `refunded_outside` is the part of `refunded` that was given back at the provider and not through
    the shop.

    `refunds` and `disputes` are those that the order has learned of or knows by itself. `failed` counts, for each kind
    of call, the attempts that the provider answered with a failure of its own. While the status is ACTION_REQUIRED,
    `action` is what the buyer has to do, none if that is over, and `task_tokens` are those of the saga's step that
    waits for it: each attempt of the step has a token of its own, and only Step Functions knows which is alive.
    """

    status: PaymentStatus
    intent_id: PaymentId | None = None
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
        """Return whether there is nothing to pay: such a payment is never begun at the provider."""
        return self.amount is not None and self.amount.amount == 0

    @property
    def provider_id(self) -> PaymentId:
        """Of a payment that was begun at the provider. Raises PaymentEnded if it never was."""
        if self.intent_id is None:
            raise PaymentEnded(self.order_id)
        return self.intent_id

    @property
    def kept(self) -> int:
        """Minor units that the shop has, as far as it knows."""
        return self.captured - self.refunded - self.lost

    @property
    def figures(self) -> tuple[PaymentStatus, int, int, bool]:
        """What must agree with the provider."""
        return self.status, self.kept, self.refunded_outside, self.disputed

    def as_at(self, at_provider: ProviderPayment) -> "Payment":
        """Brought to what the provider says now."""
        return self.model_copy(
            update={
                "status": self._status_at(at_provider),
                "captured": at_provider.captured,
                "refunded": at_provider.refunded,
                "refunded_outside": at_provider.refunded_outside,
                "lost": at_provider.lost,
                "withdrawn": at_provider.withdrawn,
                "disputed": at_provider.disputed,
                "decline_code": self.decline_code or at_provider.decline_code,
                "refunds": at_provider.refunds,
                "disputes": at_provider.disputes,
            }
        )

    def with_our_refunds(self, at_provider: ProviderPayment) -> "Payment":
        """With the amounts of now, and those of our own refunds that no order needs to learn of.

        Others' refunds, failed ones, and those that were made again stay unknown until `updates_to` returned them.
        """
        known = {refund.id: refund for refund in self.refunds}
        failed = {refund.reference for refund in at_provider.refunds if not refund.is_effective}
        refunds = tuple(
            known.get(refund.id, refund)
            for refund in at_provider.refunds
            if refund.id in known or (refund.is_effective and refund.reference and refund.reference not in failed)
        )
        amounts = {"captured": at_provider.captured, "refunded": at_provider.refunded}
        return self.model_copy(update={"status": self._status_at(at_provider), "refunds": refunds, **amounts})

    def updates_to(self, later: "Payment", at_provider: ProviderPayment) -> Iterator[PaymentUpdate]:
        """Return what the order has to learn of between this state and a later one, oldest first."""
        if later.status == PaymentStatus.VOIDED != self.status and at_provider.is_lost_hold:
            yield PaymentUpdate(UpdateKind.HOLD_LOST, "the hold is lost")
        yield from self._refund_updates(later)
        yield from self._dispute_updates(later)

    def _refund_updates(self, later: "Payment") -> Iterator[PaymentUpdate]:
        known = {refund.id: refund for refund in self.refunds}
        failed = {refund.reference for refund in later.refunds if not refund.is_effective}
        is_outside_known = later.refunded_outside == self.refunded_outside and not self.refunds
        for refund in reversed(later.refunds):
            kind = _refund_update(refund, known.get(refund.id), failed, is_outside_known)
            if kind:
                facts = (refund.id, refund.amount, self.return_of(refund), refund.reference is None)
                yield PaymentUpdate(kind, f"{refund.id} {REFUND_FACTS[kind]}", *facts)

    def _dispute_updates(self, later: "Payment") -> Iterator[PaymentUpdate]:
        known = {dispute.id: dispute for dispute in self.disputes}
        for dispute in reversed(later.disputes):
            before = known.get(dispute.id)
            facts = (dispute.id, dispute.amount)
            if before is None and not (self.disputed and not self.disputes):
                yield PaymentUpdate(UpdateKind.DISPUTED, f"{dispute.id} disputed", *facts)
            outcome = OUTCOMES.get(dispute.status)
            if outcome and outcome != (before and OUTCOMES.get(before.status)):
                yield PaymentUpdate(outcome, f"{dispute.id} {outcome}", *facts)

    def return_of(self, refund: Refund) -> ReturnId | None:
        """Return the return that a refund belongs to, if any."""
        order_id, _, reference = (refund.reference or "").partition(":")
        return ReturnId(reference) if order_id == self.order_id and reference != UNDO else None

    def _status_at(self, at_provider: ProviderPayment) -> PaymentStatus:
        match self.status, at_provider.status:
            case ((PaymentStatus.ACTION_REQUIRED | PaymentStatus.DECLINED | PaymentStatus.VOIDED), _):
                return self.status
            case _, ProviderStatus.CAPTURED:
                return _status_after_capture(at_provider)
            case PaymentStatus.AUTHORIZED, ProviderStatus.CANCELLED:
                return PaymentStatus.VOIDED
            case PaymentStatus.CREATED, ProviderStatus.CANCELLED if at_provider.is_lost_hold:
                return PaymentStatus.VOIDED
            case PaymentStatus.CREATED, ProviderStatus.DECLINED:
                return PaymentStatus.DECLINED
        return self.status


def _status_after_capture(at_provider: ProviderPayment) -> PaymentStatus:
    if at_provider.kept > 0:
        return PaymentStatus.CAPTURED
    return PaymentStatus.CHARGED_BACK if at_provider.lost else PaymentStatus.REFUNDED


def _refund_update(
    refund: Refund, before: Refund | None, failed: set[str | None], is_outside_known: bool
) -> UpdateKind | None:
    """Return what happened to a refund since it was `before`, None if nothing did that an order has to learn of.

    `failed` are the references of refunds that failed. Refunds outside of the shop have no reference.
    """
    is_outside = refund.reference is None
    if not refund.is_effective:
        was_effective = before.is_effective if before else not is_outside
        return UpdateKind.REFUND_FAILED if was_effective else None
    if before:
        return None
    if is_outside:
        return None if is_outside_known else UpdateKind.REFUNDED_OUTSIDE
    return UpdateKind.REFUND_RETRIED if refund.reference in failed else None
