"""Return steps: one method per state of `statemachine/order_return.asl.yaml`, and its start. Each may be run twice."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from chalicelib.events.envelope import Envelope
from chalicelib.inventory.service import Inventory
from chalicelib.orders.returns import Return, ReturnStatus
from chalicelib.orders.service import Orders
from chalicelib.payments.refunds import Given
from chalicelib.payments.service import Payments
from chalicelib.platform.ids import OrderId, ReturnId


def given(order_id: OrderId, return_id: ReturnId) -> dict[str, str]:
    """The workflow's input."""
    return {"order_id": order_id, "return_id": return_id}


class ReturnWorkflow(Protocol):
    """Both are no-ops for a name that is running already, except a restart beside it."""

    def start(self, name: str, given: dict[str, str]) -> None: ...

    def restart(self, name: str, given: dict[str, str], beside: bool = False) -> None: ...


class RunsOnce(Protocol):
    def run_once(self, key: str, work: Callable[[], None]) -> bool: ...


class Returns:
    def __init__(
        self,
        orders: Orders,
        inventory: Inventory,
        payments: Payments,
        workflow: ReturnWorkflow,
        idempotency: RunsOnce,
    ) -> None:
        self._orders = orders
        self._inventory = inventory
        self._payments = payments
        self._workflow = workflow
        self._idempotency = idempotency

    def start(self, return_requested: Envelope) -> None:
        return_id = ReturnId(return_requested.data["returned"]["return_id"])
        self._workflow.start(return_id, given(return_requested.order_id, return_id))

    def refund_return(self, order_id: OrderId, return_id: ReturnId) -> Given:
        """Return what was given back: less than the items' value if less was left. Raises PaymentDisputed."""
        return self._payments.refund_part(order_id, self._return(order_id, return_id).to_refund, reference=return_id)

    def restock_return(self, order_id: OrderId, return_id: ReturnId) -> None:
        self._inventory.restock(return_id, self._return(order_id, return_id).quantities)

    def complete_return(self, order_id: OrderId, return_id: ReturnId, refunded: int, shortfall: str) -> None:
        self._orders.return_settled(order_id, return_id, refunded, shortfall)

    def go_on(self, order_id: OrderId, cause: str) -> None:
        """Settle the returns that waited for a bank's decision, once for each `cause`.

        The workflow that met the dispute may not have ended yet, so another one begins whether it runs or not: each
        step is a no-op where it was done already.
        """
        for each in self._orders.get(order_id).returns:
            if each.status == ReturnStatus.REQUESTED:
                again = partial(self._workflow.restart, each.id, given(order_id, each.id), beside=True)
                self._idempotency.run_once(f"{cause}#{each.id}", again)

    def _return(self, order_id: OrderId, return_id: ReturnId) -> Return:
        return self._orders.get(order_id).accepted_return(return_id)
