"""Send each email once, and twice at most: only where the mark that it was sent could not be written."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from chalicelib.cart.model import Cart
from chalicelib.events.envelope import EventId
from chalicelib.notifications.limits import MailLimits
from chalicelib.notifications.model import Email, Item, Occasion, cart_reminder, compose, emails_of
from chalicelib.orders.model import Order
from chalicelib.platform.ids import ReturnId
from chalicelib.platform.links import Links
from chalicelib.platform.log import log
from chalicelib.shipping.model import Shipment

LINK_LIFETIME = timedelta(days=30)
"""How long a link in an email opens a guest's order."""
UNSUBSCRIBE_LIFETIME = timedelta(days=365)
STARTS = 2
"""Attempts to send one email through SES, counted before sending."""

OF_RETURNS = (Occasion.RETURN_REQUESTED, Occasion.REFUNDED)
NOT_OF_THE_ORDER = (*OF_RETURNS, Occasion.LINK)
"""Occasions of which one order has several emails, or none by itself."""


class Mailer(Protocol):
    def send(self, email: Email) -> bool:
        """Raise NoEffect if nothing was sent."""


class Effects(Protocol):
    """See IdempotencyStore."""

    def run_once(self, key: str, work: Callable[[], bool | None], at_most: int | None = None) -> bool: ...

    def done_at(self, key: str) -> str | None: ...


class Notifications:
    def __init__(
        self, idempotency: Effects, sender: Mailer, limits: MailLimits, links: Links, storefront_url: str
    ) -> None:
        self._idempotency = idempotency
        self._sender = sender
        self._limits = limits
        self._links = links
        self._storefront_url = storefront_url

    def payment_waits(self, order: Order) -> None:
        self._send_once(Occasion.PAYMENT_WAITS, order)

    def order_confirmed(self, order: Order) -> None:
        self._send_once(Occasion.CONFIRMED, order)

    def order_completed(self, order: Order, shipment: Shipment | None) -> None:
        self._send_once(Occasion.COMPLETED, order, shipment=shipment)

    def order_cancelled(self, order: Order) -> None:
        self._send_once(Occasion.CANCELLED, order)

    def return_requested(self, order: Order, return_id: ReturnId) -> None:
        self._send_once(Occasion.RETURN_REQUESTED, order, return_id)

    def return_refunded(self, order: Order, return_id: ReturnId) -> None:
        self._send_once(Occasion.REFUNDED, order, return_id)

    def order_link(self, order: Order, request_id: EventId, client: str) -> None:
        """Mail the order's own address a link to it, once for each request and within the limits of `client`."""
        email = compose(Occasion.LINK, order, self.link(order), self._storefront_url)

        def send() -> bool:
            return self._limits.allow(order.email, client) and self._sender.send(email)

        self._run(_again(order.id, Occasion.LINK, request_id), Occasion.LINK, order, send)

    def link(self, order: Order) -> str:
        """Return what opens the order's page: signed for a guest, in the fragment, which no server is sent."""
        page = f"{self._storefront_url}/orders/{order.id}"
        if order.customer_id is not None:
            return page
        return f"{page}#link={self._links.sign('order', order.id, LINK_LIFETIME)}"

    def cart_left(self, cart: Cart, to: str, items: list[Item], has_consent: Callable[[], bool]) -> bool:
        """Send a reminder once for each version of a cart; return whether it was sent now.

        `has_consent` is asked again right before sending: a withdrawal counts at once.
        """
        token = self._links.sign("unsubscribe", cart.customer_id or "", UNSUBSCRIBE_LIFETIME)
        email = cart_reminder(to, items, self._storefront_url, token)

        def send() -> bool:
            return has_consent() and self._sender.send(email)

        return self._idempotency.run_once(f"email#cart#{cart.id}#{cart.version}", send, STARTS)

    def sent(self, order: Order) -> dict[str, str]:
        """When each email about this order was sent, by its occasion, and that of a return by its id."""
        returns = [(occasion, each.id) for each in order.returns for occasion in OF_RETURNS]
        occasions = [*((each, order.id) for each in Occasion if each not in NOT_OF_THE_ORDER), *returns]
        found = {
            f"{occasion} {about}": self._idempotency.done_at(_key(about, occasion)) for occasion, about in occasions
        }
        return {title: at for title, at in found.items() if at}

    def send_again(
        self, order: Order, occasion: Occasion, return_id: ReturnId | None, request_id: str, shipment: Shipment | None
    ) -> None:
        """Send an email again, once for each request, unless the order has changed so that it is not true any more.

        The limits are for strangers: here an operator asked.
        """
        email = compose(occasion, order, self.link(order), self._storefront_url, return_id, shipment)

        def send() -> bool:
            return (occasion, return_id) in emails_of(order) and self._sender.send(email)

        self._run(_again(return_id or order.id, occasion, request_id), occasion, order, send)

    def sent_again(self, order: Order, occasion: Occasion, return_id: ReturnId | None, request_id: str) -> str | None:
        """Return when the email of this request was sent, None if it was not yet."""
        return self._idempotency.done_at(_again(return_id or order.id, occasion, request_id))

    def _send_once(
        self,
        occasion: Occasion,
        order: Order,
        return_id: ReturnId | None = None,
        shipment: Shipment | None = None,
    ) -> None:
        email = compose(occasion, order, self.link(order), self._storefront_url, return_id, shipment)

        def send() -> bool:
            is_allowed = order.is_paid_for or self._limits.allow(order.email, order.client)
            return is_allowed and self._sender.send(email)

        self._run(_key(return_id or order.id, occasion), occasion, order, send)

    def _run(self, key: str, occasion: Occasion, order: Order, send: Callable[[], bool]) -> None:
        """An order whose buyer was erased has no address."""
        if order.erased_at:
            return
        if self._idempotency.run_once(key, send, STARTS):
            log.info("email sent", extra={"occasion": occasion, "order_id": order.id})


def _key(about: str, occasion: Occasion) -> str:
    return f"email#{about}#{occasion}"


def _again(about: str, occasion: Occasion, request_id: str) -> str:
    return f"{_key(about, occasion)}#{request_id}"
