"""The auditor: reads a running shop's tables, workflows, queues and the payment provider's ledger, believes
nothing else, and says which invariants of money and stock are violated."""

from infra.audit.auditor import Auditor

__all__ = ["Auditor"]
