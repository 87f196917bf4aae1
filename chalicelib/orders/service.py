"""Reading orders and moving them on. Moving is idempotent: a status that was reached stays reached."""

from chalicelib.orders.model import Order, OrderChanged, OrderNotFound, OrderTokenRequired, Reason, Status
from chalicelib.orders.store import OrderStore
from chalicelib.platform.clock import Clock
from chalicelib.platform.identity import Caller

PAGE_SIZE = 20
ATTEMPTS = 4


class Orders:
    def __init__(self, store: OrderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, order_id: str) -> Order:
        """Raises OrderNotFound."""
        order = self._store.get(order_id)
        if order is None:
            raise OrderNotFound
        return order

    def get_for(self, caller: Caller, token: str | None, order_id: str) -> Order:
        """The order if it is the caller's, or the token's, or the caller is an admin.

        Raises OrderTokenRequired from a nobody, and OrderNotFound for other people's orders as for
        none: nobody learns which exist.
        """
        if caller.customer_id is None and token is None:
            raise OrderTokenRequired
        order = self.get(order_id)
        is_owner = caller.customer_id is not None and caller.customer_id == order.customer_id
        if is_owner or caller.is_admin or (token is not None and order.opens_with(token)):
            return order
        raise OrderNotFound

    def of_customer(self, customer_id: str, cursor: str | None) -> tuple[list[Order], str | None]:
        """Newest first. Raises CursorInvalid."""
        return self._store.page("by-customer", customer_id, cursor, PAGE_SIZE)

    def in_status(self, status: Status, cursor: str | None) -> tuple[list[Order], str | None]:
        """Newest first. Raises CursorInvalid."""
        return self._store.page("by-status", status, cursor, PAGE_SIZE)

    def advance(self, order_id: str, status: Status, reason: Reason | None = None) -> Order:
        """Raises IllegalTransition, OrderNotFound, or OrderChanged under lasting contention."""
        for _ in range(ATTEMPTS):
            order = self.get(order_id)
            advanced = order.advanced(status, self._clock(), reason)
            if advanced is order:
                return order
            try:
                self._store.save(advanced)
                return advanced
            except OrderChanged:
                continue
        raise OrderChanged(order_id)
