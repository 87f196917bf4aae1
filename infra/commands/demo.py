"""Demo: places six orders at once and shows each one's states of the saga and its ending."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chalicelib.platform.money import Money
from infra.commands.client import OVER, Buyer, Reply
from infra.local import run

PATIENCE_SECONDS = 90
COLOUR = {"COMPLETED": "green", "CANCELLED": "red", "RETURNED": "blue"}
UNDO = {"RefundPayment", "RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder"}


@dataclass(frozen=True)
class SecondThought:
    """An action of the buyer once the order has the status `at`."""

    at: str
    act: Callable[[Buyer, str], Reply]


@dataclass
class Story:
    """One order of the demo, with its expected ending and its last known state."""

    title: str
    expected: str
    buyer: Buyer
    order_id: str
    second_thought: SecondThought | None = None
    order: dict[str, Any] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.order.get("status") in OVER and self.second_thought is None

    def think(self) -> None:
        """Act on the second thought if the order has reached its status."""
        if self.second_thought and self.order.get("status") == self.second_thought.at:
            self.second_thought.act(self.buyer, self.order_id)
            self.second_thought = None

    @property
    def outcome(self) -> str:
        return f"{self.order.get('status', '')} {self.order.get('reason') or ''}".strip()


def demo(console: Console) -> int:
    """Return 1 if an order did not end as its story expects."""
    outputs = run.outputs()
    stepfunctions = run.place().session.client("stepfunctions")
    stories = _begin(outputs["api_url"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    with Live(console=console, auto_refresh=False) as live:
        while time.monotonic() < deadline:
            for story in stories:
                _look(story, stepfunctions, outputs["state_machine_arn"])
            live.update(_paths(stories), refresh=True)
            if all(story.is_over and story.outcome == story.expected for story in stories):
                break
            time.sleep(0.2)
    console.print("\n", _endings(stories))
    console.print(
        f"See them in the storefront: {outputs['storefront_url']}   their emails: make mail\n", soft_wrap=True
    )
    return 0 if all(story.outcome == story.expected for story in stories) else 1


def _begin(api_url: str) -> list[Story]:
    products = Buyer(api_url).call("GET", "/products").body["items"]
    plenty = max(products, key=lambda product: product["available"])["sku"]
    scarce = min(products, key=lambda product: product["available"])
    too_many = min(20, scarce["available"] + 1)
    stories = []
    cancel, give_back = SecondThought("SHIPPING", Buyer.cancel), SecondThought("COMPLETED", Buyer.give_back)
    for title, expected, sku, quantity, card, wish, second_thought in (
        ("fulfilled", "COMPLETED", plenty, 1, "pm_card_visa", None, None),
        ("card declined", "CANCELLED PAYMENT_DECLINED", plenty, 1, "pm_card_visa_chargeDeclined", None, None),
        ("out of stock", "CANCELLED OUT_OF_STOCK", scarce["sku"], too_many, "pm_card_visa", None, None),
        ("shipping failed", "CANCELLED SHIPPING_FAILED", plenty, 1, "pm_card_visa", "sandbox:refuse", None),
        ("cancelled", "CANCELLED CUSTOMER_REQUEST", plenty, 1, "pm_card_visa", "sandbox:silent", cancel),
        ("sent back", "RETURNED", plenty, 1, "pm_card_visa", None, give_back),
    ):
        buyer = Buyer(api_url)
        stories.append(Story(title, expected, buyer, buyer.buy(sku, quantity, card, wish), second_thought))
    return stories


def _look(story: Story, stepfunctions: Any, state_machine_arn: str) -> None:
    if story.is_over and story.outcome == story.expected:
        return
    story.order = story.buyer.order(story.order_id)
    story.think()
    execution = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{story.order_id}"
    try:
        history = stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return
    entered = [e["stateEnteredEventDetails"]["name"] for e in history if "stateEnteredEventDetails" in e]
    story.states = entered


def _paths(stories: list[Story]) -> Table:
    table = Table(title="States of the saga", title_justify="left", expand=True, show_lines=True)
    table.add_column("order", width=16)
    table.add_column("states entered")
    table.add_column("status", width=26)
    for story in stories:
        path = Text(" → ").join(Text(state, style="yellow" if state in UNDO else "cyan") for state in story.states)
        status = Text(story.outcome, style=COLOUR.get(story.order.get("status", ""), ""))
        table.add_row(story.title, path or "in the queue", status)
    return table


def _captured(payment: dict[str, Any]) -> str:
    return str(Money(amount=payment["captured"], currency=payment["currency"]))


def _endings(stories: list[Story]) -> Table:
    table = Table(title="Endings", title_justify="left", expand=True)
    for column in ("story", "order", "status", "payment", "parcel"):
        table.add_column(column, overflow="fold")
    for story in stories:
        payment, shipment = story.order.get("payment") or {}, story.order.get("shipment") or {}
        money = f"{payment['status']}, captured {_captured(payment)}" if payment else "none"
        status = Text(story.outcome, style=COLOUR.get(story.order.get("status", ""), "yellow"))
        parcel = shipment.get("tracking_number") or shipment.get("status") or "none"
        table.add_row(story.title, story.order_id, status, money, parcel)
    return table
