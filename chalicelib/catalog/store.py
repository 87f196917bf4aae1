"""The products table: one item per product and per category, listed through two indexes.

| item     | sku (key)       | listing                 | category | sort_name |
|----------|-----------------|-------------------------|----------|-----------|
| product  | `CAMP-MUG-01`   | `PRODUCT` or `ARCHIVED` | `camp`   | `name#sku`|
| category | `category:camp` | `CATEGORY`              |          | `Camp`    |

`by-listing` lists everything of one listing by name, `by-category` the products of one category by name, archived ones
among them. Searches, other orders and price ranges are read from the search index (`search_index.py`).

Each write of a product is conditional on the version that was read (optimistic locking). The index is another table:
entries are put before the product is stored and removed after, so that a product may be listed where it no longer
belongs, which readers check, but is never missing. `terms` are those under which it was listed last.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import ClientError

from chalicelib.catalog.model import Category, Product, ProductRefused, Selection, is_sku
from chalicelib.catalog.search_index import SearchIndex, terms
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.dynamo import Read, is_accepted, read_together
from chalicelib.platform.ids import Sku

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Page, Query

PRODUCTS, ARCHIVED, CATEGORIES = "PRODUCT", "ARCHIVED", "CATEGORY"
CATEGORY_KEY = "category:"
"""Beginning of a category's key."""

PARTITION = {"by-listing": "listing", "by-category": "category"}

NEW = Attr("sku").not_exists()
UNVERSIONED = Attr("sku").exists() & Attr("version").not_exists()


def _products(items: list[dict[str, Any]]) -> dict[Sku, Product]:
    return {item["sku"]: Product.model_validate(item) for item in items}


class ProductStore:
    def __init__(self, dynamodb: "DynamoDB", table: str, search_table: str) -> None:
        self._db = dynamodb
        self._table = table
        self._index = SearchIndex(dynamodb, search_table)

    def put_category(self, category: Category) -> None:
        """Store a category. Raises ProductRefused."""
        with _refusals():
            self._db.put_item(TableName=self._table, Item=_category_item(category))

    def put(self, product: Product, replaced: Product | None) -> bool:
        """Store a product in place of the one that was read, or of none. Raises ProductRefused.

        Return False if it was changed since it was read.
        """
        condition: ConditionBase = NEW
        if replaced:
            condition = Attr("version").eq(replaced.version) if replaced.version else UNVERSIONED
        with _refusals():
            self._index.put(product, replaced)
            is_stored = is_accepted(
                self._db.put_item, TableName=self._table, Item=_product_item(product), ConditionExpression=condition
            )
        self._unlist(product, terms(replaced) if replaced else (), is_stored)
        return is_stored

    def _unlist(self, product: Product, former: Iterable[str], is_stored: bool) -> None:
        """Leave only the entries of the stored product, after those of `product` were put beside `former` ones."""
        current = product if is_stored else self.get(product.sku)
        if not is_stored and current:
            self._index.put(current)
            former = terms(product)
        if current:
            self._index.remove(product.sku, set(former) - set(terms(current)), product.version)

    def get(self, sku: Sku) -> Product | None:
        return self.get_many([sku]).get(sku)

    def get_many(self, skus: list[Sku]) -> dict[Sku, Product]:
        return read_together(self._db, self.reading(skus))[0]

    def reading(self, skus: list[Sku], consistent: bool = True) -> Read[dict[Sku, Product]]:
        """Return the read of the products that exist, by sku. Consistent: a checkout must see the current price."""
        keys: list[dict[str, str]] = [{"sku": sku} for sku in dict.fromkeys(skus) if is_sku(sku)]
        return Read(self._table, keys, _products, consistent)

    def categories(self, cursor: str | None, size: int) -> tuple[list[Category], str | None]:
        """Return up to `size` categories by name, and the cursor of the rest. Raises CursorInvalid."""
        items, rest = self._listed("by-listing", CATEGORIES, None, cursor, size)
        return [Category.model_validate(item) for item in items], rest

    def page(
        self, category: str | None, cursor: str | None, size: int, archived: bool = False
    ) -> tuple[list[Product], str | None]:
        """Return up to `size` products by name, and the cursor of the rest. Raises CursorInvalid."""
        listing = ARCHIVED if archived else PRODUCTS
        if not category:
            items, rest = self._listed("by-listing", listing, None, cursor, size)
        else:
            items, rest = self._listed("by-category", category, Attr("listing").eq(listing), cursor, size)
        return [Product.model_validate(item) for item in items], rest

    def search(
        self, wanted: Selection, stems: list[str], cursor: str | None, size: int
    ) -> tuple[list[Product], str | None]:
        """Return up to `size` products that have each of these stems, and the cursor of the rest.

        There may be fewer, or none, and still a rest. Raises CursorInvalid.
        """
        skus, rest = self._index.page(wanted, stems, cursor, size)
        (found,) = read_together(self._db, self.reading(skus, consistent=False))
        return [found[sku] for sku in skus if sku in found and wanted.has(found[sku])], rest

    def corrected(self, words: list[str], archived: bool) -> list[str] | None:
        """Return these words with every unknown one completed or corrected; None where that is not possible."""
        return self._index.corrected(words, archived)

    def outdated(self) -> Iterator[dict[str, Any]]:
        """Yield the items that lists and searches would find otherwise if they were stored again.

        A deployment scans the table for them: an item of an earlier release can be missing in an index of this one.
        """
        for page in self._db.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            for item in page["Items"]:
                if any(item.get(name) != value for name, value in _index_values(item).items()):
                    yield item

    def reindex(self, item: dict[str, Any]) -> bool:
        """Store what lists and searches read of an item. Return False if it was changed since it was read."""
        values = _index_values(item)
        product = Product.model_validate(item) if is_sku(item["sku"]) else None
        if product:
            self._index.put(product)
        is_stored = is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key={"sku": item["sku"]},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
            ConditionExpression=_unchanged(item),
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
        if product:
            self._unlist(product, item.get("terms", ()), is_stored)
        return is_stored

    def _listed(
        self, index: str, value: str, found: ConditionBase | None, cursor: str | None, size: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        listed = Key(PARTITION[index]).eq(value)
        start = decoded(cursor, {PARTITION[index]: value}, "sku", "sort_name") if cursor else None
        items: list[dict[str, Any]] = []
        while True:
            answer = self._query(index, listed, found, start, limit=max(size, 100))
            items += answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if len(items) > size:
                start = {name: items[size - 1][name] for name in ("sku", "sort_name", PARTITION[index])}
            if len(items) >= size or not start:
                return items[:size], encoded(start)

    def _query(
        self,
        index: str,
        condition: ConditionBase,
        found: ConditionBase | None = None,
        start: dict[str, str] | None = None,
        limit: int = 100,
    ) -> "Page":
        request: Query = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "Limit": limit,
        }
        if found is not None:
            request["FilterExpression"] = found
        if start:
            request["ExclusiveStartKey"] = start
        return self._db.query(**request)


def _category_item(category: Category) -> dict[str, Any]:
    item = category.model_dump() | {"sku": f"{CATEGORY_KEY}{category.id}"}
    return item | _index_values(item)


def _product_item(product: Product) -> dict[str, Any]:
    item = product.model_dump()
    return item | _index_values(item)


def _index_values(item: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that lists and searches read of a product or a category."""
    if item["sku"].startswith(CATEGORY_KEY):
        return {"listing": CATEGORIES, "sort_name": item["name"]}
    product = Product.model_validate(item)
    return {
        "listing": ARCHIVED if product.archived else PRODUCTS,
        "sort_name": f"{product.name.casefold()}#{product.sku}",
        "terms": terms(product),
    }


def _unchanged(item: dict[str, Any]) -> ConditionBase:
    """Return the condition that what `_index_values` reads is stored as in this item."""
    condition: ConditionBase = Attr("sku").exists()
    for name in ("name", "description", "category", "archived", "version"):
        condition &= Attr(name).eq(item[name]) if name in item else Attr(name).not_exists()
    return condition


@contextmanager
def _refusals() -> Iterator[None]:
    """What DynamoDB will never take, however often it is asked."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise ProductRefused from error
        raise
