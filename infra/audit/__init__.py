"""The auditor: reads a running shop's tables, workflows, queues and the payment provider's ledger, believes
nothing else, and says which of the promises about money and stock do not hold."""

from infra.audit.auditor import Auditor

__all__ = ["Auditor"]
