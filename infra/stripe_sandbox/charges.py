"""Charges and refunds: one charge per attempt to take money, refunds against what was captured.
Every function returns new objects and leaves its arguments as they were."""

from infra.stripe_sandbox.answers import Refusal, invalid_request
from infra.stripe_sandbox.cards import Decline, billing_details, card_of
from infra.stripe_sandbox.ids import new_id
from infra.stripe_sandbox.money import written

_NOT_MODELLED = dict.fromkeys(
    (
        "application",
        "application_fee",
        "application_fee_amount",
        "balance_transaction",
        "calculated_statement_descriptor",
        "customer",
        "failure_balance_transaction",
        "on_behalf_of",
        "receipt_number",
        "receipt_url",
        "review",
        "shipping",
        "source_transfer",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    )
)

_HOLDING_FUNDS = "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"


def attempt(intent: dict, method: dict, now: int) -> dict:
    """Return the charge that results from the issuer's decision: captured, authorized or failed."""
    decline = card_of(method).decline
    approved = decline is None
    captured = approved and intent["capture_method"] != "manual"
    return {
        "id": new_id("ch"),
        "object": "charge",
        **_NOT_MODELLED,
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "billing_details": billing_details(),
        "captured": captured,
        "created": now,
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": decline and decline.code,
        "failure_message": decline and decline.message,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": _outcome(decline),
        "paid": approved,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": method["card"], "type": "card"},
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": "succeeded" if approved else "failed",
    }


def _outcome(decline: Decline | None) -> dict:
    return {
        "advice_code": decline and decline.advice,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline and decline.decline_code,
        "risk_level": "normal",
        "seller_message": "The bank declined the payment." if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


def captured(charge: dict, amount: int) -> dict:
    return {**charge, "captured": True, "amount_captured": amount}


def refundable(charge: dict) -> int:
    return charge["amount_captured"] - charge["amount_refunded"]


def refundable_of(charge: dict | None, intent: dict) -> dict:
    """Return the intent's charge. Raises Refusal if there is none that can be refunded."""
    if charge is None or charge["status"] == "failed" or intent["status"] == "canceled":
        raise invalid_request(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    if not charge["captured"]:
        raise invalid_request(
            f"This uncaptured Charge was created by a PaymentIntent ({intent['id']}). You must "
            "cancel the PaymentIntent to reverse the authorization instead of refunding the "
            f"Charge directly. For more information, see {_HOLDING_FUNDS}"
        )
    return charge


def refund(charge: dict, parameters: dict, now: int) -> tuple[dict, dict]:
    """Return the refund and the charge afterwards. Without an amount, refund all that remains."""
    remaining = refundable(charge)
    amount = parameters.get("amount", remaining)
    if remaining == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid_request(message, "charge_already_refunded")
    if amount > remaining:
        raise _over_refund(amount, remaining, charge["currency"])
    return _new_refund(charge, amount, parameters, now), _after_refund(charge, amount)


def _over_refund(amount: int, remaining: int, currency: str) -> Refusal:
    message = (
        f"Refund amount ({written(amount, currency)}) is greater than unrefunded amount "
        f"on charge ({written(remaining, currency)})"
    )
    return invalid_request(message, param="amount")


def _new_refund(charge: dict, amount: int, parameters: dict, now: int) -> dict:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": parameters.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": parameters.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _after_refund(charge: dict, amount: int) -> dict:
    refunded = charge["amount_refunded"] + amount
    fully = refunded == charge["amount_captured"]
    return {**charge, "amount_refunded": refunded, "refunded": fully}


FAILED_REFUNDS = ("failed", "canceled")
_FAILURE = "expired_or_canceled_card"


def fail_refund(charge: dict, refund: dict, status: str) -> tuple[dict, dict]:
    """Return the refund, failed days after it was sent, and the charge afterwards."""
    if refund["status"] in FAILED_REFUNDS:
        raise invalid_request(f"Refund {refund['id']} has failed already: {refund['status']}.")
    reason = _FAILURE if status == "failed" else None
    refunded = charge["amount_refunded"] - refund["amount"]
    return {**refund, "status": status, "failure_reason": reason}, {
        **charge,
        "amount_refunded": refunded,
        "refunded": False,
    }
