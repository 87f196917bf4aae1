"""Test cards: a table of Stripe's test PaymentMethods with their cards and the issuer's responses
(https://docs.stripe.com/testing). Cards that cause a fault are the sandbox's own."""

from dataclasses import dataclass

from infra.stripe_sandbox import faults
from infra.stripe_sandbox.ids import new_id

PREFIX = "pm_card_"


@dataclass(frozen=True)
class Decline:
    """`code`, `decline_code` and `param` of the error that the integration receives."""

    code: str
    decline_code: str
    message: str = "Your card was declined."
    param: str | None = None
    advice: str | None = None


@dataclass(frozen=True)
class Card:
    brand: str
    last4: str
    funding: str = "credit"
    decline: Decline | None = None
    needs_authentication: bool = False
    is_set_up: bool = False
    """Whether off-session payments need no authentication."""


_APPROVED = {
    "visa": Card("visa", "4242"),
    "visa_debit": Card("visa", "5556", "debit"),
    "mastercard": Card("mastercard", "4444"),
    "mastercard_debit": Card("mastercard", "8210", "debit"),
    "mastercard_prepaid": Card("mastercard", "5100", "prepaid"),
    "amex": Card("amex", "8431"),
    "discover": Card("discover", "9424"),
    "diners": Card("diners", "0004"),
    "jcb": Card("jcb", "0505"),
    "unionpay": Card("unionpay", "0005"),
}

_DECLINED = {
    "": ("0002", Decline("card_declined", "generic_decline", advice="try_again_later")),
    "InsufficientFunds": (
        "9995",
        Decline(
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
            advice="try_again_later",
        ),
    ),
    "LostCard": ("9987", Decline("card_declined", "lost_card", advice="do_not_try_again")),
    "StolenCard": ("9979", Decline("card_declined", "stolen_card", advice="do_not_try_again")),
    "Fraudulent": ("0019", Decline("card_declined", "fraudulent")),
    "ExpiredCard": (
        "0069",
        Decline(
            "expired_card",
            "expired_card",
            "Your card has expired.",
            param="exp_month",
            advice="confirm_card_data",
        ),
    ),
    "IncorrectCvc": (
        "0127",
        Decline(
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
            param="cvc",
            advice="confirm_card_data",
        ),
    ),
    "ProcessingError": (
        "0119",
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
            advice="try_again_later",
        ),
    ),
}

# Stripe documents some declining cards with the brand in their name and some without; both work.
_DECLINED_CARDS = {
    f"{infix}chargeDeclined{reason}": Card("visa", last4, decline=decline)
    for reason, (last4, decline) in _DECLINED.items()
    for infix in ("", "visa_")
}

_GENERIC, _NO_FUNDS = _DECLINED[""][1], _DECLINED["InsufficientFunds"][1]

# A card with a decline is declined after its holder was authenticated.
_AUTHENTICATED = {
    "authenticationRequired": Card("visa", "3184", needs_authentication=True),
    "authenticationRequiredOnSetup": Card("visa", "3155", needs_authentication=True),
    "authenticationRequiredSetupForOffSession": Card("visa", "0446", needs_authentication=True, is_set_up=True),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "visa", "3178", decline=_NO_FUNDS, needs_authentication=True
    ),
    "threeDSecure2Required": Card("visa", "3220", needs_authentication=True),
    "threeDSecureRequired": Card("visa", "3063", needs_authentication=True),
    "threeDSecureRequiredChargeDeclined": Card("visa", "1629", decline=_GENERIC, needs_authentication=True),
}

# 3-D Secure is possible and not asked for, or not possible at all.
_NOT_AUTHENTICATED = {
    "threeDSecureOptional": Card("visa", "3055"),
    "threeDSecureOptionalProcessingError": Card("visa", "3097"),
    "threeDSecureRequiredProcessingError": Card("visa", "1280", decline=_GENERIC),
    "amex_threeDSecureNotSupported": Card("amex", "0005"),
}

_FAULTY = dict.fromkeys(faults.BY_CARD, _APPROVED["visa"])

_CARDS = _APPROVED | _DECLINED_CARDS | _AUTHENTICATED | _NOT_AUTHENTICATED | _FAULTY

TEST_PAYMENT_METHODS = frozenset(PREFIX + name for name in _CARDS)


def payment_method(test_id: str, now: int) -> dict:
    """Return a new PaymentMethod: each use of a test id creates one, as at Stripe."""
    name = test_id.removeprefix(PREFIX)
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "card": card_details(name),
        "created": now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def card_of(method: dict) -> Card:
    return _CARDS[method["card"]["fingerprint"]]


def card_details(name: str) -> dict:
    """Return the fingerprint, which identifies the card number: the name of the test card."""
    card = _CARDS[name]
    return {
        "brand": card.brand,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": name,
        "funding": card.funding,
        "last4": card.last4,
    }


def billing_details() -> dict:
    parts = ("city", "country", "line1", "line2", "postal_code", "state")
    address = dict.fromkeys(parts)
    return {"address": address, "email": None, "name": None, "phone": None}
