"""Browsing: every product once, by name, by category, by text; odd questions get plain answers."""

import base64
import json

import pytest

from chalicelib.catalog.model import Category, ProductNotFound
from chalicelib.catalog.service import PAGE_SIZE, Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.platform.errors import CursorInvalid
from tests.builders import euros, product_details

ALL = [f"SKU-{n:03}" for n in range(130)]
BLUE = ALL[::4]
TRAIL = ALL[::2]


@pytest.fixture(scope="module")
def shelf(dynamodb, new_table):
    """130 products: ten share each name, every second is for the trail, every fourth is blue."""
    catalog = Catalog(ProductStore(dynamodb, new_table("ProductsTable")))
    for n, sku in enumerate(ALL):
        catalog.save(
            sku,
            product_details(
                name=f"Thing {n % 13}",
                description="Bleu céleste" if sku in BLUE else "Plain",
                category="trail" if sku in TRAIL else "camp-kitchen",
            ),
        )
    return catalog


@pytest.fixture
def catalog(dynamodb, new_table):
    return Catalog(ProductStore(dynamodb, new_table("ProductsTable")))


def walk(catalog, category=None, query=""):
    pages, cursor = [], None
    while not pages or cursor:
        products, cursor = catalog.page(category, query, cursor)
        pages.append(products)
    return pages


def skus(pages):
    return [product.sku for page in pages for product in page]


def cursor_of(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


class TestWalk:
    def test_sees_each_product_exactly_once_by_name(self, shelf):
        pages = walk(shelf)

        assert sorted(skus(pages)) == ALL
        assert [len(page) for page in pages[:-1]] == [PAGE_SIZE] * (len(ALL) // PAGE_SIZE)
        names = [product.name.casefold() for page in pages for product in page]
        assert names == sorted(names)

    @pytest.mark.parametrize(
        ("category", "query", "expected"),
        [
            ("trail", "", TRAIL),
            ("camp-kitchen", "", [sku for sku in ALL if sku not in TRAIL]),
            (None, "bleu", BLUE),
            (None, "CELESTE Thing", BLUE),
            ("trail", "céleste", BLUE),
            ("camp-kitchen", "bleu", []),
            (None, "sku-129", ["SKU-129"]),
            (None, "bleu nothing-like-it", []),
            ("nowhere", "", []),
        ],
    )
    def test_of_a_category_or_a_search_sees_each_match_exactly_once(self, shelf, category, query, expected):
        assert sorted(skus(walk(shelf, category, query))) == sorted(expected)

    def test_of_exactly_one_page_ends_there(self, catalog):
        for n in range(PAGE_SIZE):
            catalog.save(f"SKU-{n}", product_details())

        assert next(len(page) for page in walk(catalog)) == PAGE_SIZE
        assert len(skus(walk(catalog))) == PAGE_SIZE

    def test_of_an_empty_shop(self, catalog):
        assert catalog.page(None, "", None) == ([], None)


class TestCursor:
    @pytest.mark.parametrize(
        "cursor",
        [
            "nonsense",
            "é",
            "====",
            cursor_of(None),
            cursor_of([]),
            cursor_of({}),
            cursor_of({"sku": "SKU-001", "shelf": "PRODUCT"}),
            cursor_of({"sku": "SKU-001", "shelf": "PRODUCT", "sort_name": ""}),
            cursor_of({"sku": "SKU-001", "shelf": "PRODUCT", "sort_name": 7}),
            cursor_of({"sku": "SKU-001", "shelf": "PRODUCT", "sort_name": "x", "more": "y"}),
            cursor_of({"sku": "SKU-001", "category": "trail", "sort_name": "x"}),
        ],
    )
    def test_that_was_tampered_with_is_refused(self, shelf, cursor):
        with pytest.raises(CursorInvalid):
            shelf.page(None, "", cursor)

    def test_of_another_list_is_refused(self, shelf):
        _, of_everything = shelf.page(None, "", None)
        with pytest.raises(CursorInvalid):
            shelf.page("trail", "", of_everything)

    def test_of_another_category_is_refused(self, shelf):
        _, of_the_trail = shelf.page("trail", "", None)
        with pytest.raises(CursorInvalid):
            shelf.page("camp-kitchen", "", of_the_trail)

    def test_of_another_shelf_is_refused(self, shelf):
        with pytest.raises(CursorInvalid):
            shelf.page(None, "", cursor_of({"sku": "category:trail", "shelf": "CATEGORY", "sort_name": "Trail"}))


class TestProduct:
    def test_is_given_back_as_it_was_saved(self, catalog):
        saved = catalog.save("MUG-01", product_details(name="Café mug", price=euros(1990)))

        assert catalog.product("MUG-01") == saved

    def test_saved_again_is_replaced_and_moves_in_every_list(self, catalog):
        catalog.save("MUG-01", product_details(name="Old", category="camp"))
        catalog.save("MUG-01", product_details(name="New", category="trail"))

        assert [product.name for product in catalog.page(None, "", None)[0]] == ["New"]
        assert catalog.page("camp", "", None) == ([], None)
        assert skus(walk(catalog, "trail", "new")) == ["MUG-01"]

    @pytest.mark.parametrize("sku", ["", " ", "UNKNOWN", "mug", "category:camp", "É", "A" * 5000, "A\n", "../x"])
    def test_with_an_odd_sku_is_simply_not_found(self, catalog, sku):
        catalog.save("MUG-01", product_details())

        with pytest.raises(ProductNotFound):
            catalog.product(sku)

    def test_many_are_read_at_once_and_those_that_do_not_exist_left_out(self, shelf):
        found = shelf.products([*ALL, *ALL[:3], "UNKNOWN", "odd one", ""])

        assert sorted(found) == ALL

    def test_none_is_read_if_none_is_asked_for(self, catalog):
        assert catalog.products([]) == {}


def test_categories_are_those_that_products_name(shelf):
    assert shelf.categories() == [Category(id="camp-kitchen", name="Camp Kitchen"), Category(id="trail", name="Trail")]
