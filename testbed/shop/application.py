"""The shop as an application of the simulator."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from testbed.cloud.executions import Execution
from testbed.loop import Task
from testbed.plan import Fault, FaultPlan, Injector, Site
from testbed.record import EdgeRecord, How, Outcome, VerdictRecord
from testbed.shop import books, invariants
from testbed.shop.buyers import ENDED, PRICES, SKUS, STOCK, People
from testbed.shop.world import World, operated_parts
from testbed.simulation import History
from testbed.workflows import Event

FAULTS_END = 1500
NO_REASON = "FULFILMENT_FAILED"
PLAN = FaultPlan.of(
    " ".join(
        f"{fault}[0:{FAULTS_END}]"
        for fault in (
            "dynamodb.*=throttle@0.008",
            "dynamodb.*=error@0.004",
            "dynamodb.*=lost_answer@0.008",
            "sqs.*=error@0.02",
            "sqs.*=lost_answer@0.02",
            "events.*=throttle@0.02",
            "events.*=lost_answer@0.03",
            "states.*=throttle@0.02",
            "states.*=lost_answer@0.03",
            "s3.*=error@0.1",
            "ses.*=lost_answer@0.02",
            "payments.*=error@0.02",
            "payments.*=lost_answer@0.03",
            "payments.*=timeout@0.02",
            "function.*=kill@0.04",
            "function.*=error@0.01",
            "function.*=throttle@0.01",
            "queue.*=duplicate@0.04",
            "queue.*=delay@0.04",
            "bus.*=duplicate@0.02",
            "bus.*=reorder@0.02",
            "webhook.*=error@0.1",
            "webhook.*=duplicate@0.1",
            "webhook.*=reorder@0.1",
            "clock.*=delay@0.05",
            "workflow.*=kill@0.01",
            "entry.*=error@0.02",
        )
    )
)
"""A few per cent at every boundary: an order makes about a hundred calls, so most orders meet some faults."""


class ShopWorld(World):
    """The shop with its people, and what the simulator asks of it."""

    def __init__(self, seed: int, injector: Injector, history: History) -> None:
        super().__init__(seed, injector, self._note_call, self._note_state)
        self._history = history
        self._edges: dict[tuple[str, str, str, str], int] = {}
        self._retries: dict[str, int] = {}
        self._faults: dict[str, int] = {}
        self._compensations: dict[str, int] = {}
        self.cloud.functions.noted.append(self._note_invocation)

    def begin(self, subjects: Sequence[int]) -> None:
        self._stock_up()
        self.people = People(self, list(subjects))

    def is_at_rest(self) -> bool:
        return not self.people.busy and self.cloud.is_quiet

    def unfinished(self) -> list[str]:
        orders = self._orders()
        lines = [
            f"{order['id']} is {order['status']}"
            for order in orders
            if order["status"] not in ENDED or any(each["status"] != "REFUNDED" for each in order.get("returns", []))
        ]
        lines += [f"a refund of {order['id']} failed" for order in orders if order.get("failed_refunds")]
        lines += [f"{len(queue.messages)} dead letters in {name}" for name, queue in self.cloud.dead_letters.items()]
        if lines or self.is_at_rest():
            return lines
        return [f"{each.name} is running" for each in self.cloud.executions.running] or ["a message is on its way"]

    def operate(self) -> None:
        """Redrive every dead letter and retry every refund that failed, as the console does."""
        from chalicelib.wiring import dead_letters

        for name, queue in json.loads(operated_parts())["queues"].items():
            if self.cloud.queues[queue["dead_letters"].rsplit("/", 1)[-1]].messages:
                dead_letters.redrives().redrive(name, None)
        for order in self._orders():
            if order.get("failed_refunds"):
                dead_letters.refund_retries().start(order["id"])

    def stop_schedules(self) -> None:
        self.cloud.stop_schedules()

    def run_jobs(self) -> None:
        self.cloud.run_jobs()

    def verdicts(self) -> list[VerdictRecord]:
        return [
            VerdictRecord(invariant=each.invariant, checked=each.checked, violations=each.violations)
            for each in books.verdicts(self) + invariants.verdicts(self)
        ]

    def strains(self) -> list[str]:
        """Return the sagas that failed, the orders that were cancelled for no reason of the buyer, the bank, the stock
        or the warehouse, and what was parked. An execution that was aborted is a fault, and so is what follows."""
        executions = self.cloud.executions.all.values()
        aborted = {each.subject for each in executions if each.status == "ABORTED"}
        lines = [f"{each.name} {each.status}" for each in executions if each.status in ("FAILED", "TIMED_OUT")]
        failed = (each["id"] for each in self._orders() if each.get("reason") == NO_REASON)
        lines += [f"{order_id} {NO_REASON}" for order_id in failed if order_id not in aborted]
        return lines + [f"{queue.buried} parked in {name}" for name, queue in self.cloud.queues.items() if queue.buried]

    def outcomes(self) -> list[Outcome]:
        found = []
        for order in self._orders():
            ended = next((m["at"] for m in order["history"] if m["status"] in ENDED), None)
            found.append(
                Outcome(
                    subject=order["id"],
                    status=order["status"],
                    reason=order.get("reason"),
                    seconds=_seconds(order["history"][0]["at"], ended) if ended else None,
                    retries=self._retries.get(order["id"], 0),
                    compensations=self._compensations.get(order["id"], 0),
                    faults=self._faults.get(order["id"], 0),
                )
            )
        return found

    def edges(self) -> list[EdgeRecord]:
        return [
            EdgeRecord(workflow=workflow, source=source, target=target, cause=cause, times=times, how=How.SIMULATED)
            for (workflow, source, target, cause), times in sorted(self._edges.items())
        ]

    def _orders(self) -> list[dict[str, Any]]:
        """Return the stored orders, in the order of a scan. They are not copied: leave them as they are."""
        table = self.cloud.dynamodb.table("OrdersTable")
        found = [row.item for row in table.rows.values() if row.item["sk"] == "ORDER"]
        return sorted(found, key=table.own.scan_position)

    def _stock_up(self) -> None:
        """Offer the products, by the shop's own services."""
        from chalicelib import wiring
        from chalicelib.catalog.model import ProductDetails
        from chalicelib.platform.ids import Sku
        from chalicelib.platform.money import Money
        from chalicelib.platform.shop import shop

        for sku in map(Sku, SKUS):
            price = Money(amount=PRICES[sku], currency=shop().currency)
            details = ProductDetails(name=sku.title(), description="", price=price, category="kitchen", image="/p.jpg")
            wiring.catalog().save(sku, details)
            wiring.inventory().receive_once(f"stock-{sku}", sku, STOCK)

    def _note_call(self, task: Task, site: Site, fault: Fault | None) -> None:
        self._history.call(self.loop.now, task.name, site, task.subject, fault)
        if fault is not None and task.subject:
            self._faults[task.subject] = self._faults.get(task.subject, 0) + 1

    def _note_state(self, execution: Execution, event: Event, state: str, details: dict[str, Any]) -> None:
        subject, workflow = execution.subject, execution.machine.rsplit(":", 1)[-1]
        if event == Event.EDGE:
            key = (workflow, state, details["target"], details["cause"])
            self._edges[key] = self._edges.get(key, 0) + 1
            self._history.note(self.loop.now, workflow, details["target"], details["cause"] or "goes on", subject)
            if details["cause"]:
                self._compensations[subject] = self._compensations.get(subject, 0) + 1
        elif event == Event.RETRIED:
            self._retries[subject] = self._retries.get(subject, 0) + 1
            self._history.note(self.loop.now, workflow, state, f"retries after {details['error']}", subject)

    def _note_invocation(self, task: str, function: str, subject: str | None, result: Any, faults: Any) -> None:
        answer = result.error or "done"
        self._history.note(self.loop.now, task, function, answer, subject, faults[0] if faults else None)
        if faults and subject:
            self._faults[subject] = self._faults.get(subject, 0) + len(faults)


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


class Shop:
    """The shop, for `testbed.simulation.simulate`."""

    name = "the shop"
    plan = PLAN

    def world(self, seed: int, injector: Injector, history: History) -> ShopWorld:
        return ShopWorld(seed, injector, history)
