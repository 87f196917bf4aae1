"""Search index: whole words, plurals and one typo, in every order and price range, at a cost that does not grow."""

import json

import pytest

from chalicelib.catalog.model import ProductChange, Selection
from chalicelib.catalog.search_index import EXAMINED, QUERIES, _entries, terms
from chalicelib.catalog.service import PAGE_SIZE, Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.platform.dynamo import batch_put
from chalicelib.platform.errors import CursorInvalid
from tests.builders import TestClock, a_product, euros, product_details

NAMES = {"MUG-01": "Enamel Mugs", "BOX-01": "Smuggler box", "POT-01": "Copper kettle", "KNIFE-1": "Camp knife"}
SEARCHED = {100: {f"PRODUCT#{each}" for each in ("all:", "category:camp", "pot", "kettl")}, 2000: {"PRODUCT#kettl"}}
NEWEST = ["KNIFE-1", "POT-01", "BOX-01", "MUG-01"]


@pytest.fixture(scope="module")
def new_store(dynamodb, new_table):
    return lambda: ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable"))


@pytest.fixture
def catalog(new_store):
    return Catalog(new_store())


@pytest.fixture(scope="module")
def searched(new_store):
    """Four products, each newer and cheaper than the one before."""
    clock = TestClock()
    catalog = Catalog(new_store(), clock)
    for n, (sku, name) in enumerate(NAMES.items()):
        catalog.save(sku, product_details(name=name, description="Of steel, as old", price=euros(1000 * (4 - n))))
        clock.passes(minutes=1)
    return catalog


def found(catalog, query="", **selection):
    return [product.sku for product in catalog.page(Selection(**selection), query).products]


def listed_terms(catalog, sku="MUG-01"):
    index = catalog._store._index
    items = index._db.scan(TableName=index._table)["Items"]
    return sorted(item["term"] for item in items if item["id"] == f"product#{sku}")


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "expected", "meant"),
        [
            ("mug", ["MUG-01"], None),
            ("kettles", ["POT-01"], None),
            ("knives", ["KNIFE-1"], None),
            ("a kettle of steel", ["POT-01"], None),
            ("ketle", ["POT-01"], "kettle"),
            ("kettel", ["POT-01"], "kettle"),
            ("ketles coper", ["POT-01"], "kettle copper"),
            ("smug", ["BOX-01"], "smuggler"),
            ("steel knfe", ["KNIFE-1"], "steel knife"),
            ("submarine", [], None),
            ("kttl", [], None),
            ("mug kettle", [], None),
            ("aaaa bbbb cccc dddd", [], None),
        ],
    )
    def test_search_finds_whole_words_plurals_and_one_typo(self, searched, query, expected, meant):
        page = searched.page(Selection(), query)
        assert ([product.sku for product in page.products], page.did_you_mean) == (expected, meant)

    def test_search_ranks_a_word_of_the_name_before_other_words(self, searched):
        assert found(searched, "camp") == ["KNIFE-1", "POT-01", "MUG-01", "BOX-01"]

    @pytest.mark.parametrize("query", ["", "steel"])
    @pytest.mark.parametrize("category", [None, "camp"])
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({"sort": "newest"}, NEWEST),
            ({"sort": "price_asc"}, NEWEST),
            ({"sort": "price_desc"}, NEWEST[::-1]),
            ({"sort": "price_asc", "min_price": 2000, "max_price": 3000}, ["POT-01", "BOX-01"]),
            ({"sort": "newest", "min_price": 2000}, ["POT-01", "BOX-01", "MUG-01"]),
            ({"min_price": 2000}, ["POT-01", "MUG-01", "BOX-01"]),
            ({"max_price": 999}, []),
        ],
    )
    def test_list_is_sorted_and_filtered_by_price(self, searched, query, category, wanted, expected):
        assert found(searched, query, category=category, **wanted) == expected


class TestIndex:
    def test_index_follows_a_change_of_words_price_and_category(self, catalog):
        catalog.save("MUG-01", product_details(name="Kettle", price=euros(500)))
        catalog.save("POT-01", product_details(price=euros(700)))
        catalog.save("MUG-01", product_details(name="Bowl", price=euros(900)))
        assert (found(catalog, "kettle"), found(catalog, "bowl")) == ([], ["MUG-01"])
        assert found(catalog, category="camp", sort="price_asc") == ["POT-01", "MUG-01"]
        catalog.change("MUG-01", ProductChange(category="trail"))
        assert found(catalog, category="camp", sort="price_asc") == ["POT-01"]
        assert listed_terms(catalog) == sorted(terms(catalog.product("MUG-01")))

    def test_index_describes_the_write_that_won(self, catalog):
        old = catalog.save("MUG-01", product_details(price=euros(500)))
        won = catalog.change("MUG-01", ProductChange(name="Bowl", price=euros(700)))
        lost = old.model_copy(update={"name": "Kettle", "price": euros(900), "version": won.version})
        assert not catalog._store.put(lost, old)
        assert listed_terms(catalog) == sorted(terms(won))
        assert found(catalog, sort="price_asc", max_price=800) == ["MUG-01"]

    def test_index_keeps_an_entry_of_a_later_version(self, catalog):
        """A slow writer removes a word of its predecessor after a third writer has added it again."""
        for name in ("Kettle", "Bowl", "Kettle"):
            catalog.save("MUG-01", product_details(name=name))
        catalog._store._index.remove("MUG-01", ["PRODUCT#kettl"], 2)
        assert found(catalog, "kettle") == ["MUG-01"]

    def test_entry_that_was_not_removed_yet_shows_no_archived_product(self, catalog):
        saved = catalog.save("MUG-01", product_details())
        catalog.change("MUG-01", ProductChange(archived=True))
        catalog._store._index.put(saved)
        assert (found(catalog, "mug"), found(catalog, "mug", archived=True)) == ([], ["MUG-01"])

    def test_change_that_no_list_shows_writes_no_entry(self, catalog, monkeypatch):
        catalog.save("MUG-01", product_details())
        calls = []
        monkeypatch.setattr(catalog._store._db, "around", lambda name, _, call: calls.append(name) or call())
        catalog.change("MUG-01", ProductChange(images=["/b.svg"]))
        assert calls == ["BatchGetItem", "PutItem"]


@pytest.fixture(scope="module")
def shops(new_store):
    """Catalogs with 100 and 2,000 kettles. The large one has only the entries that the tests ask for."""
    shops = []
    for size in (100, 2000):
        store = new_store()
        products = [
            a_product(f"A{n:05}", name="Pot" if n % 4 else "Pots Kettle", description="Kettle", price=euros(1000 + n))
            for n in range(size)
        ]
        entries = [entry for product in products for entry in _entries(product)]
        batch_put(store._db, store._index._table, [each for each in entries if each["term"] in SEARCHED[size]])
        store._index._add_words(["kettle"])
        batch_put(store._db, store._table, [product.model_dump() for product in products[:100]])
        shops.append(Catalog(store))
    return shops


class TestPages:
    @pytest.mark.parametrize(
        ("query", "selection"),
        [
            ("kettle", {}),
            ("kettles", {"sort": "newest"}),
            ("kettle", {"sort": "price_asc", "min_price": 1010, "max_price": 1090}),
            ("ketle", {"sort": "price_desc"}),
            ("submarine", {}),
        ],
    )
    def test_page_costs_the_same_in_a_large_catalog(self, shops, monkeypatch, query, selection):
        (small, _), (large, _) = (self._priced(shop, monkeypatch, query, selection) for shop in shops)
        assert small == large > 0

    @pytest.mark.parametrize(("query", "selection"), [("mug kettle", {}), ("kettle", {"max_price": 999})])
    def test_page_of_a_filter_that_passes_nothing_costs_little(self, shops, monkeypatch, query, selection):
        units, page = self._priced(shops[1], monkeypatch, query, selection)
        assert (page.products, bool(page.next_cursor)) == ([], True)
        assert units == self._units_of(EXAMINED) * QUERIES

    @pytest.mark.parametrize(
        ("query", "selection", "expected"),
        [
            ("ketle", {}, 100),
            ("pot kettle", {"sort": "newest"}, 100),
            ("", {"sort": "price_desc", "max_price": 1079}, 80),
            ("", {"min_price": 1020, "category": "camp"}, 80),
            ("kettle mug", {}, 0),
        ],
    )
    def test_walk_sees_each_match_exactly_once(self, shops, query, selection, expected):
        seen, cursor = [], None
        while True:
            page = shops[0].page(Selection(**selection), query, cursor)
            seen += [product.sku for product in page.products]
            cursor = page.next_cursor
            if not cursor:
                break
            assert len(page.products) == PAGE_SIZE
        assert len(seen) == len(set(seen)) == expected

    def test_sorted_list_refuses_a_cursor_outside_its_prices(self, shops):
        cursor = shops[0].page(Selection(sort="price_asc")).next_cursor
        for other in ({"sort": "newest"}, {"min_price": 1024}, {"max_price": 1022}):
            with pytest.raises(CursorInvalid):
                shops[0].page(Selection(**({"sort": "price_asc"} | other)), "", cursor)
        assert shops[0].page(Selection(sort="price_desc", max_price=1023), "", cursor).products

    def _priced(self, catalog, monkeypatch, query_text, selection):
        """Return the read units of a page, and the page."""
        client, units = catalog._store._db, []
        query, batch = client.query, client.batch_get_item

        def counted_query(**request):
            answer = query(**request)
            units.append(self._units_of(answer["ScannedCount"]))
            return answer

        def counted_batch(RequestItems):
            (asked,) = RequestItems.values()
            units.append(len(asked["Keys"]) / (1 if asked["ConsistentRead"] else 2))
            return batch(RequestItems=RequestItems)

        with monkeypatch.context() as patch:
            patch.setattr(client, "query", counted_query)
            patch.setattr(client, "batch_get_item", counted_batch)
            page = catalog.page(Selection(**selection), query_text)
        return sum(units), page

    def _units_of(self, entries):
        """Return the units of a query that examines so many entries: half a unit for each 4 KB ("DynamoDB read and
        write operations", DynamoDB developer guide)."""
        size = len(json.dumps(_entries(a_product("A00001", name="Pots Kettle", description="Kettle"))[0]))
        return max(1, -(-entries * size // 4096)) / 2
