"""Browsing: every product once, by name, by category, by text; odd questions get plain answers."""

import base64
import json

import pytest

from chalicelib.catalog.model import (
    Category,
    ProductChange,
    ProductChanged,
    ProductExists,
    ProductNotFound,
    ProductWrite,
    Selection,
)
from chalicelib.catalog.search_index import terms
from chalicelib.catalog.service import CATEGORIES_PAGE_SIZE, PAGE_SIZE, Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.preconditions import Precondition
from tests.builders import euros, product_details

ALL = [f"SKU-{n:03}" for n in range(65)]
BLUE = ALL[::4]
TRAIL = ALL[::2]


@pytest.fixture(scope="module")
def large_catalog(dynamodb, new_table):
    """65 products: five share each name, every second is for the trail, every fourth is blue."""
    catalog = Catalog(ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable")))
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
    return Catalog(ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable")))


def product_write(archived):
    return ProductWrite(**product_details().model_dump(), archived=archived)


def walk(catalog, category=None, query="", **selection):
    pages, cursor = [], None
    while not pages or cursor:
        products, cursor, _ = catalog.page(Selection(category=category, **selection), query, cursor)
        pages.append(products)
    return pages


def skus(pages):
    return [product.sku for page in pages for product in page]


def listed_terms(store):
    """Return the terms under which the index lists MUG-01."""
    items = store._db.scan(TableName=store._index._table)["Items"]
    return sorted(item["term"] for item in items if item["id"] == "product#MUG-01")


def cursor_of(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


class TestWalk:
    def test_catalog_walk_sees_each_product_exactly_once_by_name(self, large_catalog):
        pages = walk(large_catalog)

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
            (None, "sku-064", ["SKU-064"]),
            (None, "bleu nothing-like-it", []),
            ("nowhere", "", []),
        ],
    )
    def test_catalog_walk_of_a_category_or_a_search_sees_each_match_exactly_once(
        self, large_catalog, category, query, expected
    ):
        assert sorted(skus(walk(large_catalog, category, query))) == sorted(expected)

    def test_catalog_walk_of_exactly_one_page_ends_there(self, catalog):
        for n in range(PAGE_SIZE):
            catalog.save(f"SKU-{n}", product_details())

        assert next(len(page) for page in walk(catalog)) == PAGE_SIZE
        assert len(skus(walk(catalog))) == PAGE_SIZE

    def test_catalog_walk_of_an_empty_shop(self, catalog):
        assert walk(catalog) == [[]]


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
            cursor_of({"sku": "SKU-001", "listing": "PRODUCT"}),
            cursor_of({"sku": "SKU-001", "listing": "PRODUCT", "sort_name": ""}),
            cursor_of({"sku": "SKU-001", "listing": "PRODUCT", "sort_name": "\ud800"}),
            cursor_of({"sku": "SKU-001", "listing": "PRODUCT", "sort_name": 7}),
            cursor_of({"sku": "SKU-001", "listing": "PRODUCT", "sort_name": "x", "more": "y"}),
            cursor_of({"sku": "SKU-001", "category": "trail", "sort_name": "x"}),
        ],
    )
    def test_catalog_cursor_that_was_tampered_with_is_refused(self, large_catalog, cursor):
        with pytest.raises(CursorInvalid):
            large_catalog.page(Selection(), "", cursor)

    def test_catalog_cursor_of_another_list_is_refused(self, large_catalog):
        of_everything = large_catalog.page(Selection()).next_cursor
        with pytest.raises(CursorInvalid):
            large_catalog.page(Selection(category="trail"), "", of_everything)

    def test_catalog_cursor_of_another_category_is_refused(self, large_catalog):
        of_the_trail = large_catalog.page(Selection(category="trail")).next_cursor
        with pytest.raises(CursorInvalid):
            large_catalog.page(Selection(category="camp-kitchen"), "", of_the_trail)

    def test_catalog_cursor_of_another_listing_is_refused(self, large_catalog):
        with pytest.raises(CursorInvalid):
            of_categories = {"sku": "category:trail", "listing": "CATEGORY", "sort_name": "Trail"}
            large_catalog.page(Selection(), "", cursor_of(of_categories))


class TestProduct:
    def test_product_is_given_back_as_it_was_saved(self, catalog):
        saved = catalog.save("MUG-01", product_details(name="Café mug", price=euros(1990)))

        assert catalog.product("MUG-01") == saved

    def test_product_saved_again_is_replaced_and_moves_in_every_list(self, catalog):
        catalog.save("MUG-01", product_details(name="Old", category="camp"))
        catalog.save("MUG-01", product_details(name="New", category="trail"))

        assert [product.name for product in catalog.page(Selection()).products] == ["New"]
        assert skus(walk(catalog, "camp")) == skus(walk(catalog, None, "old")) == []
        assert skus(walk(catalog, "trail", "new")) == ["MUG-01"]

    @pytest.mark.parametrize("sku", ["", " ", "UNKNOWN", "mug", "category:camp", "É", "A" * 5000, "A\n", "../x"])
    def test_product_with_an_odd_sku_is_simply_not_found(self, catalog, sku):
        catalog.save("MUG-01", product_details())

        with pytest.raises(ProductNotFound):
            catalog.product(sku)

    def test_products_are_read_at_once_and_unknown_ones_are_left_out(self, large_catalog):
        found = large_catalog.products([*ALL, *ALL[:3], "UNKNOWN", "odd one", ""])

        assert sorted(found) == ALL

    def test_empty_list_of_skus_reads_no_product(self, catalog):
        assert catalog.products([]) == {}


def test_categories_are_those_that_products_name(large_catalog):
    named = [Category(id="camp-kitchen", name="Camp Kitchen"), Category(id="trail", name="Trail")]
    assert large_catalog.categories() == (named, None)


def test_categories_page_until_all_are_listed(catalog):
    for n in range(CATEGORIES_PAGE_SIZE + 5):
        catalog._store.put_category(Category(id=f"kind-{n:03}", name=f"Kind {n:03}"))
    first, cursor = catalog.categories()
    rest, end = catalog.categories(cursor)
    assert [len(first), len(rest), end] == [CATEGORIES_PAGE_SIZE, 5, None]
    assert sorted({each.id for each in first + rest}) == [f"kind-{n:03}" for n in range(CATEGORIES_PAGE_SIZE + 5)]


class TestArchivedProduct:
    @pytest.fixture
    def archived(self, catalog):
        catalog.save("MUG-01", product_details())
        catalog.save("POT-01", product_details(name="Pot"))
        return catalog.change("MUG-01", ProductChange(archived=True))

    def test_archived_product_leaves_every_list_and_search(self, catalog, archived):
        assert skus(walk(catalog)) == ["POT-01"]
        assert skus(walk(catalog, "camp")) == ["POT-01"]
        assert skus(walk(catalog, None, "mug")) == skus(walk(catalog, "camp", "mug")) == []

    def test_archived_product_is_in_the_archive_and_can_be_read(self, catalog, archived):
        assert walk(catalog, archived=True) == [[archived]]
        assert walk(catalog, "camp", "mug", archived=True) == [[archived]]
        assert catalog.product("MUG-01") == archived == catalog.products(["MUG-01"])["MUG-01"]

    def test_restored_product_is_listed_again(self, catalog, archived):
        catalog.change("MUG-01", ProductChange(archived=False))
        assert skus(walk(catalog, "camp", "mug")) == ["MUG-01"]
        assert not catalog.product("MUG-01").archived

    def test_archived_product_stays_archived_when_replaced(self, catalog, archived):
        assert catalog.save("MUG-01", product_details(name="Mug")).archived
        assert not catalog.save("MUG-01", product_write(archived=False)).archived


class TestChange:
    def test_absent_field_keeps_its_value(self, catalog):
        before = catalog.save("MUG-01", product_details(images=["/a.svg", "/b.svg"]))
        after = catalog.change("MUG-01", ProductChange(price=euros(650)))
        assert after == before.model_copy(update={"price": euros(650), "version": 2})

    def test_empty_field_becomes_empty(self, catalog):
        catalog.save("MUG-01", product_details(images=["/a.svg"]))
        after = catalog.change("MUG-01", ProductChange(images=[], description=""))
        assert (after.images, after.description, after.name) == ([], "", "Camp mug")

    def test_unknown_product_is_not_found(self, catalog):
        with pytest.raises(ProductNotFound):
            catalog.change("MUG-01", ProductChange(name="Mug"))


class TestVersion:
    def test_version_counts_changes_and_not_repetitions(self, catalog):
        versions = [catalog.save("MUG-01", product_details(name=name)).version for name in ("A", "B", "B", "C")]
        assert versions == [1, 2, 2, 3]

    def test_write_on_an_old_version_is_refused(self, catalog):
        old = catalog.save("MUG-01", product_details())
        catalog.change("MUG-01", ProductChange(price=euros(900)))
        stale = Precondition(frozenset({old.etag}))
        with pytest.raises(ProductChanged):
            catalog.save("MUG-01", product_details(description="New"), stale)
        with pytest.raises(ProductChanged):
            catalog.change("MUG-01", ProductChange(description="New"), stale)
        assert catalog.product("MUG-01").price == euros(900)

    def test_write_that_is_overtaken_is_refused(self, catalog, monkeypatch):
        """Another operator saves between the check and the write."""
        old = catalog.save("MUG-01", product_details())
        self._overtake(catalog, monkeypatch, ProductChange(price=euros(900)))
        with pytest.raises(ProductChanged):
            catalog.change("MUG-01", ProductChange(description="New"), Precondition(frozenset({old.etag})))
        assert catalog.product("MUG-01").price == euros(900)

    def test_unconditional_change_that_is_overtaken_keeps_both(self, catalog, monkeypatch):
        catalog.save("MUG-01", product_details())
        self._overtake(catalog, monkeypatch, ProductChange(price=euros(900)))
        after = catalog.change("MUG-01", ProductChange(description="New"))
        assert (after.price, after.description) == (euros(900), "New")

    def test_product_without_version_is_changed_on_its_etag(self, catalog):
        saved = catalog.save("MUG-01", product_details())
        table = catalog._store._table
        catalog._store._db.update_item(TableName=table, Key={"sku": "MUG-01"}, UpdateExpression="REMOVE version")
        stored = catalog.product("MUG-01")
        assert stored.version == 0 and stored.name == saved.name
        changed = catalog.change("MUG-01", ProductChange(name="Mug"), Precondition(frozenset({stored.etag})))
        assert changed.version == 1

    def test_new_product_does_not_replace_an_existing_one(self, catalog):
        catalog.save("MUG-01", product_details(), Precondition(is_new=True))
        with pytest.raises(ProductExists):
            catalog.save("MUG-01", product_details(name="Other"), Precondition(is_new=True))
        with pytest.raises(ProductChanged):
            catalog.save("POT-01", product_details(), Precondition(frozenset({"*"})))

    def _overtake(self, catalog, monkeypatch, change):
        put = catalog._store.put

        def overtaken(*arguments):
            monkeypatch.undo()
            catalog.change("MUG-01", change)
            return put(*arguments)

        monkeypatch.setattr(catalog._store, "put", overtaken)


class TestReindex:
    def test_reindex_folds_what_an_older_rule_stored(self, catalog):
        """Archived products too; it is not a change of the product."""
        catalog.save("MUG-01", product_details(name="Bjørn’s mug"))
        catalog.save("POT-01", product_write(archived=True))
        store, found_before = catalog._store, walk(catalog, None, "bjorns")
        for sku in ("MUG-01", "POT-01"):
            store._db.update_item(
                TableName=store._table,
                Key={"sku": sku},
                UpdateExpression="SET terms = :old",
                ExpressionAttributeValues={":old": ["PRODUCT#bjoern"]},
            )
        store._index.remove("MUG-01", terms(catalog.product("MUG-01")), 1)
        assert skus(walk(catalog, None, "bjorns")) == []
        assert (catalog.reindex(), catalog.reindex()) == (2, 0)
        assert walk(catalog, None, "bjorns") == found_before
        assert catalog.product("MUG-01").version == 1

    def test_reindex_finds_a_product_of_a_release_without_index(self, dynamodb, new_table):
        """It stored neither its terms nor when it was created."""
        store = ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable"))
        kept = {"sku": "MUG-01", "listing": "PRODUCT", "sort_name": "mugs#MUG-01", "search_text": "mugs", "version": 3}
        shown = product_details(name="Mugs").model_dump()
        dynamodb.put_item(TableName=store._table, Item=kept | shown)
        catalog = Catalog(store)
        assert skus(walk(catalog, None, "mug")) == []
        assert catalog.reindex() == 1
        assert skus(walk(catalog, None, "mug")) == skus(walk(catalog, sort="newest")) == ["MUG-01"]

    def test_reindex_lists_products_and_categories_of_an_earlier_release(self, catalog):
        """It named the attribute of the lists otherwise, and knew no archived products."""
        catalog.save("MUG-01", product_details())
        store, before = catalog._store, (walk(catalog), catalog.categories(None))
        for item in store._db.scan(TableName=store._table)["Items"]:
            old = {name: value for name, value in item.items() if name not in ("listing", "archived")}
            store._db.put_item(TableName=store._table, Item=old)
        assert (walk(catalog), catalog.categories(None)) == ([[]], ([], None))
        catalog.reindex()
        assert (walk(catalog), catalog.categories(None)) == before

    def test_reindex_leaves_what_was_changed_meanwhile(self, catalog):
        catalog.save("MUG-01", product_details())
        store = catalog._store
        old = store._db.get_item(TableName=store._table, Key={"sku": "MUG-01"})["Item"]
        catalog.change("MUG-01", ProductChange(name="Bowl"))
        assert not store.reindex(old)
        assert skus(walk(catalog, None, "bowl")) == ["MUG-01"]
        assert listed_terms(store) == sorted(terms(catalog.product("MUG-01")))


def test_query_without_a_word_finds_nothing(large_catalog):
    assert walk(large_catalog, None, "%") == [[]]
