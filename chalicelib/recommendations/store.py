"""Affinity table: counters of products bought together, in the insights table of `analytics`.

| item                       | pk         | sk          | counts                              |
|----------------------------|------------|-------------|-------------------------------------|
| bought together with a sku | `TOGETHER` | `SKU#{sku}` | orders, an attribute per other sku  |
"""

from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.platform.counters import CounterTable, ItemKey, counts
from chalicelib.platform.dynamo import Write
from chalicelib.platform.ids import Sku

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import Item


def together_key(sku: Sku) -> ItemKey:
    return {"pk": "TOGETHER", "sk": f"SKU#{sku}"}


class AffinityStore:
    def __init__(self, table: CounterTable) -> None:
        self._table = table

    def bought_together(self, skus: list[Sku]) -> list[Write]:
        """Return one write for each sku: its item counts all others, so that a question takes one read."""
        return [
            self._table.add(together_key(sku), **{other: 1 for other in skus if other != sku})
            for sku in skus
            if len(skus) > 1
        ]

    def together_with(self, sku: Sku) -> dict[Sku, int]:
        """Return how many orders had this sku and another, by the other."""
        return _by_sku(self._table.item(together_key(sku)))

    def all_together(self) -> dict[Sku, dict[Sku, int]]:
        """Return the same for every sku. It grows with the catalog, not with the orders."""
        items = self._table.query(Key("pk").eq("TOGETHER"))
        return {item["sk"].removeprefix("SKU#"): _by_sku(item) for item in items}


def _by_sku(item: "Item") -> dict[Sku, int]:
    return {Sku(other): times for other, times in counts(item).items()}
