"""Client of the Stripe sandbox's control API: faults, webhook delivery, and changes outside the shop."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PaymentsSandbox:
    """The sandbox at `url`; the secret key selects the account."""

    url: str
    key: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the body of the answer. Raises urllib.error.HTTPError."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {self.key}"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def fault(self, operation: str, kind: str, times: int = 1, **details: Any) -> None:
        """Plan a fault. With 0 `times` it always applies."""
        self.call("POST", "/admin/faults", {"operation": operation, "kind": kind, "times": times, **details})

    def struck(self) -> list[int]:
        """Return the number of uses of each fault, in the order in which they were planned."""
        return [fault["struck"] for fault in self.call("GET", "/admin/faults")["faults"]]

    def end_faults(self) -> None:
        self.call("DELETE", "/admin/faults")

    def webhooks(self, mode: str, **details: Any) -> None:
        self.call("POST", "/admin/webhooks", {"mode": mode, **details})

    def happens(self, order_id: str, what: str, **details: Any) -> dict[str, Any]:
        """Change the order's payment outside the shop: `authenticate`, `expire`, `refund`, `dispute`, …"""
        return self.call("POST", f"/admin/payment_intents/{order_id}/{what}", details)

    def events(self) -> list[dict[str, Any]]:
        """Return all events of the account, newest first."""
        found: list[dict[str, Any]] = []
        while True:
            after = f"&starting_after={found[-1]['id']}" if found else ""
            page = self.call("GET", f"/v1/events?limit=100{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
