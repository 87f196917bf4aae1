"""Saga steps: one method per state of `statemachine/order_fulfilment.asl.yaml` that runs a function of ours.

Each may be run twice, may time out after it succeeded, and may arrive late. What undoes a step is a
no-op when there is nothing to undo. The names of the exceptions are what the state machine catches.
"""

from chalicelib.inventory.model import ReservationEnded
from chalicelib.inventory.service import Inventory
from chalicelib.orders.model import CancellationRequested, IllegalTransition, Order, Reason, Status
from chalicelib.orders.service import Orders
from chalicelib.payments.model import BuyerActionRequired
from chalicelib.payments.service import Payments
from chalicelib.platform.ids import OrderId
from chalicelib.shipping.model import Parcel, ShipmentEnded, ShipmentRefused, WarehouseSilent
from chalicelib.shipping.service import Shipping

NOT_SHIPPED = (
    CancellationRequested,
    ReservationEnded,
    IllegalTransition,
    ShipmentEnded,
    ShipmentRefused,
    WarehouseSilent,
)
"""What ends the wait for the warehouse without a parcel."""


class SagaSteps:
    def __init__(self, orders: Orders, inventory: Inventory, payments: Payments, shipping: Shipping) -> None:
        self._orders = orders
        self._inventory = inventory
        self._payments = payments
        self._shipping = shipping

    def reserve_inventory(self, order_id: OrderId) -> None:
        """Raises OutOfStock, ReservationEnded, CancellationRequested."""
        order = self._orders.get(order_id)
        order.must_go_on()
        self._inventory.reserve(order_id, order.quantities)
        self._orders.advance(order_id, Status.RESERVED, known=order)

    def authorize_payment(self, order_id: OrderId) -> None:
        """Raises BuyerActionRequired, PaymentDeclined, PaymentEnded, CancellationRequested."""
        order = self._orders.get(order_id)
        order.must_go_on()
        try:
            self._payments.authorize(order_id, order.total, order.payment_method)
        except BuyerActionRequired:
            self._orders.advance(order_id, Status.ACTION_REQUIRED, known=order)
            raise
        self._orders.advance(order_id, Status.AUTHORIZED, known=order)

    def ship_order(self, order_id: OrderId, task_token: str) -> None:
        """Ask the warehouse to ship, and return; its answer ends the step. Repeated, look whether to wait on.

        A rule that forbids shipping ends the wait under its own name instead of being raised, because
        the step waits for its token and not for this function.
        """
        try:
            self._inventory.commit(order_id)
            order = self._orders.advance(order_id, Status.SHIPPING)
            self._shipping.request(parcel_of(order), task_token)
        except NOT_SHIPPED as refusal:
            self._shipping.fail(task_token, refusal)

    def capture_payment(self, order_id: OrderId) -> None:
        """Raises PaymentEnded."""
        self._payments.capture(order_id)

    def complete_order(self, order_id: OrderId) -> None:
        self._inventory.sell(order_id)
        self._orders.advance(order_id, Status.COMPLETED)

    def refund_payment(self, order_id: OrderId) -> None:
        self._payments.refund(order_id)

    def recall_shipment(self, order_id: OrderId) -> None:
        self._shipping.recall(order_id)

    def void_payment(self, order_id: OrderId) -> None:
        self._payments.void(order_id)

    def release_inventory(self, order_id: OrderId) -> None:
        self._inventory.release(order_id)

    def cancel_order(self, order_id: OrderId, reason: str) -> None:
        self._orders.advance(order_id, Status.CANCELLED, Reason(reason))


def parcel_of(order: Order) -> Parcel:
    return Parcel(order_id=order.id, quantities=order.quantities, **order.shipping_address.model_dump())
