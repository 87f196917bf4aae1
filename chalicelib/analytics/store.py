"""Sales read model: the counters of the insights table, which this room owns.

| item                          | pk           | sk                        | counts              |
|-------------------------------|--------------|---------------------------|---------------------|
| a day                         | `DAY#{date}` | `TOTAL`                   | `orders`, `revenue` |
| a product on a day            | `DAY#{date}` | `SKU#{sku}`               | `pieces`, `revenue` |
| a country on a day            | `DAY#{date}` | `COUNTRY#{code}`          | `orders`, `revenue` |
| a step of the funnel          | `FUNNEL`     | `{date}#{variant}#{step}` | `times`             |
| an order's placing is counted | `ORDER#{id}` | `PLACED`                  |                     |
| a return is counted           | `ORDER#{id}` | `RETURN#{return}`         |                     |

Items of other rooms: `loyalty/store.py`, `recommendations/store.py` and `events/fan_in.py`.

Steps that pages report have no fact: nothing identifies a repetition.

The funnel is one partition, so that one query reads a month of it. It takes a thousand counts a second; the API lets
through a fifth of that.
"""

from collections.abc import Callable

from boto3.dynamodb.conditions import Key

from chalicelib.analytics.funnel import NEITHER, Step
from chalicelib.analytics.model import Day, Sales, Sold
from chalicelib.platform.counters import CounterTable, ItemKey, counts
from chalicelib.platform.dynamo import Write
from chalicelib.platform.ids import OrderId, ReturnId, Sku

FUNNEL = "FUNNEL"


def return_key(order_id: OrderId, return_id: ReturnId) -> ItemKey:
    return {"pk": f"ORDER#{order_id}", "sk": f"RETURN#{return_id}"}


def placed_key(order_id: OrderId) -> ItemKey:
    return {"pk": f"ORDER#{order_id}", "sk": "PLACED"}


def day_key(day: str) -> ItemKey:
    return {"pk": f"DAY#{day}", "sk": "TOTAL"}


def day_product_key(day: str, sku: Sku) -> ItemKey:
    return {"pk": f"DAY#{day}", "sk": f"SKU#{sku}"}


def day_country_key(day: str, country: str) -> ItemKey:
    return {"pk": f"DAY#{day}", "sk": f"COUNTRY#{country}"}


def step_key(day: str, variant: str | None, step: Step) -> ItemKey:
    return {"pk": FUNNEL, "sk": f"{day}#{variant or NEITHER}#{step}"}


class AnalyticsStore:
    def __init__(self, table: CounterTable) -> None:
        self._table = table

    def write_once(self, fact: ItemKey, effects: Callable[[], list[Write]]) -> None:
        """See CounterTable.write_once."""
        self._table.write_once(fact, effects)

    def write(self, writes: list[Write]) -> None:
        """See CounterTable.write."""
        self._table.write(writes)

    def sold(self, day: str, country: str, sales: Sales, products: dict[Sku, Sold]) -> list[Write]:
        """Return the writes that add to a day's sales."""
        return [
            self._table.add(day_key(day), orders=sales.orders, revenue=sales.revenue),
            self._table.add(day_country_key(day, country), orders=sales.orders, revenue=sales.revenue),
            *(
                self._table.add(day_product_key(day, sku), pieces=each.pieces, revenue=each.revenue)
                for sku, each in products.items()
            ),
        ]

    def stepped(self, day: str, variant: str | None, step: Step) -> list[Write]:
        """Return the write that counts a step of the funnel."""
        return [self._table.add(step_key(day, variant, step), times=1)]

    def day(self, day: str) -> Day:
        items = {item["sk"]: counts(item) for item in self._table.query(Key("pk").eq(f"DAY#{day}"))}
        total = Sales(**items.get("TOTAL", {"orders": 0, "revenue": 0}))
        products = {Sku(sku): Sold(**sold) for sku, sold in _below("SKU#", items).items()}
        countries = {country: Sales(**sales) for country, sales in _below("COUNTRY#", items).items()}
        return Day(day, total.orders, total.revenue, products, countries)

    def funnel(self, first: str, last: str) -> dict[tuple[str, str, Step], int]:
        """Return the counts by day, variant and step, from the first day to the last."""
        # `$` comes right after `#`.
        days = Key("pk").eq(FUNNEL) & Key("sk").between(f"{first}#", f"{last}$")
        found = {}
        for item in self._table.query(days):
            day, variant, step = item["sk"].split("#")
            found[day, variant, Step(step)] = int(item["times"])
        return found


def _below(prefix: str, items: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {sk.removeprefix(prefix): item for sk, item in items.items() if sk.startswith(prefix)}
