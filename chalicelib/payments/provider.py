"""Payment provider port: what the shop needs of a payment provider, in words that no provider owns.

`stripe_provider.py` is the adapter for Stripe. Every adapter passes `tests/contract/test_payment_provider.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

from chalicelib.platform.errors import Conflict, Unavailable
from chalicelib.platform.ids import OrderId
from chalicelib.platform.money import Money

PaymentId = NewType("PaymentId", str)
"""The provider's id of a payment: at Stripe, that of a PaymentIntent. Never an order's id."""


class PaymentDeclined(Exception):
    """The card was refused, or its holder did not confirm the payment; no money is held.

    The text is the provider's decline code, which is stored and shown, and never compared.
    """


class PaymentUnknown(Exception):
    """The provider has no payment with this id."""


class PaymentDisputed(Conflict):
    """The card's holder has disputed this payment with the bank, which decides; nothing can be refunded."""


class RefundTooLarge(Exception):
    """The refund is larger than what is left of the payment."""


class UnexpectedPaymentState(Exception):
    """The payment is not in a state that allows this call."""


class PaymentProviderUnavailable(Unavailable):
    """The provider did not answer. The call may have had its effect: a call with the same key returns what happened."""


class PaymentProviderFailed(PaymentProviderUnavailable):
    """The provider answered with a failure of its own, which it keeps under that key.

    Retrieve the payment, and retry under a new key only if the call had no effect.
    """


class ProviderStatus(StrEnum):
    """How a payment stands at the provider. Refunds and disputes leave it CAPTURED: see the amounts."""

    CREATED = "created"
    DECLINED = "declined"
    """It can be confirmed again, with the same or another payment method."""
    REQUIRES_ACTION = "requires_action"
    """The buyer has to confirm it."""
    PENDING = "pending"
    """The buyer has answered, and the bank has not."""
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    """A refund may fail weeks after it succeeded. The values are stored."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "canceled"

    @classmethod
    def _missing_(cls, value: object) -> "RefundStatus":
        """A stored status of an earlier version; the next look at the provider replaces it."""
        return cls.PENDING


class DisputeStatus(StrEnum):
    """What a bank decides about a payment that its card's holder disputes. The values are stored."""

    OPEN = "open"
    """The bank has the money for as long as it decides."""
    INQUIRY = "inquiry"
    """The bank asks, and has taken no money."""
    WON = "won"
    LOST = "lost"
    WITHDRAWN = "withdrawn"

    @classmethod
    def _missing_(cls, value: object) -> "DisputeStatus":
        """A stored status of an earlier version; the next look at the provider replaces it."""
        return cls.OPEN


@dataclass(frozen=True)
class Refund:
    """`reference` is what the shop gave it as its meaning; None if the shop did not make it."""

    id: str
    amount: int
    reference: str | None = None
    status: RefundStatus = RefundStatus.SUCCEEDED

    @property
    def is_effective(self) -> bool:
        """Whether it moved money, or is about to."""
        return self.status not in (RefundStatus.FAILED, RefundStatus.CANCELLED)


@dataclass(frozen=True)
class Dispute:
    id: str
    amount: int
    status: DisputeStatus

    @property
    def is_decided(self) -> bool:
        return self.status not in (DisputeStatus.OPEN, DisputeStatus.INQUIRY)


@dataclass(frozen=True)
class ProviderPayment:
    """A payment as the provider has it. Amounts are minor units; `created` is Unix seconds.

    `deployment` is the mark of the shop that began it. `decline_code` is the provider's code of the last refusal.
    `redirect_url` is where the buyer confirms the payment; with `browser_secret`, the provider's own code
    in the browser asks the buyer on the shop's page.
    """

    id: PaymentId
    status: ProviderStatus
    order_id: OrderId | None = None
    deployment: str | None = None
    amount: int = 0
    held: int = 0
    captured: int = 0
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    decline_code: str | None = None
    cancelled_by_shop: bool = False
    created: int = 0
    redirect_url: str | None = field(default=None, repr=False)
    browser_secret: str | None = field(default=None, repr=False)

    @property
    def awaits_buyer(self) -> bool:
        return self.status in (ProviderStatus.REQUIRES_ACTION, ProviderStatus.PENDING)

    @property
    def is_lost_hold(self) -> bool:
        """Cancelled, and not by the shop: the hold has expired, or it was released at the provider."""
        return self.status == ProviderStatus.CANCELLED and not self.cancelled_by_shop

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.is_effective)

    @property
    def refunded_outside(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.is_effective and refund.reference is None)

    @property
    def lost(self) -> int:
        """What a bank gave back to the card's holder for good."""
        return sum(dispute.amount for dispute in self.disputes if dispute.status == DisputeStatus.LOST)

    @property
    def withdrawn(self) -> int:
        """What a bank has taken until it decides."""
        return sum(dispute.amount for dispute in self.disputes if dispute.status == DisputeStatus.OPEN)

    @property
    def disputed(self) -> bool:
        return not all(dispute.is_decided for dispute in self.disputes)

    @property
    def kept(self) -> int:
        """What was taken, and neither given back nor lost to a dispute."""
        return self.captured - self.refunded - self.lost


class PaymentProvider(Protocol):
    """Manual capture: `create`, `confirm` (authorizes), then `capture` or `cancel`; `refund` after a capture.

    Every write takes an idempotency key. The same key with the same arguments returns the first answer, or raises the
    first failure, without a second effect; with other arguments it raises PaymentProviderFailed. Every call may raise
    PaymentProviderUnavailable.
    """

    def create(self, order_id: OrderId, amount: Money, key: str) -> ProviderPayment:
        """Begin a payment that holds no money yet."""

    def confirm(self, payment_id: PaymentId, payment_method: str, key: str, return_url: str = "") -> ProviderPayment:
        """Hold the money, or ask the buyer, who comes back to `return_url`.

        Raises PaymentDeclined and UnexpectedPaymentState.
        """

    def capture(self, payment_id: PaymentId, key: str) -> ProviderPayment:
        """Take all the held money. Raises UnexpectedPaymentState."""

    def cancel(self, payment_id: PaymentId, key: str) -> ProviderPayment:
        """Release what is held, and close the payment. Raises UnexpectedPaymentState."""

    def refund(self, payment_id: PaymentId, amount: int, reference: str, key: str) -> None:
        """Give back `amount` minor units; `reference` says what for. Raises PaymentDisputed and RefundTooLarge."""

    def retrieve(self, payment_id: PaymentId) -> ProviderPayment:
        """Return the payment with its refunds and disputes, each newest first. Raises PaymentUnknown."""

    def payments_since(self, created: int) -> Iterator[ProviderPayment]:
        """Return the account's payments, newest first, without refunds and disputes. `created` is Unix seconds."""

    def refunds_since(self, created: int) -> Iterator[tuple[ProviderPayment, Refund]]:
        """Return refunds by their own age, newest first, each with its payment. `created` is Unix seconds."""

    def disputes_since(self, created: int) -> Iterator[tuple[ProviderPayment, Dispute]]:
        """Return disputes by their own age, newest first, each with its payment. `created` is Unix seconds."""
