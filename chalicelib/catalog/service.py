"""Browsing and keeping the catalog."""

from chalicelib.catalog.model import Category, Product, ProductDetails, ProductNotFound, search_words
from chalicelib.catalog.store import ProductStore

PAGE_SIZE = 24


class Catalog:
    def __init__(self, store: ProductStore) -> None:
        self._store = store

    def product(self, sku: str) -> Product:
        """Raises ProductNotFound."""
        product = self._store.get(sku)
        if product is None:
            raise ProductNotFound
        return product

    def products(self, skus: list[str]) -> dict[str, Product]:
        """Those that exist, by sku."""
        return self._store.get_many(skus)

    def page(self, category: str | None, query: str, cursor: str | None) -> tuple[list[Product], str | None]:
        """A page of products by name, and the cursor of the next one. Raises CursorInvalid."""
        return self._store.page(category, search_words(query), cursor, PAGE_SIZE)

    def categories(self) -> list[Category]:
        return self._store.categories()

    def save(self, sku: str, details: ProductDetails) -> Product:
        product = Product(sku=sku, **details.model_dump())
        self._store.put(product)
        return product
