"""Recovery: orders and returns whose workflow died are settled by another one.

It goes on (capture, complete) where the parcel has left, waits where the warehouse may still dispatch, and compensates
otherwise. It is started by the event that a workflow died, by a sweep as the safety net, and by an operator's redrive.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import Field

from chalicelib.fulfilment import returns
from chalicelib.fulfilment.steps import NOT_SHIPPED, parcel_of
from chalicelib.orders.model import (
    CancellationRequested,
    Order,
    Reason,
    Status,
    TooLateToCancel,
)
from chalicelib.orders.returns import Return, ReturnStatus
from chalicelib.orders.service import Orders
from chalicelib.payments.model import PaymentStatus
from chalicelib.payments.service import Payments
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Clock
from chalicelib.platform.ids import OrderId, ReturnId
from chalicelib.platform.log import log
from chalicelib.platform.workflows import LastExecution, machine_name
from chalicelib.shipping.model import ShipmentStatus
from chalicelib.shipping.service import Shipping

GRACE = timedelta(minutes=1)
"""The sweep leaves a workflow that died just now to the event of its death."""
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(days=1)
"""Between two recoveries of what was parked for a person; each pause is twice as long as the one before."""
PARKED = {"CompensationExhausted", "ReturnUnsettled"}
"""The errors of workflows that parked what they could not settle."""
UNPAUSED = 3
"""So many recoveries may die of something else before the next one pauses too."""


class OrderEnded(Exception):
    """The order has ended, so there is nothing to recover."""


class Detail(BaseModel):
    state_machine: str = Field(alias="stateMachineArn")
    name: str
    status: str


class WorkflowDied(BaseModel):
    """EventBridge's `Step Functions Execution Status Change`."""

    detail: Detail


class RecoverableWorkflow(Protocol):
    """A workflow, by the names of its executions."""

    @property
    def machine(self) -> str: ...

    def start(self, name: str, given: dict[str, str]) -> None: ...

    def restart(self, name: str, given: dict[str, str]) -> None: ...

    def is_running(self, name: str) -> bool: ...

    def last(self, name: str) -> LastExecution | None: ...

    def input_of(self, name: str) -> dict[str, str]: ...


class Recovery:
    def __init__(
        self,
        orders: Orders,
        payments: Payments,
        shipping: Shipping,
        fulfilment_workflow: RecoverableWorkflow,
        compensation_workflow: RecoverableWorkflow,
        return_workflow: RecoverableWorkflow,
        clock: Clock,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._shipping = shipping
        self._fulfilment_workflow = fulfilment_workflow
        self._compensation_workflow = compensation_workflow
        self._return_workflow = return_workflow
        self._clock = clock

    def resume_shipment(self, order_id: OrderId, task_token: str, reason: str) -> None:
        """Decide in which direction an order is recovered, and answer the step that waits for `task_token`.

        Success means onward; each error's name means back, and OrderEnded that nothing is left to do. While the
        warehouse may still dispatch, its answer decides.
        """
        try:
            self._resume(order_id, task_token, Reason(reason))
        except (OrderEnded, *NOT_SHIPPED) as refusal:
            self._shipping.fail(task_token, refusal)

    def _resume(self, order_id: OrderId, task_token: str, reason: Reason) -> None:
        order = self._orders.get(order_id)
        if order.is_over:
            raise OrderEnded(order.status)
        if order.dispatched_at:
            return self._shipping.succeed(order_id, task_token)
        may_be_dispatched = order.status == Status.SHIPPING and not order.cancellation
        if may_be_dispatched and self._shipping.is_requested(order_id):
            return self._shipping.request(parcel_of(order), task_token)
        try:
            cancelled = self._orders.cancel(order_id, reason)
        except TooLateToCancel:
            return self._resume(order_id, task_token, reason)
        raise CancellationRequested(cancelled.cancellation)

    def recover(self, order_id: OrderId) -> None:
        """Start a recovery unless the order has ended or one is running. The saga must be dead."""
        order = self._orders.get(order_id)
        if not order.is_over:
            self._compensation_workflow.restart(order_id, {"order_id": order_id, "reason": self._reason(order)})

    def recover_if_abandoned(self, order_id: OrderId) -> None:
        """The same, where it is not known whether the saga is dead."""
        if not self._fulfilment_workflow.is_running(order_id):
            self.recover(order_id)

    def settle(self, order_id: OrderId) -> None:
        """Recover what an operator redrives: it was parked while it was compensated, so it is not resumed unless the
        parcel has left."""
        order = self._orders.get(order_id)
        if not order.is_over:
            with suppress(TooLateToCancel):
                self._orders.cancel(order_id, self._reason(order))
            self.recover(order_id)

    def recover_dead(self, died: WorkflowDied) -> None:
        """Recover the order or the return that a dead workflow left. Parked ones are left to a person and the sweep."""
        machine, name = machine_name(died.detail.state_machine), first_name(died.detail.name)
        if machine == self._return_workflow.machine:
            given = self._return_workflow.input_of(died.detail.name)
            order = self._orders.get(OrderId(given["order_id"]))
            self._tend_return(order, order.accepted_return(ReturnId(name)), timedelta())
        else:
            self._tend_order(self._orders.get(OrderId(name)), timedelta())

    def sweep_workflows(self) -> int:
        """Recover every order and return whose workflow died or never began; return how many were."""
        return sum(self._swept(order) for order in self._orders.unsettled())

    def _swept(self, order: Order) -> bool:
        """One that cannot be recovered must not keep the others from it; the next run tries it again."""
        try:
            pending = [each for each in order.returns if each.status == ReturnStatus.REQUESTED]
            tended = [self._tend_order(order, GRACE), *(self._tend_return(order, each, GRACE) for each in pending)]
        except Exception:
            log.exception("not recovered", extra={"order_id": order.id})
            return False
        return any(tended)

    def _tend_order(self, order: Order, grace: timedelta) -> bool:
        if order.is_over:
            return False
        saga = self._fulfilment_workflow.last(order.id)
        if not saga and order.status == Status.PLACED and not order.cancellation:
            return self._started_late(
                self._fulfilment_workflow, order.id, {"order_id": order.id}, order.placed_at, grace
            )
        if not (self._is_due(saga, grace) and self._is_due(self._compensation_workflow.last(order.id), grace)):
            return False
        log.warning("recovering an order", extra={"order_id": order.id, "status": order.status})
        self.recover(order.id)
        return True

    def _tend_return(self, order: Order, wanted: Return, grace: timedelta) -> bool:
        workflow, given = self._return_workflow, returns.given(order.id, wanted.id)
        last = workflow.last(wanted.id)
        if not last:
            return self._started_late(workflow, wanted.id, given, wanted.requested_at, grace)
        waits_for_bank = last.status == "SUCCEEDED"
        if wanted.status != ReturnStatus.REQUESTED or waits_for_bank or not self._is_due(last, grace):
            return False
        log.warning("recovering a return", extra={"order_id": order.id, "return_id": wanted.id})
        workflow.restart(wanted.id, given)
        return True

    def _started_late(
        self, workflow: RecoverableWorkflow, name: str, given: dict[str, str], since: str, grace: timedelta
    ) -> bool:
        """The event that starts it failed permanently, or is late: then the second start finds the first."""
        if self._clock() - datetime.fromisoformat(since) < grace:
            return False
        log.warning("starting a workflow that never began", extra={"order_id": given["order_id"]})
        workflow.start(name, given)
        return True

    def _is_due(self, last: LastExecution | None, grace: timedelta) -> bool:
        """Whether this run is over for long enough that another may follow it."""
        if last is None:
            return True
        pause = grace
        if last.error in PARKED or last.number >= UNPAUSED:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(last.number - 1, 10))
        return last.ended is not None and self._clock() - last.ended >= pause

    def _reason(self, order: Order) -> Reason:
        """Why the saga had begun to compensate, as our own records have it."""
        payment, shipment = self._payments.of(order.id), self._shipping.of(order.id)
        if order.cancellation:
            return order.cancellation
        if payment and (payment.decline_code or payment.status == PaymentStatus.DECLINED):
            return Reason.PAYMENT_DECLINED
        if shipment and shipment.status == ShipmentStatus.REFUSED:
            return Reason.SHIPPING_FAILED
        return Reason.FULFILMENT_FAILED


def first_name(name: str) -> str:
    """An execution's name without the number of its repetition."""
    return name.partition("-")[0]
