"""Browsing and keeping the catalog."""

from chalicelib.catalog.model import Category, Product, ProductDetails, ProductNotFound, ProductRefused, search_words
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
        """Raises ProductRefused."""
        product = Product(sku=sku, **details.model_dump())
        self._store.put(product)
        return product

    def save_all(self, products: list[Product]) -> set[str]:
        """Stores all of them except those that cannot be stored, and returns the skus of these."""
        try:
            self._store.put_many(products)
        except ProductRefused:
            return {product.sku for product in products if not self._is_stored(product)}
        return set()

    def _is_stored(self, product: Product) -> bool:
        try:
            self._store.put(product)
        except ProductRefused:
            return False
        return True
