"""HTTP client of the shop, for commands and tests: sends requests, keeps tokens, knows nothing but the API."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

OVER = {"COMPLETED", "CANCELLED", "RETURNED"}
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.3, 0.5
"""Before a look at an order. Each look is an invocation, so it delays the order."""
ADDRESS = {"name": "Ida Sand", "line1": "Havnegata 1", "city": "Oslo", "postal_code": "0150", "country": "NO"}


class StillRunning(Exception):
    """An order did not end within the time that the caller allowed."""


class Refused(Exception):
    """The shop answered with an error where the caller needed a success."""


class Unreachable(ConnectionError):
    """No shop answers at this address."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Buyer:
    """A guest, or a customer when `token` is given; keeps the cart's and the orders' tokens."""

    api_url: str
    token: str | None = None
    cart_token: str | None = None
    order_tokens: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """Send a request and return the reply with any status. Send bytes unchanged, and other bodies as JSON.

        Raises Unreachable.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api_url + path, data, method=method)
        for name, value in {**self._credentials(), "Content-Type": "application/json", **(headers or {})}.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Reply(answer.status, _lower(answer.headers), _parsed(answer.read()))
        except urllib.error.HTTPError as refusal:
            return Reply(refusal.code, _lower(refusal.headers), _parsed(refusal.read()))
        except urllib.error.URLError as failure:
            raise Unreachable(f"{self.api_url} does not answer: {failure.reason}") from failure

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """Return the body of a successful reply. Raises Refused or Unreachable."""
        return _successful(f"{method} {path}", self.call(method, path, body))

    def signed_in(self, email: str, password: str) -> "Buyer":
        """Return a client with the session of this account. Raises Refused or Unreachable."""
        credentials = {"email": email, "password": password}
        reply = self.call("POST", "/session", credentials, {"X-Session-Request": "1"})
        return type(self)(self.api_url, token=_successful(f"Sign-in of {email}", reply)["id_token"])

    def put_in_cart(self, sku: str, quantity: int = 1) -> Reply:
        reply = self.call("PUT", f"/cart/items/{sku}", {"quantity": quantity})
        self.cart_token = reply.headers.get("x-cart-token", self.cart_token)
        return reply

    def check_out(
        self,
        card: str = "pm_card_visa",
        key: str | None = None,
        line2: str | None = None,
        variant: str | None = None,
    ) -> Reply:
        address = ADDRESS | ({"line2": line2} if line2 else {})
        body = {"shipping_address": address, "payment_method": card, "email": "ida@sagasupply.example"}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} | ({"X-Variant": variant} if variant else {})
        reply = self.call("POST", "/orders", body, headers)
        if reply.status == 202 and reply.body.get("order_token"):
            self.order_tokens[reply.body["order_id"]] = reply.body["order_token"]
        return reply

    def buy(self, sku: str, quantity: int = 1, card: str = "pm_card_visa", line2: str | None = None) -> str:
        """Put the product in the cart, check out and return the order's id. Raises Refused or Unreachable."""
        _successful("PUT /cart/items", self.put_in_cart(sku, quantity))
        return _successful("POST /orders", self.check_out(card, line2=line2))["order_id"]

    def archive(self, sku: str) -> None:
        """Take a product off sale, as an admin; its orders stay. Raises Refused or Unreachable."""
        self.must("PATCH", f"/admin/products/{sku}", {"archived": True})

    def order(self, order_id: str) -> dict[str, Any]:
        return self.call("GET", f"/orders/{order_id}", headers=self._order_token(order_id)).body

    def cancel(self, order_id: str) -> Reply:
        return self.call("POST", f"/orders/{order_id}/cancel", headers=self._order_token(order_id))

    def confirmed(self, order_id: str) -> Reply:
        """Report that the buyer has confirmed the payment at the bank."""
        return self.call("POST", f"/orders/{order_id}/payment/confirmation", headers=self._order_token(order_id))

    def give_back(self, order_id: str, lines: dict[str, int] | None = None, key: str | None = None) -> Reply:
        """Return these quantities by sku, or all units. Without a key, the same quantities are one return."""
        body = {"lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()]} if lines else None
        headers = self._order_token(order_id) | ({"Idempotency-Key": key} if key else {})
        return self.call("POST", f"/orders/{order_id}/return", body, headers)

    def invoice(self, order_id: str) -> Reply:
        """Ask for a link to the invoice, which is written shortly after an order is completed."""
        return self.call("GET", f"/orders/{order_id}/invoice", headers=self._order_token(order_id))

    def ended(self, order_id: str, within_seconds: float = 60) -> dict[str, Any]:
        """Wait until the order has ended and return it. Raises StillRunning."""
        for _ in looks(within_seconds):
            order = self.order(order_id)
            if order["status"] in OVER:
                return order
        raise StillRunning(f"{order_id} is {order['status']}")

    def live(self, order_id: str) -> list[Any]:
        """Return the subprotocols of a WebSocket handshake, which prove access to this order."""
        return ["order-updates.v1", f"{order_id}.{self.order_tokens.get(order_id) or self.token}"]

    def _order_token(self, order_id: str) -> dict[str, str]:
        token = self.order_tokens.get(order_id)
        return {"X-Order-Token": token} if token else {}

    def _credentials(self) -> dict[str, str]:
        cart = {"X-Cart-Token": self.cart_token} if self.cart_token else {}
        return cart | ({"Authorization": f"Bearer {self.token}"} if self.token else {})


def looks(within_seconds: float) -> Iterator[None]:
    """Yield after each of the growing pauses between two looks, until the time is over; at least once."""
    deadline, pause = time.monotonic() + within_seconds, FIRST_PAUSE_SECONDS
    while True:
        time.sleep(pause)
        yield
        if time.monotonic() > deadline:
            return
        pause = min(1.3 * pause, LONGEST_PAUSE_SECONDS)


def _successful(request: str, reply: Reply) -> Any:
    """Return the reply's body. Raises Refused."""
    if reply.status < 400:
        return reply.body
    problem = reply.body if isinstance(reply.body, dict) else {}
    reason = problem.get("detail") or problem.get("code") or reply.body
    fields = "; ".join(f"{each['field']}: {each['message']}" for each in problem.get("errors", []))
    raise Refused(f"{request}: {reply.status} {reason} {fields}".rstrip())


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
