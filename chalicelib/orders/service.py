"""Reading orders and changing them. Every change may be repeated and is made once."""

from collections.abc import Callable, Iterator

from chalicelib.events.contracts import PaymentMovement
from chalicelib.events.outbox import OutboxEvent
from chalicelib.orders.erasure import erased
from chalicelib.orders.model import Order, OrderChanged, OrderNotFound, Reason, Status
from chalicelib.orders.returns import Return
from chalicelib.orders.store import EVER, OrderStore, Span, guest_email
from chalicelib.platform.clock import Clock
from chalicelib.platform.dynamo import Read
from chalicelib.platform.errors import Forbidden, Unauthenticated
from chalicelib.platform.identity import Caller
from chalicelib.platform.ids import CustomerId, OrderId, ReturnId, Sku
from chalicelib.platform.links import LinkExpired, LinkInvalid, Links, is_link
from chalicelib.platform.retries import retry_on_conflict

PAGE_SIZE = 20
PART_SIZE = 100
"""Orders in one part of an export."""
ATTEMPTS = 6


class OrderTokenRequired(Unauthenticated):
    """Sign in, or send the order's X-Order-Token."""


class LinkRevoked(Unauthenticated):
    """This order belongs to an account now. Sign in to see it."""


class EmailNotConfirmed(Forbidden):
    """Confirm the address of your account first."""


NOT_OPENED = (OrderTokenRequired, OrderNotFound, LinkExpired, LinkInvalid, LinkRevoked)
"""What `get_for` raises for callers that may not see an order."""


class Orders:
    """Without `links` no emailed link opens an order."""

    def __init__(self, store: OrderStore, clock: Clock, links: Links | None = None) -> None:
        self._store = store
        self._links = links
        self._clock = clock

    def get(self, order_id: OrderId) -> Order:
        """Raises OrderNotFound."""
        order = self._store.get(order_id)
        if order is None:
            raise OrderNotFound
        return order

    def get_for(self, caller: Caller, token: str | None, order_id: OrderId) -> Order:
        """Return the order if it is the caller's, or the token or emailed link opens it, or the caller is an admin.

        Raise OrderTokenRequired from a guest without a token, LinkExpired, LinkInvalid or LinkRevoked for a link, and
        OrderNotFound for other people's orders as for none: the answer does not reveal which exist.
        """
        if caller.customer_id is None and token is None:
            raise OrderTokenRequired
        return self._opened(self._store.get(order_id), caller, token, order_id)

    def reading_for(self, caller: Caller, token: str | None, order_id: OrderId) -> Read[Order]:
        """Return the read of what `get_for` returns; it raises what `get_for` raises."""
        if caller.customer_id is None and token is None:
            raise OrderTokenRequired
        return self._store.reading(order_id, lambda order: self._opened(order, caller, token, order_id))

    def _opened(self, order: Order | None, caller: Caller, token: str | None, order_id: OrderId) -> Order:
        if order and (caller.is_admin or order.is_buyers(caller.customer_id, token)):
            return order
        if token is not None and is_link(token):
            return self._linked(token, order, order_id)
        raise OrderNotFound

    def _linked(self, link: str, order: Order | None, order_id: OrderId) -> Order:
        if self._links is None or self._links.subject("order", link) != order_id:
            raise LinkInvalid
        if order is None:
            raise OrderNotFound
        if order.customer_id is not None:
            raise LinkRevoked
        return order

    def claimable(self, caller: Caller, cursor: str | None) -> tuple[list[Order], str | None]:
        """Return orders that guests placed with the caller's confirmed address, newest first. Raise CursorInvalid."""
        if not (caller.email and caller.email_is_confirmed):
            return [], None
        return self._store.page("by-guest-email", guest_email(caller.email), cursor, PAGE_SIZE)

    def claim(self, caller: Caller, order_id: OrderId) -> Order:
        """Make a guest's order the customer's, whose confirmed address it was placed with. Links to it end.

        Raise EmailNotConfirmed, and OrderNotFound for any other order.
        """
        if caller.customer_id is None or not (caller.email and caller.email_is_confirmed):
            raise EmailNotConfirmed
        customer_id, email = caller.customer_id, guest_email(caller.email)

        def claimed(order: Order) -> Order:
            if guest_email(order.email) != email:
                raise OrderNotFound
            return order.claimed(customer_id, self._clock())

        return self._change(order_id, claimed)

    def of_customer(
        self, customer_id: CustomerId, cursor: str | None, span: Span = EVER
    ) -> tuple[list[Order], str | None]:
        """Newest first. Raises CursorInvalid."""
        return self._store.page("by-customer", customer_id, cursor, PAGE_SIZE, span)

    def has_ordered(self, customer_id: CustomerId, since: str) -> bool:
        """Return whether the customer placed an order since then. Eventually consistent."""
        return self._store.has_of_customer(customer_id, Span(since))

    def part_of_customer(self, customer_id: CustomerId, cursor: str | None) -> tuple[list[Order], str | None]:
        """Return up to a hundred orders, newest first. Raises CursorInvalid."""
        return self._store.page("by-customer", customer_id, cursor, PART_SIZE)

    def every_of_customer(self, customer_id: CustomerId) -> Iterator[Order]:
        """Eventually consistent."""
        orders, cursor = self.part_of_customer(customer_id, None)
        yield from orders
        while cursor:
            orders, cursor = self.part_of_customer(customer_id, cursor)
            yield from orders

    def erase(self, order_id: OrderId, customer_id: CustomerId) -> None:
        """Erase the buyer's personal data from an order of this customer; no other order is changed."""

        def change(order: Order) -> Order:
            return erased(order, self._clock()) if order.customer_id == customer_id else order

        self._change(order_id, change)

    def of_email(self, email: str, cursor: str | None) -> tuple[list[Order], str | None]:
        """Newest first, of guests and customers. Letter case makes no difference. Raises CursorInvalid."""
        return self._store.page("by-email", guest_email(email), cursor, PAGE_SIZE)

    def in_status(self, status: Status, cursor: str | None, span: Span = EVER) -> tuple[list[Order], str | None]:
        """Newest first. Raises CursorInvalid."""
        return self._store.page("by-status", status, cursor, PAGE_SIZE, span)

    def latest(self, cursor: str | None, span: Span = EVER) -> tuple[list[Order], str | None]:
        """In any status, newest first. Raises CursorInvalid."""
        return self._store.latest(Status, cursor, PAGE_SIZE, span)

    def unsettled(self) -> Iterator[Order]:
        """Orders that have not ended, or have a return that has not; oldest first. They may have changed since."""
        return self._store.unsettled()

    def placed_since(self, since: str, *statuses: Status) -> Iterator[Order]:
        """In any of these statuses, each newest first. `since` is as in the history."""
        for status in statuses:
            cursor = None
            while True:
                orders, cursor = self.in_status(status, cursor)
                recent = [order for order in orders if order.placed_at >= since]
                yield from recent
                if cursor is None or len(recent) < len(orders):
                    break

    def advance(
        self, order_id: OrderId, status: Status, reason: Reason | None = None, known: Order | None = None
    ) -> Order:
        """Raises CancellationRequested, IllegalTransition. `known` is as in `_change`."""
        return self._change(order_id, lambda order: order.advanced(status, self._clock(), reason), known)

    def cancel(self, order_id: OrderId, reason: Reason, known: Order | None = None) -> Order:
        """Write down that the order is to be cancelled; the event of it stops the saga. Raises TooLateToCancel.

        `known` is as in `_change`.
        """
        return self._change(order_id, lambda order: order.to_be_cancelled(reason, self._clock()), known)

    def dispatched(self, order_id: OrderId) -> Order:
        """From here on the order cannot be cancelled. Raises CancellationRequested, IllegalTransition."""
        return self._change(order_id, lambda order: order.dispatched(self._clock()))

    def take_back(
        self,
        order_id: OrderId,
        return_id: ReturnId,
        wanted: dict[Sku, int] | None,
        kept: int | None = None,
        known: Order | None = None,
    ) -> Return:
        """Accept a return of these units, or of all that are left; its event starts the refund.

        No more is promised than `kept`, in minor units, where that is known. `known` is as in `_change`.

        Raises OrderNotReturnable, NothingToReturn, ReturnLineUnknown, ReturnExceedsOrder, IdempotencyConflict.
        """
        order = self._change(
            order_id, lambda order: order.return_requested(return_id, wanted, self._clock(), kept), known
        )
        return order.accepted_return(return_id)

    def return_settled(
        self, order_id: OrderId, return_id: ReturnId, refunded: int, shortfall: str | None = None
    ) -> Order:
        """`refunded` is minor units; `shortfall` says why it is less than the value of what came back."""
        return self._change(order_id, lambda order: order.return_settled(return_id, refunded, self._clock(), shortfall))

    def record(
        self, order_id: OrderId, event_type: str, fact: str, cause: str, movement: PaymentMovement | None = None
    ) -> Order:
        """Note what happened to the order elsewhere, once for each fact. `cause` is the id of what made us look."""
        return self._change(order_id, lambda order: order.recorded(event_type, fact, cause, self._clock(), movement))

    def events(self, order_id: OrderId) -> list[OutboxEvent]:
        """All that were ever made of this order, in their order."""
        return self._store.events(order_id)

    def _change(self, order_id: OrderId, change: Callable[[Order], Order], known: Order | None = None) -> Order:
        """Save the changed order in place of the one that was read, or of `known`, which the caller read before.

        If that one was changed meanwhile, read it and change it again. Raises OrderNotFound, what `change` raises, or
        OrderChanged or TableBusy under lasting contention.
        """
        for _ in retry_on_conflict(ATTEMPTS):
            order = known or self.get(order_id)
            changed = change(order)
            if changed is order:
                return order
            try:
                self._store.save(changed)
                return changed
            except OrderChanged:
                known = None
        raise OrderChanged(order_id)
