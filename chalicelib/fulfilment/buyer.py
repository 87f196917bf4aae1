"""Waiting for a person: the saga hands out a task token, and whatever shows that the buyer has answered gives it back.

A webhook, the buyer's return to the order's page and a wish to cancel may all come twice, in any order, and before the
token is kept. None of them decides anything: the step that follows asks Stripe.
"""

from chalicelib import wiring
from chalicelib.orders.model import CancellationRequested


def await_buyer(order_id: str, task_token: str) -> None:
    """Keep the token, and leave. End the wait at once if the buyer was faster, or the order is to be cancelled."""
    awaits = wiring.payments().await_buyer(order_id, task_token)
    try:
        wiring.orders().get(order_id).must_go_on()
    except CancellationRequested as requested:
        wiring.waiting_task().failed(task_token, requested)
        return
    if not awaits:
        wiring.waiting_task().succeeded(task_token, {})


def wake_if_answered(order_id: str) -> None:
    """End the wait if the buyer has confirmed the payment, or failed to. Raises PaymentProviderUnavailable."""
    for task_token in wiring.payments().answered(order_id):
        wiring.waiting_task().succeeded(task_token, {})


def stop_waiting(order_id: str, why: Exception) -> None:
    """End the wait under the name of `why`."""
    payment = wiring.payments().of(order_id)
    for task_token in payment.task_tokens if payment else ():
        wiring.waiting_task().failed(task_token, why)
