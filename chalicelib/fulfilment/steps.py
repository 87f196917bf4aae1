"""Saga steps: one function per state of `statemachine/order_fulfilment.asl.yaml` that runs a function of ours.

Each may be run twice, may time out after it succeeded, and may arrive late. What undoes a step is a
no-op when there is nothing to undo. The names of the exceptions are what the state machine catches.
"""

from chalicelib import wiring
from chalicelib.inventory.model import ReservationEnded
from chalicelib.orders.model import CancellationRequested, IllegalTransition, Order, Reason, Status
from chalicelib.payments.model import BuyerActionRequired
from chalicelib.shipping.model import Parcel, ShipmentEnded, ShipmentRefused, WarehouseSilent


def reserve_inventory(order_id: str) -> None:
    """Raises OutOfStock, ReservationEnded, CancellationRequested."""
    order = wiring.orders().get(order_id)
    order.must_go_on()
    wiring.inventory().reserve(order_id, order.quantities)
    wiring.orders().advance(order_id, Status.RESERVED)


def authorize_payment(order_id: str) -> None:
    """Raises BuyerActionRequired, PaymentDeclined, PaymentEnded, CancellationRequested."""
    order = wiring.orders().get(order_id)
    order.must_go_on()
    try:
        wiring.payments().authorize(order_id, order.total, order.payment_method)
    except BuyerActionRequired:
        wiring.orders().advance(order_id, Status.ACTION_REQUIRED)
        raise
    wiring.orders().advance(order_id, Status.AUTHORIZED)


NOT_SHIPPED = (
    CancellationRequested,
    ReservationEnded,
    IllegalTransition,
    ShipmentEnded,
    ShipmentRefused,
    WarehouseSilent,
)
"""What ends the wait for the warehouse without a parcel."""


def ship_order(order_id: str, task_token: str) -> None:
    """Ask the warehouse to ship, and return; its answer ends the step. Repeated, look whether to wait on.

    A rule that forbids shipping ends the wait under its own name instead of being raised, because
    the step waits for its token and not for this function.
    """
    try:
        wiring.inventory().commit(order_id)
        order = wiring.orders().advance(order_id, Status.SHIPPING)
        wiring.shipping().request(parcel_of(order), task_token)
    except NOT_SHIPPED as refusal:
        wiring.shipping().fail(task_token, refusal)


def capture_payment(order_id: str) -> None:
    """Raises PaymentEnded."""
    wiring.payments().capture(order_id)


def complete_order(order_id: str) -> None:
    wiring.inventory().sell(order_id)
    wiring.orders().advance(order_id, Status.COMPLETED)


def refund_payment(order_id: str) -> None:
    wiring.payments().refund(order_id)


def recall_shipment(order_id: str) -> None:
    wiring.shipping().recall(order_id)


def void_payment(order_id: str) -> None:
    wiring.payments().void(order_id)


def release_inventory(order_id: str) -> None:
    wiring.inventory().release(order_id)


def cancel_order(order_id: str, reason: str) -> None:
    wiring.orders().advance(order_id, Status.CANCELLED, Reason(reason))


def parcel_of(order: Order) -> Parcel:
    return Parcel(order_id=order.id, quantities=order.quantities, **order.shipping_address.model_dump())
