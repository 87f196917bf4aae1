"""Reconciliation: compares what the provider did with what the shop believes, in pure functions over both."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.payments.model import Payment, UpdateKind
from chalicelib.payments.provider import PaymentId, ProviderPayment
from chalicelib.platform.ids import OrderId


class MismatchKind(StrEnum):
    """What can be wrong with one payment."""

    HOLD_NOT_NEEDED = "HOLD_NOT_NEEDED"
    """Money is held for an order that is over, or that there is not."""
    CHARGED_TOO_MUCH = "CHARGED_TOO_MUCH"
    """More is kept than is owed; all of it, where no order knows the payment."""
    CHARGED_TOO_LITTLE = "CHARGED_TOO_LITTLE"
    """A delivered order is not paid, and was not refunded on purpose."""
    NOT_RECORDED = "NOT_RECORDED"
    """The provider and our own record of the payment differ."""
    OVERDUE = "OVERDUE"
    """The order should have ended long ago."""


@dataclass(frozen=True)
class Claim:
    """What the shop believes of one order. `owed` is minor units; `payment` is what it knows of the payment."""

    order_id: OrderId
    owed: int
    is_settled: bool
    is_overdue: bool
    payment: Payment | None

    @property
    def agrees(self) -> bool:
        """Whether our own record has what is owed. False where there is no record."""
        if self.payment is None:
            return False
        return self.payment.kept == self.expected_of(self.payment.refunded_outside, self.payment.lost)

    def expected_of(self, refunded_outside: int, lost: int) -> int:
        """What should be kept, after what others refunded on purpose and what a bank took."""
        return max(0, self.owed - refunded_outside - lost)


@dataclass(frozen=True)
class Mismatch:
    """`expected` and `found` are minor units of money kept, or of money held."""

    kind: MismatchKind
    order_id: OrderId | None
    payment_id: PaymentId | None
    expected: int = 0
    found: int = 0

    @property
    def id(self) -> str:
        """The same for the same mismatch found again."""
        return f"{self.kind}:{self.order_id}:{self.payment_id}:{self.expected}:{self.found}"

    @property
    def surplus(self) -> int:
        """Minor units that are kept and not owed."""
        return self.found - self.expected if self.kind == MismatchKind.CHARGED_TOO_MUCH else 0

    @property
    def is_repairable(self) -> bool:
        return self.kind in (MismatchKind.HOLD_NOT_NEEDED, MismatchKind.CHARGED_TOO_MUCH)


def mismatches(
    payments: Iterable[ProviderPayment], claims: Mapping[OrderId, Claim]
) -> Iterator[tuple[Mismatch, ProviderPayment | None]]:
    """Every mismatch, with the payment at the provider that it is about."""
    seen = set()
    for at_provider in payments:
        claim = claims.get(at_provider.order_id) if at_provider.order_id else None
        if claim and claim.payment and claim.payment.intent_id == at_provider.id:
            seen.add(claim.order_id)
            found = _of_payment(at_provider, claim, claim.payment)
        else:
            found = _of_stranger(at_provider)
        for mismatch in found:
            yield mismatch, at_provider
    for claim in claims.values():
        if claim.is_overdue:
            yield Mismatch(MismatchKind.OVERDUE, claim.order_id, None), None
        if claim.is_settled and claim.owed and claim.order_id not in seen:
            yield Mismatch(MismatchKind.CHARGED_TOO_LITTLE, claim.order_id, None, claim.owed), None


def _of_payment(at_provider: ProviderPayment, claim: Claim, payment: Payment) -> Iterator[Mismatch]:
    """Compare amounts once the order has learned of all that happened at the provider, and nothing is under way."""
    about = (claim.order_id, at_provider.id)
    known = payment.as_at(at_provider)
    is_untold = any(update.kind != UpdateKind.HOLD_LOST for update in payment.updates_to(known, at_provider))
    if claim.is_settled and not is_untold:
        yield from _of_amounts(at_provider, claim.expected_of(payment.refunded_outside, payment.lost), about)
    if is_untold or (claim.is_settled and known.figures != payment.figures):
        yield Mismatch(MismatchKind.NOT_RECORDED, *about, payment.kept, at_provider.kept)


def _of_amounts(at_provider: ProviderPayment, owed: int, about: tuple[OrderId, PaymentId]) -> Iterator[Mismatch]:
    if at_provider.held:
        yield Mismatch(MismatchKind.HOLD_NOT_NEEDED, *about, found=at_provider.held)
    if at_provider.kept > owed:
        yield Mismatch(MismatchKind.CHARGED_TOO_MUCH, *about, owed, at_provider.kept)
    if at_provider.kept < owed:
        yield Mismatch(MismatchKind.CHARGED_TOO_LITTLE, *about, owed, at_provider.kept)


def _of_stranger(at_provider: ProviderPayment) -> Iterator[Mismatch]:
    """No order knows this payment: it was started and not recorded, or it was created by hand."""
    about = (at_provider.order_id, at_provider.id)
    if at_provider.held:
        yield Mismatch(MismatchKind.HOLD_NOT_NEEDED, *about, found=at_provider.held)
    if at_provider.kept > 0:
        yield Mismatch(MismatchKind.CHARGED_TOO_MUCH, *about, found=at_provider.kept)
