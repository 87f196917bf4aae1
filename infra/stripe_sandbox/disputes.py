"""Disputes: a customer asks the bank to reverse a charge. Every function returns new objects and does not change its
arguments."""

from infra.stripe_sandbox.answers import invalid_request
from infra.stripe_sandbox.charges import refundable
from infra.stripe_sandbox.ids import new_id

OPEN, WON, LOST = "needs_response", "won", "lost"
INQUIRY, INQUIRY_CLOSED, PREVENTED = "warning_needs_response", "warning_closed", "prevented"
BEGINNINGS = (OPEN, INQUIRY)
CLOSED = (WON, LOST, INQUIRY_CLOSED, PREVENTED)

REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)

_DAYS_TO_RESPOND = 7 * 24 * 60 * 60


def new(charge: dict | None, parameters: dict, now: int) -> tuple[dict, dict]:
    """Return the dispute and the charge afterwards. Without an amount, dispute the rest of the charge."""
    if charge is None or not charge["captured"] or refundable(charge) == 0:
        raise invalid_request("There is no captured and unrefunded charge to dispute.")
    if charge["disputed"]:
        raise invalid_request(f"Charge {charge['id']} has already been disputed.", "charge_disputed")
    if parameters.get("amount", 0) > refundable(charge):
        raise invalid_request("No more can be disputed than was captured and not refunded.", param="amount")
    return _new_dispute(charge, parameters, now), {**charge, "disputed": True}


def _new_dispute(charge: dict, parameters: dict, now: int) -> dict:
    status = parameters.get("status", OPEN)
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": parameters.get("amount", refundable(charge)),
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": now + _DAYS_TO_RESPOND,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status == INQUIRY,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": charge["payment_method_details"],
        "reason": parameters.get("reason", "fraudulent"),
        "status": status,
    }


def close(dispute: dict, status: str) -> dict:
    if dispute["status"] in CLOSED:
        raise invalid_request(f"Dispute {dispute['id']} is already closed: {dispute['status']}.")
    return {**dispute, "status": status, "is_charge_refundable": status != LOST}


def check_refundable(charge: dict, dispute: dict | None) -> None:
    if dispute is not None and not dispute["is_charge_refundable"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid_request(message, "charge_disputed")
