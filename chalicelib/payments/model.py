"""What we know of an order's payment, and what Stripe says of it.

CREATED ► AUTHORIZED ► CAPTURED ► REFUNDED (once all that was captured is given back)
   ├──► ACTION_REQUIRED ► AUTHORIZED, DECLINED or VOIDED (the buyer has to confirm the payment)
   ├──► DECLINED  └──► VOIDED
   └──► VOIDED (also written where there was no payment at all, so that none can begin late)
"""

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


class News(StrEnum):
    """What can happen to a payment without our doing."""

    HOLD_LOST = "HOLD_LOST"
    REFUNDED_OUTSIDE = "REFUNDED_OUTSIDE"
    DISPUTED = "DISPUTED"


@dataclass(frozen=True)
class Intent:
    """`status` is Stripe's: requires_payment_method, requires_capture, succeeded, canceled, …

    Amounts are minor units. `created` is Unix seconds. `redirect_url` is where the buyer confirms the payment; with
    `client_secret`, Stripe.js asks the buyer on our own page.
    """

    id: str
    status: str
    order_id: str | None = None
    amount: int = 0
    amount_capturable: int = 0
    amount_received: int = 0
    amount_refunded: int = 0
    disputed: bool = False
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
    def kept(self) -> int:
        """What was taken and not given back."""
        return self.amount_received - self.amount_refunded


@dataclass(frozen=True)
class Refund:
    """`reference` is what we gave it as its meaning; None if it was not made by us."""

    amount: int
    reference: str | None


class BuyerAction(BaseModel):
    """How the buyer confirms the payment, and until when. It opens the payment, so only the order's owner gets it."""

    model_config = ConfigDict(frozen=True)

    redirect_url: Annotated[str | None, Field(repr=False)] = None
    client_secret: Annotated[str | None, Field(repr=False)] = None
    expires_at: str


class Payment(Versioned):
    """`captured` and `refunded` are minor units of the amount's currency; `refunded_outside` is the part of
    `refunded` that somebody gave back at Stripe and not through the shop.

    `failed` counts, for each kind of call, the attempts that Stripe answered with a failure of its own. While the
    status is ACTION_REQUIRED, `action` is what the buyer has to do, none if that is given up, and `task_tokens` are
    those of the saga's step that waits for it: each attempt of the step has a token of its own, and only Step
    Functions knows which is alive.
    """

    status: PaymentStatus
    intent_id: str | None = None
    amount: Money | None = None
    captured: int = 0
    refunded: int = 0
    refunded_outside: int = 0
    disputed: bool = False
    decline_code: str | None = None
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

    def as_at(self, intent: Intent, outside: int) -> "Payment":
        """Brought to what Stripe says now. `outside` is what others than we have refunded."""
        return self.model_copy(
            update={
                "status": self._status_at(intent),
                "captured": intent.amount_received,
                "refunded": max(self.refunded, intent.amount_refunded),
                "refunded_outside": outside,
                "disputed": intent.disputed,
                "decline_code": self.decline_code or intent.decline_code,
            }
        )

    def news_in(self, later: "Payment", intent: Intent) -> dict[News, str]:
        """What somebody else should hear of between this state and a later one, each with the fact that it tells."""
        news = {}
        if later.status == PaymentStatus.VOIDED != self.status and intent.is_lost_hold:
            news[News.HOLD_LOST] = "the hold is lost"
        if later.refunded_outside > self.refunded_outside:
            news[News.REFUNDED_OUTSIDE] = f"{later.refunded_outside} refunded outside"
        if later.disputed and not self.disputed:
            news[News.DISPUTED] = "disputed"
        return news

    def _status_at(self, intent: Intent) -> PaymentStatus:
        is_open = self.status in (PaymentStatus.CREATED, PaymentStatus.AUTHORIZED)
        is_held = self.status == PaymentStatus.AUTHORIZED
        if (is_open and intent.is_lost_hold) or (is_held and intent.status == "canceled"):
            return PaymentStatus.VOIDED
        if self.status == PaymentStatus.CREATED and intent.is_declined:
            return PaymentStatus.DECLINED
        if is_open and intent.status == "succeeded":
            return PaymentStatus.CAPTURED if intent.kept else PaymentStatus.REFUNDED
        if self.status == PaymentStatus.CAPTURED and not intent.kept:
            return PaymentStatus.REFUNDED
        return self.status
