"""Books: the data that an audit reads, as plain items, independent of the shop's own models."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

Item = dict[str, Any]
ORDER_LINK = re.compile(r"/orders/(\w+)")
ENDED = {"COMPLETED", "CANCELLED", "RETURNED"}
DELIVERED = {"COMPLETED", "RETURNED"}
UNDER_WAY = ("PLACED", "RESERVED", "ACTION_REQUIRED", "AUTHORIZED", "SHIPPING")
NAMES = {f"#{name}": name for name in ("status", "version", "total", "returns", "event", "type", "time", "data")}
OF_ORDERS = {
    "ProjectionExpression": "pk, sk, id, #status, reason, #version, #total, #returns, failed_refunds, history, "
    "published_at, #event.#type, #event.#time, #event.#data.order_id, #event.#data.returned, #event.#data.movement, "
    "#event.#data.requested",
    "ExpressionAttributeNames": NAMES,
}
"""Reads no personal data: an audit needs no address, and a whole order is large."""


@dataclass(frozen=True)
class Payment:
    """One payment at the provider, in minor units. `awaits_buyer`: the card's holder can still confirm it there.
    `refunds` and `failed_refunds` are the references of the shop's own refunds."""

    id: str
    order_id: str | None
    authorized: int
    held: int
    captured: int
    refunded: int
    awaits_buyer: bool = False
    refunded_outside: int = 0
    lost: int = 0
    refunds: frozenset[str] = frozenset()
    failed_refunds: frozenset[str] = frozenset()

    @property
    def kept(self) -> int:
        return self.captured - self.refunded - self.lost


@dataclass(frozen=True)
class Books:
    """The data of one audit, by order where they belong to one.

    `executions` are statuses by the id of the order or return, and by `undo {id}` where an order was cancelled without
    its saga. `effects` are the idempotency keys of consumers that are done, `starts` the number of starts by key.
    `emails` counts sent emails by order and subject, where the mailbox can be read. `warehouse` is the state of each
    order in the simulated warehouse. `outcomes` are the events that the insights published about an order.
    `documents` are the invoices, credit notes and reversals.
    """

    read_at: datetime
    deadline_seconds: int
    buyer_seconds: int
    orders: dict[str, Item]
    events: dict[str, list[Item]]
    outcomes: dict[str, list[Item]]
    stocks: list[Item]
    reservations: dict[str, Item]
    restocks: list[Item]
    payments: dict[str | None, list[Payment]]
    records: dict[str, Item]
    shipments: dict[str, str]
    warehouse: dict[str, str]
    executions: dict[str, str]
    effects: set[str]
    starts: dict[str, int]
    documents: dict[str, list[Item]]
    dead_letters: dict[str, int]
    emails: Counter[tuple[str, str]]

    @property
    def settled(self) -> dict[str, Item]:
        """Return the orders whose status is final."""
        return {order_id: order for order_id, order in self.orders.items() if is_settled(order)}

    def age_seconds(self, moment: str) -> float:
        return (self.read_at - datetime.fromisoformat(moment)).total_seconds()

    def reserved(self) -> Counter[tuple[str, int]]:
        """Return the reserved units by sku and shard, summed over the reservations."""
        reserved: Counter[tuple[str, int]] = Counter()
        for reservation in self.reservations.values():
            if reservation["status"] in ("HELD", "COMMITTED"):
                elsewhere = reservation.get("allocations", {})
                for sku, quantity in _units(reservation).items():
                    for number, units in elsewhere.get(sku, {"0": quantity}).items():
                        reserved[sku, int(number)] += int(units)
        return reserved

    def sold(self) -> Counter[str]:
        """Return the sold units by sku, summed over the reservations and returns."""
        sold: Counter[str] = Counter()
        for reservation in self.reservations.values():
            if reservation["status"] == "SOLD":
                sold.update(_units(reservation))
        for restock in self.restocks:
            sold.subtract(_units(restock))
        return sold


def shard_number(stock: Item) -> int:
    """Return the number of a stock item among those of its sku: 0 for the first or only one."""
    return int(stock["pk"].removeprefix("STOCK#").partition("#")[2] or 0)


def is_settled(order: Item) -> bool:
    returns = order.get("returns", [])
    return order["status"] in ENDED and all(each["status"] == "REFUNDED" for each in returns)


def _units(item: Item) -> dict[str, int]:
    return {sku: int(quantity) for sku, quantity in item["quantities"].items()}


def _events_by_order(outbox: list[Item]) -> dict[str, list[Item]]:
    """Return the events of each order, oldest first."""
    events: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(outbox, key=lambda item: item["sk"]):
        if item["sk"].startswith("EVENT#"):
            events[item["pk"].removeprefix("ORDER#")].append(item)
    return events


def _documents_by_order(billing: list[Item]) -> dict[str, list[Item]]:
    documents: dict[str, list[Item]] = defaultdict(list)
    for item in billing:
        if "document" in item:
            documents[item["document"]["order_id"]].append(item["document"] | {"filed": item.get("filed", False)})
    return documents


def is_ours(intent_id: str, metadata: dict[str, str], deployment: str, records: dict[str, Item]) -> bool:
    """Return whether a payment has this deployment's mark or, if it has none, is named by our record."""
    if "deployment" in metadata:
        return metadata["deployment"] == deployment
    return records.get(metadata.get("order_id", ""), {}).get("intent_id") == intent_id


def payment_of(intent: Any, metadata: dict[str, str], refunds: list[Any], disputes: list[Any]) -> Payment:
    """Return a payment with the sums of its refunds and disputes. A refund without reference is not the shop's."""
    charge = None if isinstance(intent.latest_charge, str) else intent.latest_charge
    effective = [(each.amount, _reference(each)) for each in refunds if each.status not in ("failed", "canceled")]
    failed = [_reference(each) for each in refunds if each.status in ("failed", "canceled")]
    return Payment(
        id=intent.id,
        order_id=metadata.get("order_id"),
        authorized=charge.amount if charge and charge.paid else 0,
        held=intent.amount_capturable,
        captured=intent.amount_received,
        refunded=sum(amount for amount, _ in effective),
        awaits_buyer=intent.status == "requires_action",
        refunded_outside=sum(amount for amount, reference in effective if reference is None),
        lost=sum(dispute.amount for dispute in disputes if dispute.status == "lost"),
        refunds=frozenset(reference for _, reference in effective if reference),
        failed_refunds=frozenset(reference for reference in failed if reference),
    )


def _reference(refund: Any) -> str | None:
    return refund.metadata.to_dict().get("reference") if refund.metadata else None


class Reader:
    """Reads the books. `stack` are the outputs of the deployed stack; an empty `stripe_base` is Stripe itself;
    `mailbox` returns the emails that were sent, where they are kept."""

    def __init__(
        self,
        session: boto3.Session,
        stack: dict[str, str],
        stripe_key: str,
        stripe_base: str = "",
        mailbox: Callable[[], list[Item]] = list,
    ) -> None:
        self._stepfunctions, self._sqs = session.client("stepfunctions"), session.client("sqs")
        self._dynamodb: Any = session.resource("dynamodb").meta.client
        self._stack = stack
        import stripe  # it loads hundreds of modules, and a command without a shop ends before it reads

        addresses: Any = {"api": stripe_base} if stripe_base else {}
        self._stripe = stripe.StripeClient(stripe_key, base_addresses=addresses)
        self._mailbox = mailbox

    def read(self) -> Books:
        """Read the orders last, so that the data they refer to are older than they are."""
        payments = self._payments({item["order_id"]: item for item in self._scan("PaymentsTableName")})
        inventory = self._scan("InventoryTableName")
        shipments = self._scan("ShipmentsTableName")
        records = self._scan("PaymentsTableName")
        warehouse = self._scan("WarehouseLedgerTableName") if "WarehouseLedgerTableName" in self._stack else []
        effects = self._scan("EffectsTableName")
        executions = self._executions("StateMachineArn") | self._executions("ReturnMachineArn")
        undone = {f"undo {name}": status for name, status in self._executions("UndoMachineArn").items()}
        outcomes = _events_by_order(self._scan("InsightsTableName"))
        documents = _documents_by_order(self._scan("BillingTableName"))
        orders, events = self._orders_and_events()
        return Books(
            read_at=datetime.now(UTC),
            deadline_seconds=int(self._stack["OrderDeadlineSeconds"]),
            buyer_seconds=int(self._stack["BuyerConfirmationSeconds"]),
            orders=orders,
            events=events,
            outcomes=outcomes,
            stocks=[item for item in inventory if item["pk"].startswith("STOCK#")],
            reservations={item["order_id"]: item for item in inventory if item["pk"].startswith("RESERVATION#")},
            restocks=[item for item in inventory if item["pk"].startswith("RESTOCK#")],
            payments=payments,
            records={item["order_id"]: item for item in records},
            shipments={item["order_id"]: item["status"] for item in shipments},
            warehouse={item["order_id"]: item["status"] for item in warehouse},
            executions=executions | undone,
            effects={item["id"] for item in effects if item.get("done")},
            starts={item["id"]: int(item.get("attempts", 1)) for item in effects},
            documents=documents,
            dead_letters=self._dead_letters(),
            emails=self._emails(),
        )

    def sees_work(self) -> bool:
        """Return whether a cheap check finds work in progress. It does not see the last consumers of an event."""
        machines = ("StateMachineArn", "ReturnMachineArn", "UndoMachineArn")
        return (
            any(self._executions(machine, statusFilter="RUNNING") for machine in machines)
            or any(self._orders_of(status)["Count"] for status in UNDER_WAY)
            or any(self._waiting(table)["Count"] for table in ("OrdersTableName", "InsightsTableName"))
        )

    def _orders_of(self, status: str) -> Any:
        return self._dynamodb.query(
            TableName=self._stack["OrdersTableName"],
            IndexName="by-status",
            KeyConditionExpression=Key("status").eq(status),
            Select="COUNT",
        )

    def _waiting(self, table: str) -> Any:
        return self._dynamodb.scan(TableName=self._stack[table], IndexName="unpublished", Select="COUNT")

    def _orders_and_events(self) -> tuple[dict[str, Item], dict[str, list[Item]]]:
        items = self._scan("OrdersTableName", **OF_ORDERS)
        return {item["id"]: item for item in items if item["sk"] == "ORDER"}, _events_by_order(items)

    def _payments(self, records: dict[str, Item]) -> dict[str | None, list[Payment]]:
        """Return the payments of this shop: others may use the same account."""
        refunds = self._by_intent(self._stripe.v1.refunds)
        disputes = self._by_intent(self._stripe.v1.disputes)
        by_order: dict[str | None, list[Payment]] = defaultdict(list)
        page = self._stripe.v1.payment_intents.list({"limit": 100, "expand": ["data.latest_charge"]})
        for intent in page.auto_paging_iter():
            metadata = intent.metadata.to_dict() if intent.metadata else {}
            if is_ours(intent.id, metadata, self._stack["Deployment"], records):
                payment = payment_of(intent, metadata, refunds[intent.id], disputes[intent.id])
                by_order[payment.order_id].append(payment)
        return by_order

    def _by_intent(self, collection: Any) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = defaultdict(list)
        for each in collection.list({"limit": 100}).auto_paging_iter():
            found[each.payment_intent or ""].append(each)
        return found

    def _executions(self, machine: str, **which: Any) -> dict[str, str]:
        """Return the executions' statuses by name."""
        pages = self._stepfunctions.get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=self._stack[machine], **which)
        return {execution["name"]: execution["status"] for page in found for execution in page["executions"]}

    def _dead_letters(self) -> dict[str, int]:
        counts = {}
        for url in self._stack["DeadLetterQueueUrls"].split(","):
            attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            counts[url.rsplit("/", 1)[-1]] = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
        return counts

    def _emails(self) -> Counter[tuple[str, str]]:
        """Count the emails by order and subject; each email links to its order."""
        sent = [(ORDER_LINK.search(email["BodyText"] or ""), email["Subject"]) for email in self._mailbox()]
        return Counter((link[1], subject) for link, subject in sent if link)

    def _scan(self, table: str, **what: Any) -> list[Item]:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._stack[table], ConsistentRead=True, **what)
        return [item for page in pages for item in page["Items"]]
