"""Taking pieces back from orders that never went on. Runs by the clock."""

from chalicelib import wiring
from chalicelib.orders.model import OrderNotFound, Reason, TooLateToCancel
from chalicelib.platform.log import log


def sweep_reservations() -> int:
    """Returns how many reservations were released.

    The order is told first, so that a saga that wakes up late stops at its next step. A step that
    commits the reservation at this very moment needs it not to be expired, so only one of us succeeds.
    """
    return sum(_swept(order_id) for order_id in wiring.inventory().expired())


def _swept(order_id: str) -> bool:
    """One that cannot be swept must not keep the others from it; the next run tries it again."""
    try:
        try:
            wiring.orders().cancel(order_id, Reason.FULFILMENT_FAILED)
        except (TooLateToCancel, OrderNotFound):
            log.warning("an expired reservation of an order that is over", extra={"order_id": order_id})
        released = wiring.inventory().release_expired(order_id)
    except Exception:
        log.exception("not swept", extra={"order_id": order_id})
        return False
    log.info("reservation swept", extra={"order_id": order_id, "released": released})
    return released
