"""Refund retries: run the workflow of a failed refund again."""

from typing import Protocol

from chalicelib.dead_letters.model import NoFailedRefund
from chalicelib.orders.model import Order, Reason, Status
from chalicelib.orders.service import Orders
from chalicelib.platform.ids import OrderId, ReturnId


class RestartedWorkflow(Protocol):
    def restart(self, name: str, given: dict[str, str]) -> None: ...


class RefundRetries:
    def __init__(
        self, orders: Orders, return_workflow: RestartedWorkflow, compensation_workflow: RestartedWorkflow
    ) -> None:
        self._orders = orders
        self._return_workflow = return_workflow
        self._compensation_workflow = compensation_workflow

    def start(self, order_id: OrderId) -> list[str]:
        """Restart the return of each failed refund, or the undo of a cancelled order; return the workflows' names.

        A second call refunds nothing twice: a running workflow is left alone, and its step checks the payment
        provider first. Raises OrderNotFound, NoFailedRefund.
        """
        order = self._orders.get(order_id)
        return_ids = dict.fromkeys(failed.return_id for failed in order.failed_refunds)
        names = [name for return_id in return_ids if (name := self._restart(order, return_id))]
        if not names:
            raise NoFailedRefund
        return names

    def _restart(self, order: Order, return_id: ReturnId | None) -> str | None:
        """Return the workflow's name; None where no workflow made the refund."""
        if return_id:
            self._return_workflow.restart(return_id, {"order_id": order.id, "return_id": return_id})
            return return_id
        if order.status != Status.CANCELLED:
            return None
        reason = order.reason or order.cancellation or Reason.FULFILMENT_FAILED
        self._compensation_workflow.restart(order.id, {"order_id": order.id, "reason": reason})
        return order.id
