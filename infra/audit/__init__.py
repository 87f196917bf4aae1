"""Auditor: checks the invariants of money and stock on a running shop. Its only sources are the shop's tables,
workflows and queues, and the payment provider's ledger."""

from infra.audit.auditor import Auditor

__all__ = ["Auditor"]
