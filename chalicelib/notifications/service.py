"""Sending each email once."""

from typing import Any

from chalicelib.notifications.model import Email, Occasion, compose
from chalicelib.notifications.store import NotificationStore
from chalicelib.orders.model import Order
from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import Unavailable


class EmailBeingSent(Unavailable):
    """Somebody is sending this email right now, or died doing it. Trying again later will tell."""


class Notifications:
    def __init__(self, store: NotificationStore, ses: Any, clock: Clock, sender: str, storefront_url: str) -> None:
        self._store = store
        self._ses = ses
        self._clock = clock
        self._sender = sender
        self._storefront_url = storefront_url

    def order_confirmed(self, order: Order) -> None:
        self._send_once(Occasion.CONFIRMED, order)

    def order_completed(self, order: Order) -> None:
        self._send_once(Occasion.COMPLETED, order)

    def order_cancelled(self, order: Order) -> None:
        self._send_once(Occasion.CANCELLED, order)

    def _send_once(self, occasion: Occasion, order: Order) -> None:
        notification_id = f"{order.id}#{occasion}"
        if not self._store.lease(notification_id, self._clock()):
            if not self._store.is_sent(notification_id):
                raise EmailBeingSent(notification_id)
            return
        try:
            self._send(compose(occasion, order, self._storefront_url))
        except Exception:
            self._store.let_go(notification_id)
            raise
        self._store.sent(notification_id)

    def _send(self, email: Email) -> None:
        self._ses.send_email(
            Source=self._sender,
            Destination={"ToAddresses": [email.to]},
            Message={
                "Subject": {"Data": email.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": email.text, "Charset": "UTF-8"},
                    "Html": {"Data": email.html, "Charset": "UTF-8"},
                },
            },
        )
