"""Refund retries: run the workflow of a failed refund again."""

from chalicelib import wiring
from chalicelib.dead_letters.model import NoFailedRefund
from chalicelib.orders.model import Order, Reason, Status


def retry_refunds(order_id: str) -> list[str]:
    """Restart the return of each failed refund, or the undo of a cancelled order; return the workflows' names.

    A second call refunds nothing twice: a running workflow is left alone, and its step checks the payment
    provider first. Raises OrderNotFound, NoFailedRefund.
    """
    order = wiring.orders().get(order_id)
    started = [_retry(order, return_id) for return_id in dict.fromkeys(each.return_id for each in order.failed_refunds)]
    names = [name for name in started if name]
    if not names:
        raise NoFailedRefund
    return names


def _retry(order: Order, return_id: str | None) -> str | None:
    """Return the workflow's name; None where no workflow made the refund."""
    if return_id:
        wiring.return_workflow().restart(return_id, {"order_id": order.id, "return_id": return_id})
        return return_id
    if order.status != Status.CANCELLED:
        return None
    reason = order.reason or order.cancellation or Reason.FULFILMENT_FAILED
    wiring.undo_workflow().restart(order.id, {"order_id": order.id, "reason": reason})
    return order.id
