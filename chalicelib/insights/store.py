"""The insights table: one for the whole room.

| item                          | pk              | sk                        | counts                          |
|-------------------------------|-----------------|---------------------------|---------------------------------|
| a part of an order is done    | `ORDER#{id}`    | `PART#{part}`             |                                 |
| a return is counted           | `ORDER#{id}`    | `RETURN#{return}`         |                                 |
| what an order's points are    | `ORDER#{id}`    | `POINTS`                  | `kept`: minor units             |
| event (the outbox)            | `ORDER#{id}`    | `EVENT#000001`            |                                 |
| a day                         | `DAY#{date}`    | `TOTAL`                   | `orders`, `revenue`             |
| a product on a day            | `DAY#{date}`    | `SKU#{sku}`               | `pieces`, `revenue`             |
| a country on a day            | `DAY#{date}`    | `COUNTRY#{code}`          | `orders`, `revenue`             |
| an order's placing is counted | `ORDER#{id}`    | `PLACED`                  |                                 |
| a step of the funnel          | `FUNNEL`        | `{date}#{variant}#{step}` | `times`                         |
| bought together with a sku    | `TOGETHER`      | `SKU#{sku}`               | an attribute for each other sku |
| points of a customer          | `CUSTOMER#{id}` | `POINTS`                  | `points`                        |
| all points                    | `POINTS`        | `TOTAL`                   | `points`                        |

A counter moves only in one transaction with the fact that it has moved for this order or return, and a fact
is written once: so a message that comes again counts nothing. The event is a fact of the same kind: whoever
completes the set of parts writes it, and its key exists once. Only what pages tell has no such fact: nobody could
say what a repetition of it is.

The funnel is one partition, so that one question reads a month of it. It bears a thousand counts a second; the API
lets through a fifth of that.
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from chalicelib.events.envelope import Envelope
from chalicelib.events.outbox import outbox_item
from chalicelib.insights.funnel import NEITHER, Step
from chalicelib.insights.model import Consequence, Day, InsightsBusy, Sales, Sold, points_for
from chalicelib.platform.dynamo import condition_failed, failed_conditions, transaction_conflicted

Write = dict[str, Any]
Attributes = dict[str, str]

NEW = "attribute_not_exists(pk)"
STILL_KEPT = "attribute_not_exists(kept) OR kept = :before"
ATTEMPTS = 8


def consequence_key(order_id: str, part: Consequence) -> Attributes:
    return {"pk": f"ORDER#{order_id}", "sk": f"PART#{part}"}


def return_key(order_id: str, return_id: str) -> Attributes:
    return {"pk": f"ORDER#{order_id}", "sk": f"RETURN#{return_id}"}


def order_points_key(order_id: str) -> Attributes:
    return {"pk": f"ORDER#{order_id}", "sk": "POINTS"}


def event_key(order_id: str) -> Attributes:
    return {"pk": f"ORDER#{order_id}", "sk": "EVENT#000001"}


def day_key(day: str) -> Attributes:
    return {"pk": f"DAY#{day}", "sk": "TOTAL"}


def day_product_key(day: str, sku: str) -> Attributes:
    return {"pk": f"DAY#{day}", "sk": f"SKU#{sku}"}


def day_country_key(day: str, country: str) -> Attributes:
    return {"pk": f"DAY#{day}", "sk": f"COUNTRY#{country}"}


def placed_key(order_id: str) -> Attributes:
    return {"pk": f"ORDER#{order_id}", "sk": "PLACED"}


def step_key(day: str, variant: str | None, step: Step) -> Attributes:
    return {"pk": FUNNEL, "sk": f"{day}#{variant or NEITHER}#{step}"}


def together_key(sku: str) -> Attributes:
    return {"pk": "TOGETHER", "sk": f"SKU#{sku}"}


def customer_key(customer_id: str) -> Attributes:
    return {"pk": f"CUSTOMER#{customer_id}", "sk": "POINTS"}


FUNNEL = "FUNNEL"
ALL_POINTS = {"pk": "POINTS", "sk": "TOTAL"}


class InsightsStore:
    def __init__(self, dynamodb: Any, table: str) -> None:
        self._db = dynamodb
        self._table = table

    # Writing

    def write_once(self, fact: Attributes, effects: Callable[[], list[Write]] = list) -> None:
        """The effects and the fact that they happened, together or not at all; nothing if the fact is there.

        `effects` is asked anew for each try, because counters may have moved. Raises InsightsBusy.
        """
        noted = {"Put": {"TableName": self._table, "Item": fact, "ConditionExpression": NEW}}
        for attempt in range(ATTEMPTS):
            time.sleep(random.uniform(0, 0.05 * attempt))
            try:
                self._db.transact_write_items(TransactItems=[noted, *effects()])
                return
            except ClientError as error:
                if 0 in failed_conditions(error):
                    return
                if not transaction_conflicted(error):
                    raise
        raise InsightsBusy

    def count(self, writes: list[Write]) -> None:
        """Effects without a fact: told again, they are counted again."""
        for write in writes:
            self._db.update_item(**write["Update"])

    def write_event(self, event: Envelope) -> None:
        """Into the outbox, unless the order's event is there already."""
        item = outbox_item(event_key(event.order_id), event)
        try:
            self._db.put_item(TableName=self._table, Item=item, ConditionExpression=NEW)
        except ClientError as error:
            if not condition_failed(error):
                raise

    # Effects

    def sold(self, day: str, country: str, sales: Sales, products: dict[str, Sold]) -> list[Write]:
        return [
            self._add(day_key(day), orders=sales.orders, revenue=sales.revenue),
            self._add(day_country_key(day, country), orders=sales.orders, revenue=sales.revenue),
            *(
                self._add(day_product_key(day, sku), pieces=each.pieces, revenue=each.revenue)
                for sku, each in products.items()
            ),
        ]

    def stepped(self, day: str, variant: str | None, step: Step) -> list[Write]:
        return [self._add(step_key(day, variant, step), times=1)]

    def bought_together(self, skus: list[str]) -> list[Write]:
        """A sku counts all others in one item: as many writes as there are skus, and one read for each question."""
        return [
            self._add(together_key(sku), **{other: 1 for other in skus if other != sku})
            for sku in skus
            if len(skus) > 1
        ]

    def kept(self, order_id: str, customer_id: str, change: int) -> list[Write]:
        """What the shop keeps of an order changes by so many minor units, and with it the customer's points."""
        before = int(self._item(order_points_key(order_id)).get("kept", 0))
        points = points_for(before + change) - points_for(before)
        now_kept = {
            "TableName": self._table,
            "Key": order_points_key(order_id),
            "UpdateExpression": "SET kept = :after",
            "ConditionExpression": STILL_KEPT,
            "ExpressionAttributeValues": {":after": before + change, ":before": before},
        }
        return [
            {"Update": now_kept},
            self._add(customer_key(customer_id), points=points),
            self._add(ALL_POINTS, points=points),
        ]

    def _add(self, key: Attributes, **counts: int) -> Write:
        names = {f"#{n}": name for n, name in enumerate(counts)}
        values = {f":{n}": count for n, count in enumerate(counts.values())}
        update = {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": "ADD " + ", ".join(f"#{n} :{n}" for n in range(len(counts))),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        return {"Update": update}

    # Reading

    def done(self, order_id: str) -> set[Consequence]:
        """Read consistently: of those that finish at one moment, the last at least sees them all."""
        done = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("PART#")
        return {Consequence(item["sk"].removeprefix("PART#")) for item in self._query(done)}

    def day(self, day: str) -> Day:
        items = {item["sk"]: _counts(item) for item in self._query(Key("pk").eq(f"DAY#{day}"))}
        total = Sales(**items.get("TOTAL", {"orders": 0, "revenue": 0}))
        products = {sku: Sold(**counts) for sku, counts in _below("SKU#", items).items()}
        countries = {country: Sales(**counts) for country, counts in _below("COUNTRY#", items).items()}
        return Day(day, total.orders, total.revenue, products, countries)

    def funnel(self, first: str, last: str) -> dict[tuple[str, str, Step], int]:
        """How often, by day, variant and step, of the days from the first to the last."""
        # `$` comes right after `#`.
        days = Key("pk").eq(FUNNEL) & Key("sk").between(f"{first}#", f"{last}$")
        found = {}
        for item in self._query(days):
            day, variant, step = item["sk"].split("#")
            found[day, variant, Step(step)] = int(item["times"])
        return found

    def together_with(self, sku: str) -> dict[str, int]:
        """How many orders had this sku and another, by the other."""
        return _counts(self._item(together_key(sku)))

    def all_together(self) -> dict[str, dict[str, int]]:
        """The same for every sku. Grows with the catalog, not with the orders."""
        items = self._query(Key("pk").eq("TOGETHER"))
        return {item["sk"].removeprefix("SKU#"): _counts(item) for item in items}

    def points_of(self, customer_id: str) -> int:
        return int(self._item(customer_key(customer_id)).get("points", 0))

    def all_points(self) -> int:
        return int(self._item(ALL_POINTS).get("points", 0))

    def _item(self, key: Attributes) -> dict[str, Any]:
        return self._db.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})

    def _query(self, condition: Any) -> Iterator[dict[str, Any]]:
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table, KeyConditionExpression=condition, ConsistentRead=True
        )
        return (item for page in pages for item in page["Items"])


def _below(prefix: str, items: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {sk.removeprefix(prefix): counts for sk, counts in items.items() if sk.startswith(prefix)}


def _counts(item: dict[str, Any]) -> dict[str, int]:
    return {name: int(count) for name, count in item.items() if name not in ("pk", "sk")}
