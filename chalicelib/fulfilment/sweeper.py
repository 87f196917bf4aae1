"""Sweeper: release reservations that expired because their order never went on. Runs on a schedule."""

from chalicelib.inventory.service import Inventory
from chalicelib.orders.model import OrderNotFound, Reason, TooLateToCancel
from chalicelib.orders.service import Orders
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log


def sweep_reservations(inventory: Inventory, orders: Orders) -> int:
    """Return how many reservations were released.

    The order is cancelled first, so that a saga that resumes late stops at its next step. A step that commits the
    reservation at the same time needs it not to be expired, so only one of the two succeeds.
    """
    return sum(_swept(inventory, orders, order_id) for order_id in inventory.expired())


def _swept(inventory: Inventory, orders: Orders, order_id: OrderId) -> bool:
    """Return whether it was released. One that fails does not stop the others; the next run tries it again."""
    try:
        try:
            orders.cancel(order_id, Reason.FULFILMENT_FAILED)
        except (TooLateToCancel, OrderNotFound):
            log.warning("an expired reservation of an order that is over", extra={"order_id": order_id})
        released = inventory.release_expired(order_id)
    except Exception:
        log.exception("not swept", extra={"order_id": order_id})
        return False
    log.info("reservation swept", extra={"order_id": order_id, "released": released})
    return released
