"""Send each email once, and twice at most: only where the mark that it was sent could not be written."""

from chalicelib.notifications.model import Occasion, cart_reminder, compose
from chalicelib.notifications.ses import SesSender
from chalicelib.orders.model import Order
from chalicelib.platform.log import log
from chalicelib.platform.once import Once

STARTS = 2
"""How often one email may be handed to SES, whatever fails afterwards."""


class Notifications:
    def __init__(self, once: Once, sender: SesSender, storefront_url: str) -> None:
        self._once = once
        self._sender = sender
        self._storefront_url = storefront_url

    def order_confirmed(self, order: Order) -> None:
        self._send_once(Occasion.CONFIRMED, order)

    def order_completed(self, order: Order) -> None:
        self._send_once(Occasion.COMPLETED, order)

    def order_cancelled(self, order: Order) -> None:
        self._send_once(Occasion.CANCELLED, order)

    def return_refunded(self, order: Order, return_id: str) -> None:
        self._send_once(Occasion.REFUNDED, order, return_id)

    def cart_left(self, cart_id: str, version: int, to: str, pieces: list[tuple[int, str]]) -> bool:
        """Once for each version of a cart. Returns whether it was sent now."""
        email = cart_reminder(to, pieces, self._storefront_url)
        return self._once.run(f"email#cart#{cart_id}#{version}", lambda: self._sender.send(email), STARTS)

    def sent(self, order: Order) -> dict[str, str]:
        """When each email about this order was sent, by its occasion, and that of a return by its id."""
        returns = [(Occasion.REFUNDED, each.id) for each in order.returns]
        occasions = [*((occasion, order.id) for occasion in Occasion if occasion != Occasion.REFUNDED), *returns]
        found = {f"{occasion} {about}": self._once.done_at(_key(about, occasion)) for occasion, about in occasions}
        return {title: at for title, at in found.items() if at}

    def _send_once(self, occasion: Occasion, order: Order, about: str | None = None) -> None:
        email = compose(occasion, order, self._storefront_url, about)
        if self._once.run(_key(about or order.id, occasion), lambda: self._sender.send(email), STARTS):
            log.info("email sent", extra={"occasion": occasion, "order_id": order.id})


def _key(about: str, occasion: Occasion) -> str:
    return f"email#{about}#{occasion}"
