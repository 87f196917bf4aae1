"""Strong customer authentication: where the buyer confirms a payment, and for how long the shop waits for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.payments.model import BuyerAction, Payment
from chalicelib.payments.provider import ProviderPayment
from chalicelib.platform.clock import Clock, iso, utc_now
from chalicelib.platform.ids import OrderId

NOT_CONFIRMED = "authentication_not_completed"
"""The decline code of a payment that the buyer did not confirm in time. Ours: all others are the provider's."""

WAITS_NO_MORE: dict[str, Any] = {"action": None, "task_tokens": ()}
"""What a payment that leaves ACTION_REQUIRED forgets."""

CLOCKS_DIFFER = timedelta(seconds=5)
"""The saga's own timer may run ahead of ours by so much. Its end is the end, or the buyer would get the time twice."""


@dataclass(frozen=True)
class Confirmation:
    """`storefront_url` is without a trailing slash; `limit` is how long the buyer has."""

    storefront_url: str
    limit: timedelta
    clock: Clock = utc_now

    def return_url(self, order_id: OrderId) -> str:
        """The order's page. The address itself gives no right to see the order."""
        return f"{self.storefront_url}/orders/{order_id}"

    def action(self, at_provider: ProviderPayment) -> BuyerAction:
        return BuyerAction(
            redirect_url=at_provider.redirect_url,
            client_secret=at_provider.browser_secret,
            expires_at=iso(self.clock() + self.limit),
        )

    def is_over(self, payment: Payment) -> bool:
        """Return whether the time for this payment's confirmation is over."""
        ends = datetime.fromisoformat(payment.action.expires_at) if payment.action else self.clock()
        return self.clock() >= ends - CLOCKS_DIFFER


NO_CONFIRMATION = Confirmation("", timedelta(0))
"""Of the functions that confirm no payment."""
