"""Waiting for a person: the saga hands out a task token, and any evidence that the buyer has answered returns it.

A webhook, the buyer's return to the order's page and a wish to cancel may all come twice, in any order, and before the
token is kept. None of them decides anything: the step that follows asks Stripe.
"""

from typing import Protocol

from chalicelib.orders.model import CancellationRequested
from chalicelib.orders.service import Orders
from chalicelib.payments.service import Payments
from chalicelib.platform.ids import OrderId


class WaitingStep(Protocol):
    """The saga step that waits for the buyer, by its task token."""

    def succeeded(self, task_token: str, output: dict[str, str]) -> None: ...

    def failed(self, task_token: str, error: Exception) -> None: ...


class BuyerConfirmation:
    def __init__(self, orders: Orders, payments: Payments, waiting_task: WaitingStep) -> None:
        self._orders = orders
        self._payments = payments
        self._waiting_task = waiting_task

    def await_buyer(self, order_id: OrderId, task_token: str) -> None:
        """Keep the token, and leave. End the wait at once if the buyer was faster, or the order is to be cancelled."""
        awaits = self._payments.await_buyer(order_id, task_token)
        try:
            self._orders.get(order_id).must_go_on()
        except CancellationRequested as requested:
            self._waiting_task.failed(task_token, requested)
            return
        if not awaits:
            self._waiting_task.succeeded(task_token, {})

    def wake_if_answered(self, order_id: OrderId) -> None:
        """End the wait if the buyer has confirmed the payment, or failed to. Raises PaymentProviderUnavailable."""
        for task_token in self._payments.answered(order_id):
            self._waiting_task.succeeded(task_token, {})

    def stop_waiting(self, order_id: OrderId, why: Exception) -> None:
        """End the wait under the name of `why`."""
        payment = self._payments.of(order_id)
        for task_token in payment.task_tokens if payment else ():
            self._waiting_task.failed(task_token, why)
