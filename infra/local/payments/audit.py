"""What an auditor compares with the shop's own books: every payment with what was authorized,
captured and refunded, in minor units, newest first."""

import json
import sqlite3

from infra.local.payments.ledger import Ledger

_INTENTS = """
    SELECT account, body FROM objects
    WHERE kind = 'payment_intent' AND (:account IS NULL OR account = :account)
    ORDER BY sequence DESC LIMIT :limit
"""
_OF_INTENT = """
    SELECT kind, body FROM objects
    WHERE account = :account AND payment_intent = :intent ORDER BY sequence
"""
_NO_LIMIT = -1


def payments(ledger: Ledger, account: str | None = None, limit: int = _NO_LIMIT) -> list[dict]:
    with ledger.transaction() as connection:
        rows = connection.execute(_INTENTS, {"account": account, "limit": limit}).fetchall()
        return [_payment(connection, row["account"], json.loads(row["body"])) for row in rows]


def _payment(connection: sqlite3.Connection, account: str, intent: dict) -> dict:
    charges, refunds = _charges_and_refunds(connection, account, intent["id"])
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
        "refunded": sum(refund["amount"] for refund in refunds),
        "declines": [charge["outcome"]["reason"] for charge in charges if not charge["paid"]],
        "refunds": [_refund(refund) for refund in refunds],
        "metadata": intent["metadata"],
        "created": intent["created"],
        "canceled_at": intent["canceled_at"],
    }


def _charges_and_refunds(connection: sqlite3.Connection, account: str, intent_id: str) -> tuple[list[dict], list[dict]]:
    rows = connection.execute(_OF_INTENT, {"account": account, "intent": intent_id}).fetchall()
    of_kind: dict[str, list[dict]] = {"charge": [], "refund": []}
    for row in rows:
        of_kind[row["kind"]].append(json.loads(row["body"]))
    return of_kind["charge"], of_kind["refund"]


def _refund(refund: dict) -> dict:
    shown = ("id", "amount", "reason", "status", "metadata", "created")
    return {name: refund[name] for name in shown}
