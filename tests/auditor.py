"""The auditor: reads the shop's tables, queues and the payment provider's ledger, and believes nothing else.

It is run after every end-to-end scenario. Each finding is a sentence; none means that the books agree.
"""

import json
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import boto3

ENDED = {"COMPLETED", "CANCELLED"}
STATUS_OF_EVENT = {
    "OrderPlaced": "PLACED",
    "OrderReserved": "RESERVED",
    "OrderAuthorized": "AUTHORIZED",
    "OrderShipping": "SHIPPING",
    "OrderCompleted": "COMPLETED",
    "OrderCancelled": "CANCELLED",
}


class Auditor:
    def __init__(self, session: boto3.Session, outputs: dict[str, Any]) -> None:
        self._session = session
        self._outputs = outputs
        self._stack = outputs["stack"]

    def findings(self, settle_seconds: float = 90) -> list[str]:
        """Waits until every order has ended, or the time is over, then audits."""
        self._settle(settle_seconds)
        orders = self._orders()
        return [
            *self._unended(orders),
            *self._stock(),
            *self._money(orders),
            *self._claims(orders),
            *self._events(orders),
            *self._executions(orders),
            *self._dead_letters(),
        ]

    def _settle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self._unended(self._orders()) and not self._running():
                return
            time.sleep(0.3)

    def _unended(self, orders: dict[str, dict]) -> list[str]:
        return [f"{o} never ended: {order['status']}" for o, order in orders.items() if order["status"] not in ENDED]

    def _stock(self) -> Iterator[str]:
        items = self._scan("InventoryTableName")
        held: Counter[str] = Counter()
        sold: Counter[str] = Counter()
        for reservation in (item for item in items if item["pk"].startswith("RESERVATION#")):
            counter = {"HELD": held, "COMMITTED": held, "SOLD": sold}.get(reservation["status"])
            if counter is not None:
                counter.update({sku: int(quantity) for sku, quantity in reservation["quantities"].items()})
        for stock in (item for item in items if item["pk"].startswith("STOCK#")):
            counts = {name: int(stock[name]) for name in ("available", "reserved", "sold", "received")}
            if min(counts.values()) < 0:
                yield f"{stock['sku']} is negative: {counts}"
            if counts["available"] + counts["reserved"] + counts["sold"] != counts["received"]:
                yield f"{stock['sku']} is not conserved: {counts}"
            if (counts["reserved"], counts["sold"]) != (held[stock["sku"]], sold[stock["sku"]]):
                yield f"{stock['sku']}: {counts} but reservations hold {held[stock['sku']]}, sold {sold[stock['sku']]}"

    def _money(self, orders: dict[str, dict]) -> Iterator[str]:
        by_order: dict[str, list[dict]] = defaultdict(list)
        for payment in self._ledger():
            by_order[payment["order_id"]].append(payment)
        for order_id, order in orders.items():
            payments = by_order[order_id]
            charged = [p for p in payments if p["captured"]]
            if len(charged) > 1:
                yield f"{order_id} was charged {len(charged)} times"
            kept = sum(p["captured"] - p["refunded"] for p in payments)
            delivered = int(order["total"]["amount"]) if order["status"] == "COMPLETED" else 0
            if kept != delivered:
                yield f"{order_id} {order['status']}: delivered {delivered}, kept {kept}"
            if order["status"] in ENDED and any(p["capturable"] for p in payments):
                yield f"{order_id} {order['status']} still holds money"
            if any(p["refunded"] > p["captured"] or p["captured"] > p["authorized"] for p in payments):
                yield f"{order_id}: refunded > captured or captured > authorized"
        for stranger in set(by_order) - set(orders):
            yield f"a payment for the unknown order {stranger}"

    def _claims(self, orders: dict[str, dict]) -> Iterator[str]:
        reservations = {
            item["order_id"]: item["status"]
            for item in self._scan("InventoryTableName")
            if item["pk"].startswith("RESERVATION#")
        }
        shipments = {item["order_id"]: item["status"] for item in self._scan("ShipmentsTableName")}
        for order_id, order in orders.items():
            if order["status"] == "CANCELLED" and reservations.get(order_id) in ("HELD", "COMMITTED", "SOLD"):
                yield f"{order_id} is cancelled and its reservation is {reservations[order_id]}"
            if order["status"] == "COMPLETED" and reservations.get(order_id) != "SOLD":
                yield f"{order_id} is completed and its reservation is {reservations.get(order_id)}"
            if order["status"] == "COMPLETED" and shipments.get(order_id) != "DISPATCHED":
                yield f"{order_id} is completed and its shipment is {shipments.get(order_id)}"
            if order["status"] == "CANCELLED" and shipments.get(order_id) in ("REQUESTED", "DISPATCHED"):
                yield f"{order_id} is cancelled and its shipment is {shipments[order_id]}"

    def _events(self, orders: dict[str, dict]) -> Iterator[str]:
        events: dict[str, list[dict]] = defaultdict(list)
        for item in self._scan("OrdersTableName"):
            if item["sk"].startswith("EVENT#"):
                events[item["event"]["correlation_id"]].append(item)
        for order_id, order in orders.items():
            told = [item["event"]["type"] for item in sorted(events[order_id], key=lambda item: item["sk"])]
            history = [moment["status"] for moment in order["history"]]
            if [STATUS_OF_EVENT[name] for name in told] != history or history[-1] != order["status"]:
                yield f"{order_id} is {order['status']} after {history}, its events tell {told}"

    def _executions(self, orders: dict[str, dict]) -> Iterator[str]:
        started = {e["name"]: e["status"] for e in self._all_executions()}
        for order_id in orders:
            if started.get(order_id) != "SUCCEEDED":
                yield f"{order_id}: its execution is {started.get(order_id, 'missing')}"

    def _dead_letters(self) -> Iterator[str]:
        sqs = self._session.client("sqs")
        for url in self._stack["DeadLetterQueueUrls"].split(","):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            if int(attributes["ApproximateNumberOfMessages"]):
                yield f"{url.rsplit('/')[-1]} holds {attributes['ApproximateNumberOfMessages']} messages"

    def _running(self) -> bool:
        return any(execution["status"] == "RUNNING" for execution in self._all_executions())

    def _all_executions(self) -> list[dict[str, Any]]:
        pages = self._session.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=self._outputs["state_machine_arn"])
        return [execution for page in found for execution in page["executions"]]

    def _orders(self) -> dict[str, dict]:
        return {item["id"]: item for item in self._scan("OrdersTableName") if item["sk"] == "ORDER"}

    def _scan(self, table: str) -> list[dict[str, Any]]:
        dynamodb = self._session.resource("dynamodb").meta.client
        pages = dynamodb.get_paginator("scan").paginate(TableName=self._stack[table], ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def _ledger(self) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self._outputs['payments_url']}/ledger",
            headers={"Authorization": f"Bearer {self._outputs['stripe_key']}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["payments"]
