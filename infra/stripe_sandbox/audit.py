"""Ledger for auditors: every payment with the amounts authorized, captured, refunded and disputed, in minor units,
newest first."""

import json
import sqlite3

from infra.stripe_sandbox import deliveries
from infra.stripe_sandbox.charges import FAILED_REFUNDS
from infra.stripe_sandbox.disputes import LOST
from infra.stripe_sandbox.intents import challenge_of
from infra.stripe_sandbox.ledger import Ledger, created_conditions

_OF_INTENT = """
    SELECT kind, body FROM objects
    WHERE account = :account AND payment_intent = :intent ORDER BY sequence
"""
_KINDS = ("charge", "refund", "dispute")
_NO_LIMIT = -1


def payments(
    ledger: Ledger, account: str | None = None, created: dict[str, int] | None = None, limit: int = _NO_LIMIT
) -> list[dict]:
    conditions = [("kind = ?", "payment_intent"), *created_conditions(created or {})]
    if account is not None:
        conditions.append(("account = ?", account))
    query = (
        f"SELECT account, body FROM objects WHERE {' AND '.join(name for name, _ in conditions)} "
        "ORDER BY sequence DESC LIMIT ?"
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query, (*(value for _, value in conditions), limit)).fetchall()
        return [_payment(connection, row["account"], json.loads(row["body"])) for row in rows]


def unusual_modes(ledger: Ledger) -> dict[str, str]:
    """Return the delivery mode of each account that is not in normal mode."""
    with ledger.transaction() as connection:
        return deliveries.unusual_modes(connection)


def _payment(connection: sqlite3.Connection, account: str, intent: dict) -> dict:
    charges, refunds, disputes = _about(connection, account, intent["id"])
    approved = [charge for charge in charges if charge["paid"]]
    return {
        "account": account,
        "payment_intent": intent["id"],
        "order_id": intent["metadata"].get("order_id"),
        "status": intent["status"],
        "currency": intent["currency"],
        "amount": intent["amount"],
        "authorized": sum(charge["amount"] for charge in approved),
        "capturable": intent["amount_capturable"],
        "captured": sum(charge["amount_captured"] for charge in approved),
        "refunded": sum(refund["amount"] for refund in refunds if refund["status"] not in FAILED_REFUNDS),
        "lost": sum(dispute["amount"] for dispute in disputes if dispute["status"] == LOST),
        "challenge_url": challenge_of(intent)[0] or None,
        "last_error": (intent["last_payment_error"] or {}).get("code"),
        "declines": [charge["outcome"]["reason"] for charge in charges if not charge["paid"]],
        "refunds": [_refund(refund) for refund in refunds],
        "disputed": any(charge["disputed"] for charge in charges),
        "disputes": [_dispute(dispute) for dispute in disputes],
        "metadata": intent["metadata"],
        "created": intent["created"],
        "canceled_at": intent["canceled_at"],
    }


def _about(connection: sqlite3.Connection, account: str, intent_id: str) -> tuple[list[dict], ...]:
    """Return the charges, refunds and disputes of the payment."""
    rows = connection.execute(_OF_INTENT, {"account": account, "intent": intent_id}).fetchall()
    return tuple([json.loads(row["body"]) for row in rows if row["kind"] == kind] for kind in _KINDS)


def _refund(refund: dict) -> dict:
    shown = ("id", "amount", "reason", "status", "metadata", "created")
    return {name: refund[name] for name in shown}


def _dispute(dispute: dict) -> dict:
    shown = ("id", "amount", "reason", "status", "created")
    return {name: dispute[name] for name in shown}
