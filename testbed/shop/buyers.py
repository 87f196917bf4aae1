"""Buyers and operators: what people do in a run, each step by step, over the shop's own HTTP API.

What a person does follows from the seed and their number alone, so that leaving one out changes nothing of the others.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.payments.provider import DisputeStatus, PaymentId, UnexpectedPaymentState
from testbed.loop import Loop
from testbed.shop.fake_payment_provider import APPROVED, DECLINED, WANTS_HOLDER
from testbed.shop.world import API, World

ARRIVALS_SECONDS = 600
REPLAYS = 0.15
"""Share of the runs in which all events are replayed."""
ATTEMPTS = 12
"""Of a request that is answered with a failure of the server."""
SKUS = ("MUG-1", "TEA-1", "KETTLE-1")
PRICES = {"MUG-1": 1250, "TEA-1": 499, "KETTLE-1": 4900}
STOCK = 14
ADDRESS = {"name": "Ada Berg", "line1": "Ringstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
ENDED = ("COMPLETED", "CANCELLED", "RETURNED")


@dataclass
class Script:
    """What one buyer does. Times are seconds; None means never."""

    number: int
    arrives: float
    lines: dict[str, int]
    payment_method: str
    wish: str | None
    is_customer: bool
    checks_out_twice: bool
    confirms: str
    cancels_after: float | None
    returns: str | None
    misfortune: str | None


@dataclass
class Placed:
    """An order as its buyer knows it."""

    order_id: str
    headers: dict[str, str]
    script: Script
    placed_at: float


def script_of(loop: Loop, number: int) -> Script:
    def draw(what: str) -> float:
        return loop.draw(f"buyer{number}:{what}")

    def chosen(what: str, *ways: tuple[float, Any]) -> Any:
        left = draw(what)
        for share, way in ways:
            left -= share
            if left < 0:
                return way
        return None

    misfortune = chosen(
        "misfortune", (0.08, "refunded outside"), (0.08, "dispute lost"), (0.08, "dispute won"), (0.08, "refund fails")
    )
    return Script(
        number=number,
        arrives=ARRIVALS_SECONDS * draw("arrives"),
        lines={sku: 1 + int(3 * draw(f"{sku} units")) for sku in SKUS if draw(sku) < 0.5} or {"MUG-1": 1},
        payment_method=chosen("pays", (0.65, APPROVED), (0.1, DECLINED), (1, WANTS_HOLDER)),
        wish=chosen("wish", (0.08, "sandbox:refuse"), (0.08, "sandbox:silent")),
        is_customer=draw("customer") < 0.4,
        checks_out_twice=draw("twice") < 0.15,
        confirms=chosen("confirms", (0.6, "soon"), (0.15, "late"), (0.1, "fails"), (1, "never")),
        cancels_after=30 * draw("cancels after") if draw("cancels") < 0.25 else None,
        returns="all" if misfortune == "refund fails" else chosen("returns", (0.2, "all"), (0.2, "parts")),
        misfortune=misfortune,
    )


class People:
    """The people of a run. `placed` are the orders, by id."""

    def __init__(self, world: World, numbers: list[int]) -> None:
        self._world, self._loop = world, world.loop
        self.placed: dict[str, Placed] = {}
        self.busy = 0
        world.provider.deliver = self._deliver
        for number in numbers:
            script = script_of(self._loop, number)
            self._act(f"buyer{number}", lambda script=script: self._buy(script), script.arrives)  # type: ignore[misc]
        if numbers and self._loop.draw("replay") < REPLAYS:
            self._act("replay", self._replay, 2 * ARRIVALS_SECONDS * self._loop.draw("replay at"))

    def _act(self, name: str, work: Callable[[], None], after: float) -> None:
        self.busy += 1

        def whole() -> None:
            try:
                work()
            finally:
                self.busy -= 1

        self._loop.spawn(self._loop.unique(name), whole, after)

    def _buy(self, script: Script) -> None:
        headers = _customer(script.number) if script.is_customer else {}
        for sku, units in script.lines.items():
            status, _, answered = self.call("PUT", "/cart/items/{sku}", {"sku": sku}, {"quantity": units}, headers)
            if status >= 400:
                return
            if token := answered.get("X-Cart-Token"):
                headers = headers | {"X-Cart-Token": token}
        order: dict[str, Any] = {"shipping_address": ADDRESS | ({"line2": script.wish} if script.wish else {})}
        order |= {"email": f"buyer{script.number}@example.org", "payment_method": script.payment_method}
        if script.checks_out_twice:
            self._act(f"buyer{script.number}'s second window", lambda: self._check_out(script, headers, order, "b"), 0)
        self._check_out(script, headers, order, "a")

    def _check_out(self, script: Script, headers: dict[str, str], order: dict[str, Any], window: str) -> None:
        key = {"Idempotency-Key": f"checkout-{script.number}-{window}"}
        status, body, _ = self.call("POST", "/orders", {}, order, headers | key)
        if status != 202:
            return
        order_id = body["order_id"]
        if order_id in self.placed:
            return
        opened = headers | ({"X-Order-Token": body["order_token"]} if body.get("order_token") else {})
        placed = self.placed[order_id] = Placed(order_id, opened, script, self._loop.now)
        if script.cancels_after is not None:
            self._act(f"{order_id} cancels", lambda: self._cancel(placed), script.cancels_after)
        self._follow(placed)

    def _follow(self, placed: Placed) -> None:
        """Look at the order until it has ended, and do what its buyer does on the way."""
        seen = None
        pause = 2.0
        for _ in range(400):
            self._loop.pause(pause)
            status, body, _ = self.call(
                "GET", "/orders/{order_id}", {"order_id": placed.order_id}, None, placed.headers
            )
            if status != 200:
                continue
            if body["status"] == "ACTION_REQUIRED" and seen != "ACTION_REQUIRED":
                self._confirm(placed)
            seen = body["status"]
            if seen in ENDED:
                return self._afterwards(placed, body)
            pause = min(pause * 1.6, 900.0)

    def _confirm(self, placed: Placed) -> None:
        how = placed.script.confirms
        if how == "never":
            return
        draw = self._loop.draw(f"{placed.order_id}:confirms")
        self._loop.pause(20 * draw if how != "late" else 110 + 30 * draw)
        payment_id = self._payment_of(placed.order_id)
        if payment_id is None:
            return
        try:
            self._world.provider.account.answer(payment_id, confirms=how != "fails")
        except UnexpectedPaymentState:
            return
        kind = "payment_intent.payment_failed" if how == "fails" else "payment_intent.amount_capturable_updated"
        self._world.provider.announce(payment_id, kind)
        self.call("POST", "/orders/{order_id}/confirmation", {"order_id": placed.order_id}, {}, placed.headers)

    def _cancel(self, placed: Placed) -> None:
        self.call("POST", "/orders/{order_id}/cancel", {"order_id": placed.order_id}, {}, placed.headers)

    def _afterwards(self, placed: Placed, order: dict[str, Any]) -> None:
        script = placed.script
        if order["status"] != "COMPLETED":
            return
        account, payment_id = self._world.provider.account, self._payment_of(placed.order_id)
        if script.misfortune in ("dispute lost", "dispute won") and payment_id and order["total"]["amount"]:
            self._loop.pause(20)
            account.dispute(payment_id)
            self._world.provider.announce(payment_id, "charge.dispute.created")
        if script.misfortune == "refunded outside" and payment_id:
            self._loop.pause(20)
            account.refund_by_hand(payment_id, min(300, order["total"]["amount"]))
            self._world.provider.announce(payment_id, "charge.refunded")
        if script.returns:
            self._loop.pause(30 * self._loop.draw(f"{placed.order_id}:returns"))
            self._return(placed, order)
        if script.misfortune == "refund fails" and payment_id:
            self._fail_refund(placed, payment_id)
        if script.misfortune in ("dispute lost", "dispute won") and payment_id:
            self._loop.pause(300)
            won = script.misfortune == "dispute won"
            account.close_dispute(payment_id, DisputeStatus.WON if won else DisputeStatus.LOST)
            self._world.provider.announce(payment_id, "charge.dispute.closed")

    def _return(self, placed: Placed, order: dict[str, Any]) -> None:
        lines = None
        if placed.script.returns == "parts":
            lines = [{"sku": order["lines"][0]["sku"], "quantity": 1}]
        key = {"Idempotency-Key": f"return-{placed.script.number}"}
        wanted = {"lines": lines} if lines else {}
        self.call("POST", "/orders/{order_id}/return", {"order_id": placed.order_id}, wanted, placed.headers | key)

    def _fail_refund(self, placed: Placed, payment_id: PaymentId) -> None:
        """Let the refund of the return come back, a while after it was made."""
        account = self._world.provider.account
        for _ in range(20):
            self._loop.pause(60)
            made = [each for each in account.retrieve(payment_id).refunds if each.is_effective]
            if made:
                account.fail_refund(made[0].id)
                return self._world.provider.announce(payment_id, "refund.failed")

    def _replay(self) -> None:
        """Replay all events of the bus, as an operator may at any time."""
        self._world.cloud.buses.replay("EventBus")

    def _payment_of(self, order_id: str) -> Any:
        found = [each.id for each in self._world.provider.account.payments_since(0) if each.order_id == order_id]
        return found[0] if found else None

    def _deliver(self, body: bytes, signature: str) -> bool:
        status, _, _ = self.call(
            "POST", "/webhooks/stripe", {}, body.decode(), {"Stripe-Signature": signature}, attempts=1
        )
        return status == 200

    def call(
        self,
        method: str,
        resource: str,
        parameters: dict[str, str],
        body: Any,
        headers: dict[str, str],
        attempts: int = ATTEMPTS,
    ) -> tuple[int, Any, dict[str, str]]:
        """Make a request as a browser does, again after a failure of the server. Return status, body and headers."""
        event = request(method, resource, parameters, body, headers)
        subject = parameters.get("order_id")
        for attempt in range(attempts):
            result = self._loop.wait_for(lambda answer: self._world.cloud.functions.invoke(API, event, subject, answer))
            if result.error is None and result.value["statusCode"] < 500:
                break
            self._loop.pause(min(60, 2**attempt))
        if result.error is not None:
            return 502, {}, {}
        answered = result.value
        values = {name: value[0] for name, value in answered.get("multiValueHeaders", {}).items()} | answered["headers"]
        return answered["statusCode"], json.loads(answered["body"] or "{}"), values


def request(
    method: str, resource: str, parameters: dict[str, str], body: Any, headers: dict[str, str]
) -> dict[str, Any]:
    """Return the event of a request to a REST API. API Gateway developer guide, "Lambda proxy integrations in API
    Gateway", input format."""
    path = resource
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", value)
    headers = {"Content-Type": "application/json", **headers}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "apiId": "simulated",
            "stage": "api",
            "identity": {"sourceIp": "203.0.113.7"},
        },
    }


def _customer(number: int) -> dict[str, str]:
    claims = {"sub": f"customer-{number}", "email": f"buyer{number}@example.org", "email_verified": True}
    return {"Authorization": f"Bearer {json.dumps(claims).encode().hex()}"}
