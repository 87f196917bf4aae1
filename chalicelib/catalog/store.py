"""The products table: one item per product and per category, listed through two indexes.

| item     | sku (key)       | listing                 | category | sort_name |
|----------|-----------------|-------------------------|----------|-----------|
| product  | `CAMP-MUG-01`   | `PRODUCT` or `ARCHIVED` | `camp`   | `name#sku`|
| category | `category:camp` | `CATEGORY`              |          | `Camp`    |

`by-listing` lists everything of one listing by name, `by-category` the products of one category by name, archived ones
among them. A text search filters one of those lists, so its cost grows with the list it filters.

Each write of a product is conditional on the version that was read (optimistic locking).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import ClientError

from chalicelib.catalog.model import Category, Product, ProductRefused, is_sku
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.dynamo import batch_get, is_accepted
from chalicelib.platform.ids import Sku

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Page, Query

PRODUCTS, ARCHIVED, CATEGORIES = "PRODUCT", "ARCHIVED", "CATEGORY"
PARTITION = {"by-listing": "listing", "by-category": "category"}

NEW = Attr("sku").not_exists()
UNVERSIONED = Attr("sku").exists() & Attr("version").not_exists()


class ProductStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

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
            return is_accepted(
                self._db.put_item, TableName=self._table, Item=_product_item(product), ConditionExpression=condition
            )

    def get(self, sku: Sku) -> Product | None:
        return self.get_many([sku]).get(sku)

    def get_many(self, skus: list[Sku]) -> dict[Sku, Product]:
        """The products that exist, by sku, read consistently: a checkout must see the current price."""
        wanted: list[dict[str, str]] = [{"sku": sku} for sku in dict.fromkeys(skus) if is_sku(sku)]
        found = batch_get(self._db, self._table, wanted, consistent=True)
        return {item["sku"]: Product.model_validate(item) for item in found}

    def categories(self, cursor: str | None, size: int) -> tuple[list[Category], str | None]:
        """Return up to `size` categories by name, and the cursor of the rest. Raises CursorInvalid."""
        items, rest = self._listed("by-listing", CATEGORIES, None, cursor, size)
        return [Category.model_validate(item) for item in items], rest

    def page(
        self, category: str | None, words: list[str], cursor: str | None, size: int, archived: bool = False
    ) -> tuple[list[Product], str | None]:
        """Return up to `size` products by name, and the cursor of the rest. Raises CursorInvalid."""
        listing = ARCHIVED if archived else PRODUCTS
        found = _all_found(words)
        if not category:
            items, rest = self._listed("by-listing", listing, found, cursor, size)
        else:
            condition = Attr("listing").eq(listing)
            items, rest = self._listed("by-category", category, condition & found if found else condition, cursor, size)
        return [Product.model_validate(item) for item in items], rest

    def outdated(self) -> Iterator[Product]:
        """Yield the products whose lists and searches would find them otherwise if they were stored again."""
        for listing in (PRODUCTS, ARCHIVED):
            pages = self._db.get_paginator("query").paginate(
                TableName=self._table, IndexName="by-listing", KeyConditionExpression=Key("listing").eq(listing)
            )
            for item in (item for page in pages for item in page["Items"]):
                product = Product.model_validate(item)
                if any(item.get(name) != value for name, value in _index_values(product).items()):
                    yield product

    def reindex(self, product: Product) -> bool:
        """Store what lists and searches read of a product. Return False if it was changed since it was read."""
        values = _index_values(product)
        unchanged = (
            Attr("name").eq(product.name)
            & Attr("description").eq(product.description)
            & Attr("category").eq(product.category)
            & Attr("listing").eq(_listing(product))
        )
        return is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key={"sku": product.sku},
            UpdateExpression="SET search_text = :search_text, sort_name = :sort_name",
            ConditionExpression=unchanged,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

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
    return category.model_dump() | {
        "sku": f"category:{category.id}",
        "listing": CATEGORIES,
        "sort_name": category.name,
    }


def _product_item(product: Product) -> dict[str, Any]:
    return product.model_dump() | {"listing": _listing(product)} | _index_values(product)


def _listing(product: Product) -> str:
    return ARCHIVED if product.archived else PRODUCTS


def _index_values(product: Product) -> dict[str, str]:
    return {"sort_name": f"{product.name.casefold()}#{product.sku}", "search_text": product.search_text}


@contextmanager
def _refusals() -> Iterator[None]:
    """What DynamoDB will never take, however often it is asked."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise ProductRefused from error
        raise


def _all_found(words: list[str]) -> ConditionBase | None:
    condition: ConditionBase | None = None
    for word in words:
        contains = Attr("search_text").contains(word)
        condition = condition & contains if condition is not None else contains
    return condition
