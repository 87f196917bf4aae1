"""Browsing and keeping the catalog."""

from collections.abc import Callable
from typing import Any, NamedTuple

from chalicelib.catalog.folding import search_words, stems
from chalicelib.catalog.model import (
    Category,
    Product,
    ProductBusy,
    ProductChange,
    ProductChanged,
    ProductDetails,
    ProductExists,
    ProductNotFound,
    Selection,
    category_of,
)
from chalicelib.catalog.store import ProductStore
from chalicelib.platform.clock import Clock, iso, utc_now
from chalicelib.platform.dynamo import Read
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.ids import Sku
from chalicelib.platform.preconditions import UNCONDITIONAL, Precondition
from chalicelib.platform.retries import retry_on_conflict

PAGE_SIZE = 24
CATEGORIES_PAGE_SIZE = 100
ATTEMPTS = 5

Decide = Callable[[Product | None], dict[str, Any]]
"""From the stored product, or None, to the fields of the one to store. Raises a Refusal, or pydantic's
ValidationError."""


class Found(NamedTuple):
    """A page of products. `did_you_mean` is the query that they match where the given one matches nothing."""

    products: list[Product]
    next_cursor: str | None = None
    did_you_mean: str | None = None


class Catalog:
    def __init__(self, store: ProductStore, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def product(self, sku: Sku) -> Product:
        """Return a product, archived or not. Raises ProductNotFound."""
        product = self._store.get(sku)
        if product is None:
            raise ProductNotFound
        return product

    def products(self, skus: list[Sku]) -> dict[Sku, Product]:
        """Return those that exist, by sku, archived ones included."""
        return self._store.get_many(skus)

    def reading(self, skus: list[Sku]) -> Read[dict[Sku, Product]]:
        """Return the read of what `products` returns."""
        return self._store.reading(skus)

    def page(self, wanted: Selection, query: str = "", cursor: str | None = None) -> Found:
        """Return a page of products and the cursor of the next one. Raises CursorInvalid.

        A query without a word, such as `%`, finds nothing. A query that finds nothing is completed or corrected.
        """
        words = search_words(query)
        if query.strip() and not words:
            return Found([])
        if not words and wanted.is_by_name:
            return Found(*self._store.page(wanted.category, cursor, PAGE_SIZE, wanted.archived))
        try:
            found = self._found(wanted, words, cursor)
        except CursorInvalid:
            return self._corrected(wanted, words, cursor)
        return found if found.products or found.next_cursor or cursor else self._corrected(wanted, words, None)

    def _found(self, wanted: Selection, words: list[str], cursor: str | None) -> Found:
        return Found(*self._store.search(wanted, stems(words), cursor, PAGE_SIZE))

    def _corrected(self, wanted: Selection, words: list[str], cursor: str | None) -> Found:
        """Return a page of the corrected query, to which the cursor belongs. Raises CursorInvalid."""
        corrected = self._store.corrected(words, wanted.archived)
        if corrected:
            found = self._found(wanted, corrected, cursor)
            if found.products or found.next_cursor or cursor:
                return found._replace(did_you_mean=" ".join(corrected))
        if cursor:
            raise CursorInvalid
        return Found([])

    def reindex(self) -> int:
        """List all products and categories by the rules of this release. Return how many had to change."""
        return sum(self._store.reindex(product) for product in self._store.outdated())

    def categories(self, cursor: str | None = None) -> tuple[list[Category], str | None]:
        """Return a page of categories by name, and the cursor of the next one. Raises CursorInvalid."""
        return self._store.categories(cursor, CATEGORIES_PAGE_SIZE)

    def save(self, sku: Sku, details: ProductDetails, precondition: Precondition = UNCONDITIONAL) -> Product:
        """Create or replace a product. Raises ProductChanged, ProductExists, ProductBusy, ProductRefused."""
        given = details.model_dump(exclude_none=True)
        return self.write(sku, lambda stored: {"archived": bool(stored and stored.archived)} | given, precondition)

    def change(self, sku: Sku, change: ProductChange, precondition: Precondition = UNCONDITIONAL) -> Product:
        """Change some fields of a product.

        Raises ProductNotFound, ProductChanged, ProductExists, ProductBusy, ProductRefused.
        """

        def decide(stored: Product | None) -> dict[str, Any]:
            if stored is None:
                raise ProductNotFound
            return stored.model_dump() | change.model_dump(include=set(change.given))

        return self.write(sku, decide, precondition)

    def write(self, sku: Sku, decide: Decide, precondition: Precondition = UNCONDITIONAL) -> Product:
        """Store what `decide` makes of the stored product, or nothing where that changes nothing.

        A product that is changed meanwhile is read and decided on again. Raises what `decide` raises,
        ProductChanged, ProductExists, ProductBusy, ProductRefused.
        """
        for _ in retry_on_conflict(ATTEMPTS):
            stored = self._store.get(sku)
            precondition.check(stored.etag if stored else None, ProductChanged, ProductExists)
            version = stored.version if stored else 0
            created_at = stored.created_at if stored else iso(self._clock())
            kept = {"sku": sku, "version": version, "created_at": created_at}
            decided = Product.model_validate(decide(stored) | kept)
            if decided == stored:
                return decided
            if stored is None or stored.category != decided.category:
                # The category first: a category without products is better than a product in no category.
                self._store.put_category(category_of(decided))
            product = decided.model_copy(update={"version": version + 1})
            if self._store.put(product, stored):
                return product
        raise ProductBusy
