"""Payment provider of the simulation: the contract-tested fake, with latency, faults and webhooks."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.payments.provider import PaymentProviderUnavailable
from testbed.cloud.cloud import Cloud
from testbed.loop import Loop
from testbed.plan import Injector, Site, What
from testbed.shop.fake_payment_provider import FakePaymentProvider

KEYED = ("create", "confirm", "capture", "cancel", "refund")
LISTS = ("payments_since", "refunds_since", "disputes_since")
EVENTS = {
    "confirm": "payment_intent.amount_capturable_updated",
    "cancel": "payment_intent.canceled",
    "refund": "charge.refunded",
}
SLOWEST_WEBHOOK = 5.0
ATTEMPTS = 8
"""Of a webhook that is not answered with 200; Stripe goes on for days."""


class Provider:
    """The port's calls go through faults; `account` is the provider's own side of it."""

    def __init__(self, loop: Loop, injector: Injector, cloud: Cloud, deployment: str) -> None:
        self.account = FakePaymentProvider(deployment)
        self._loop, self._injector, self._cloud = loop, injector, cloud
        self._events = 0
        self.deliver: Callable[[bytes, str], bool] = lambda body, signature: True
        """Posts a webhook to the shop, in a task; False if it was not accepted."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.account, name)

        def call(*positional: Any, **arguments: Any) -> Any:
            task = self._loop.running()
            if task is None:
                return found(*positional, **arguments)
            self.account.at(self._loop.time.timestamp())
            site = Site("payments", name)

            def act() -> Any:
                answer = found(*positional, **arguments)
                if name in EVENTS:
                    self.announce(positional[0] if positional else arguments["payment_id"], EVENTS[name])
                return list(answer) if name in LISTS else answer

            def refused(fault: What) -> Exception:
                if fault != What.ERROR or name not in KEYED:
                    return PaymentProviderUnavailable("APIConnectionError")
                # A failure of the provider's own, which it keeps under the call's key.
                self.account.fail(name, has_effect=False)
                try:
                    act()
                except Exception as failure:
                    return failure
                return PaymentProviderUnavailable("APIConnectionError")

            return self._cloud.calls.once(task, site, act, refused)

        return call

    def announce(self, payment_id: str, kind: str) -> None:
        """Send an event about a payment to the shop's webhook: perhaps late, twice, or never."""
        self._events += 1
        event_id = f"evt_{self._events}"
        payment = self.account.retrieve(payment_id)  # type: ignore[arg-type]
        about = {"object": "payment_intent", "id": payment_id, "metadata": {"order_id": payment.order_id}}
        body = json.dumps({"id": event_id, "type": kind, "data": {"object": about}}).encode()
        for delay in self._delays(event_id):
            self._loop.spawn(self._loop.unique(f"webhook({event_id})"), lambda: self._post(body), delay)

    def _delays(self, event_id: str) -> Iterator[float]:
        first = SLOWEST_WEBHOOK * self._loop.draw(event_id)
        fault = self._injector.strike(Site("webhook", "deliver"), self._loop.now, event_id)
        if fault is None:
            yield first
        elif fault.what == What.DUPLICATE:
            yield from (first, first + 10 * self._loop.draw(f"{event_id}:copy"))
        elif fault.what in (What.DELAY, What.REORDER):
            yield first + fault.seconds * (1 + self._loop.draw(f"{event_id}:late"))

    def _post(self, body: bytes) -> None:
        for attempt in range(ATTEMPTS):
            if self.deliver(body, signature_of(body)):
                return
            self._loop.pause(5 * 2**attempt)


def signature_of(body: bytes) -> str:
    """Sign as Stripe does: https://docs.stripe.com/webhooks (verify webhook signatures manually)."""
    from testbed.shop.world import SECRET

    # The library compares with the clock of this machine.
    at = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
