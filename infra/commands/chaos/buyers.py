"""Buyers of a chaos run: each does something else with an order, chosen by the seed, and repeats what fails."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any
from urllib.error import HTTPError

from infra.commands.client import OVER, Reply, Unreachable
from infra.commands.patient_buyer import PatientBuyer
from infra.commands.payments_sandbox import PaymentsSandbox

GOOD, DECLINED, WANTS_HOLDER = "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"
LOOK_SECONDS = 2
ORDER_PATIENCE_SECONDS = 45
"""A buyer stops looking at an order after that; the order must end all the same."""


class Wish(StrEnum):
    """What a buyer is going to do."""

    BUY = "buy"
    DECLINE = "decline"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    CANCEL = "cancel"
    RETURN = "return"


SHARES = {Wish.BUY: 48, Wish.DECLINE: 10, Wish.CONFIRM: 14, Wish.REFUSE: 4, Wish.CANCEL: 12, Wish.RETURN: 12}
CARDS = {Wish.DECLINE: DECLINED, Wish.CONFIRM: WANTS_HOLDER, Wish.REFUSE: WANTS_HOLDER}


@dataclass
class ChaosBuyer(PatientBuyer):
    """Tries again after any failure of the server."""

    def is_passing(self, reply: Reply) -> bool:
        return reply.status == 429 or reply.status >= 500


@dataclass(frozen=True)
class Visit:
    """How one buyer's visit went. `problem` is a final answer that the buyer did not expect."""

    wish: Wish
    repeated: int
    order_id: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Crowd:
    """The buyers of a run. `address` returns the second address line of the next parcel."""

    api_url: str
    skus: list[str]
    sandbox: PaymentsSandbox
    address: Callable[[], str | None]
    seed: int

    def visit(self, number: int) -> Visit:
        """Let the buyer with this number place an order, do with it what they want to do, and stay until it ends."""
        random = Random(f"{self.seed}:{number}")
        wish = random.choices(list(SHARES), list(SHARES.values()))[0]
        buyer = ChaosBuyer(self.api_url, random=random)
        try:
            return self._visit(buyer, wish, number)
        except Unreachable as failure:
            return Visit(wish, buyer.repeated, problem=f"{wish}: {failure}")

    def _visit(self, buyer: ChaosBuyer, wish: Wish, number: int) -> Visit:
        random = buyer.random
        carts = {random.choice(self.skus): random.randint(1, 2) for _ in range(random.randint(1, 2))}
        replies = [buyer.put_in_cart(sku, quantity) for sku, quantity in carts.items()]
        key = f"chaos-{self.seed}-{number}"
        replies.append(buyer.check_out(CARDS.get(wish, GOOD), key, line2=self.address()))
        refused = next((reply for reply in replies if reply.status >= 400), None)
        if refused:
            return Visit(wish, buyer.repeated, problem=f"{wish}: {refused.status} {refused.body}")
        order_id = replies[-1].body["order_id"]
        problem = self._go_on(buyer, order_id, wish, random)
        if _wait(buyer, order_id, OVER) == "COMPLETED":
            _until(lambda: buyer.invoice(order_id).status == 200)
        return Visit(wish, buyer.repeated, order_id, problem and f"{wish} {order_id}: {problem}")

    def _go_on(self, buyer: ChaosBuyer, order_id: str, wish: Wish, random: Random) -> str | None:
        if wish in (Wish.CONFIRM, Wish.REFUSE):
            return self._answer_the_bank(buyer, order_id, "complete" if wish == Wish.CONFIRM else "fail")
        if wish == Wish.CANCEL:
            time.sleep(random.uniform(0, 4))
            return _unless(buyer.cancel(order_id), 202, 409)
        if wish == Wish.RETURN and _wait(buyer, order_id, OVER) == "COMPLETED":
            return _unless(buyer.give_back(order_id), 202)
        return None

    def _answer_the_bank(self, buyer: ChaosBuyer, order_id: str, outcome: str) -> str | None:
        if _wait(buyer, order_id, {"ACTION_REQUIRED", *OVER}) != "ACTION_REQUIRED":
            return None
        with suppress(HTTPError):  # the payment was closed meanwhile
            self.sandbox.happens(order_id, "authenticate", outcome=outcome)
        return _unless(buyer.confirmed(order_id), 202)


def _wait(buyer: ChaosBuyer, order_id: str, statuses: set[str]) -> str | None:
    """Return the order's status when it has one of these, or None if that takes too long.

    A reply that is still a failure when the buyer's patience ends has no status of an order.
    """
    found = _until(lambda: (status := buyer.order(order_id).get("status")) in statuses and status)
    return str(found) if found else None


def _until(question: Callable[[], Any]) -> Any:
    """Return the first answer that is true, or None if that takes too long."""
    deadline = time.monotonic() + ORDER_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(LOOK_SECONDS)
    return None


def _unless(reply: Reply, *expected: int) -> str | None:
    return None if reply.status in expected else f"{reply.status} {reply.body}"
