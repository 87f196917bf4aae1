"""What we know of an order's payment.

CREATED ► AUTHORIZED ► CAPTURED ► REFUNDED
   ├──► DECLINED  └──► VOIDED
   └──► VOIDED (also written where there was no payment at all, so that none can begin late)
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from chalicelib.platform.money import Money


class PaymentDeclined(Exception):
    """The card was refused, or wants its holder present; no money is held."""


class PaymentEnded(Exception):
    """The payment was voided or refunded, or its hold has expired; it cannot go on."""


class PaymentStatus(StrEnum):
    CREATED = "CREATED"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"
    REFUNDED = "REFUNDED"


class Payment(BaseModel):
    """`captured` and `refunded` are minor units of the amount's currency."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    status: PaymentStatus
    intent_id: str | None = None
    amount: Money | None = None
    captured: int = 0
    refunded: int = 0
    decline_code: str | None = None
