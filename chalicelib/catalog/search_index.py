"""Inverted index: the search table, which lists products by the words of their texts.

| item  | term (key)    | id (key)          | relevance    | age               | price         |
|-------|---------------|-------------------|--------------|-------------------|---------------|
| entry | `PRODUCT#mug` | `product#MUG-01`  | `1#name#sku` | `created_at#sku`  | `amount#sku`  |
| word  | `WORDS#m`     | `word#mug`        |              |                   |               |
| form  | `FORM#mg`     | `form#mug`        |              |                   |               |

A product has one entry for each stem of its texts, one for its category and one for the list of all products; an index
of the table lists the entries of one term in each order. Relevance ranks a word of the name before other words. The
price has leading zeros.

A word belongs to the vocabulary, which completes and corrects what people type; it has one form per possible typo.
Words are added and never removed: a suggestion counts only while there are products for it.

A request examines at most QUERIES times EXAMINED entries, so its cost does not grow with the catalog. A page for
several words, or within a price range, may therefore hold few products, or none, and still have a rest.
"""

from collections.abc import Iterable
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from chalicelib.catalog.folding import index_words, stem, stems
from chalicelib.catalog.model import Product, Selection, Sort
from chalicelib.catalog.spelling import corrections, forms, is_corrected
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.dynamo import Read, batch_put, is_accepted, read_together
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.ids import Sku

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item, Query

ALL = "all:"
CATEGORY = "category:"
"""Neither can be the beginning of a stem, which has no colon."""
MOST_STEMS = 60
"""Stems of a product that are indexed, those of its name first."""
EXAMINED = 120
QUERIES = 4
DIGITS_OF_A_PRICE = 12
AFTER_ALL_SKUS = "~"
COMPLETIONS = 20
SHORTEST_COMPLETED = 2
CORRECTED_WORDS = 3
"""Unknown words of a query; with more than these it is not corrected."""
CHECKED = 3

ORDER = {
    Sort.RELEVANCE: ("by-relevance", "relevance"),
    Sort.NEWEST: ("by-age", "age"),
    Sort.PRICE_ASC: ("by-price", "price"),
    Sort.PRICE_DESC: ("by-price", "price"),
}
"""Index and its sort key."""
DESCENDING = (Sort.NEWEST, Sort.PRICE_DESC)


class SearchIndex:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def put(self, product: Product, replaced: Product | None = None) -> None:
        """List a product under each of its terms and add its words to the vocabulary, as far as that changes anything.

        `replaced` is listed already.
        """
        if replaced is None or text_words(product) != text_words(replaced):
            self._add_words(text_words(product))
        entries = _entries(product)
        if replaced is None or entries != _entries(replaced.model_copy(update={"version": product.version})):
            batch_put(self._db, self._table, entries)

    def remove(self, sku: Sku, terms: Iterable[str], version: int) -> None:
        """Take a product off the lists of these terms, unless a later version of it is listed there."""
        for term in terms:
            is_accepted(
                self._db.delete_item,
                TableName=self._table,
                Key={"term": term, "id": _id(sku)},
                ConditionExpression="version <= :version",
                ExpressionAttributeValues={":version": version},
            )

    def page(
        self, wanted: Selection, searched: list[str], cursor: str | None, size: int
    ) -> tuple[list[Sku], str | None]:
        """Return up to `size` skus in their order, and the cursor of the rest. Raises CursorInvalid.

        `searched` is the stems that a product has, every one; none stands for all products.
        """
        index, place = ORDER[wanted.sort]
        leading = max(searched, key=_rarity, default=f"{CATEGORY}{wanted.category}" if wanted.category else ALL)
        term = _term(wanted.archived, leading)
        listed: ConditionBase = Key("term").eq(term)
        start = decoded(cursor, {"term": term}, "id", place) if cursor else None
        if place == "price":
            lowest, highest = _price_bounds(wanted)
            listed &= Key("price").between(lowest, highest)
            if start and not lowest <= start["price"] <= highest:
                raise CursorInvalid
        filtered = _filter(wanted, [each for each in searched if each != leading], leading, place != "price")
        request: Query = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": listed,
            "ScanIndexForward": wanted.sort not in DESCENDING,
            "Limit": EXAMINED if filtered else size + 1,
        }
        if filtered:
            request["FilterExpression"] = filtered
        items, start = self._examined(request, start, size)
        if len(items) > size:
            start = {name: items[size - 1][name] for name in ("term", "id", place)}
        return [item["sku"] for item in items[:size]], encoded(start)

    def corrected(self, words: list[str], archived: bool) -> list[str] | None:
        """Return these words with every unknown one completed or corrected; None where that is not possible."""
        unknown = [word for word in words if not self._is_known(word, archived)]
        if not 0 < len(unknown) <= CORRECTED_WORDS:
            return None
        meant = {word: self._meant(word, archived) for word in unknown}
        found = [each for word in words if (each := meant.get(word, word))]
        return found if len(found) == len(words) else None

    def _examined(self, request: "Query", start: dict[str, Any] | None, size: int) -> tuple[list["Item"], Any]:
        items: list[Item] = []
        for _ in range(QUERIES):
            if start:
                request["ExclusiveStartKey"] = start
            answer = self._db.query(**request)
            items += answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if len(items) > size or not start:
                break
        return items, start

    def _is_known(self, word: str, archived: bool) -> bool:
        return bool(self._ids(_term(archived, stem(word)), "product#", 1))

    def _meant(self, word: str, archived: bool) -> str | None:
        longer = self._ids(f"WORDS#{word[0]}", f"word#{word}", COMPLETIONS) if len(word) >= SHORTEST_COMPLETED else []
        completed = sorted(longer, key=lambda each: (len(each), each))
        singular = word.removesuffix("s")
        typed = [each for each in dict.fromkeys((word, singular)) if is_corrected(each)]
        candidates = {form: self._ids(f"FORM#{form}", "form#") for each in typed for form in forms(each)}
        every = [each for found in candidates.values() for each in found]
        meant = [*completed[:CHECKED], *(right for each in typed for right in corrections(each, every)[:CHECKED])]
        return next((each for each in meant if self._is_known(each, archived)), None)

    def _ids(self, term: str, beginning: str, most: int = 100) -> list[str]:
        """Return the ends of the ids of a term that begin so."""
        listed = Key("term").eq(term) & Key("id").begins_with(beginning)
        answer = self._db.query(TableName=self._table, KeyConditionExpression=listed, Limit=most)
        return [item["id"].partition("#")[2] for item in answer["Items"]]

    def _add_words(self, words: list[str]) -> None:
        spelled = [word for word in words if word.isalpha() and len(word) > 1]
        keys = {word: {"term": f"WORDS#{word[0]}", "id": f"word#{word}"} for word in spelled}
        (known,) = read_together(self._db, Read(self._table, list(keys.values()), _keys, consistent=False))
        new = [word for word in spelled if keys[word]["id"] not in known]
        of_new = [{"term": f"FORM#{form}", "id": f"form#{word}"} for word in new for form in forms(word)]
        # The forms first: a word that is there has all of them.
        batch_put(self._db, self._table, of_new)
        batch_put(self._db, self._table, [keys[word] for word in new])


def text_words(product: Product) -> list[str]:
    """Return the words by which a product is found, those of its name first."""
    texts = (product.name, product.category, product.sku, product.description)
    return list(dict.fromkeys(word for text in texts for word in index_words(text)))


def terms(product: Product) -> list[str]:
    """Return the terms under which a product is listed."""
    found = stems(text_words(product))[:MOST_STEMS]
    return [_term(product.archived, each) for each in (ALL, f"{CATEGORY}{product.category}", *found)]


def _entries(product: Product) -> list[dict[str, Any]]:
    listed = terms(product)
    named = {_term(product.archived, each) for each in (ALL, *stems(index_words(product.name)))}
    name = product.name.casefold()
    shared: dict[str, Any] = {
        "id": _id(product.sku),
        "sku": product.sku,
        "version": product.version,
        "category": product.category,
        "amount": product.price.amount,
        "age": f"{product.created_at}#{product.sku}",
        "price": f"{_digits(product.price.amount)}#{product.sku}",
        "stems": [each.partition("#")[2] for each in listed],
    }
    return [
        {"term": term, "relevance": f"{1 if term in named else 2}#{name}#{product.sku}"} | shared for term in listed
    ]


def _term(archived: bool, stem_or_list: str) -> str:
    return f"{'ARCHIVED' if archived else 'PRODUCT'}#{stem_or_list}"


def _keys(items: list[dict[str, Any]]) -> set[str]:
    return {item["id"] for item in items}


def _id(sku: Sku) -> str:
    return f"product#{sku}"


def _rarity(each: str) -> tuple[bool, int]:
    """Return what guesses how few products have a stem: numbers are parts of skus, and long words are rare."""
    return any(character.isdigit() for character in each), len(each)


def _filter(wanted: Selection, others: list[str], leading: str, is_priced: bool) -> ConditionBase | None:
    conditions: list[ConditionBase] = [Attr("stems").contains(each) for each in others]
    if wanted.category and not leading.startswith(CATEGORY):
        conditions.append(Attr("category").eq(wanted.category))
    if is_priced and wanted.min_price is not None:
        conditions.append(Attr("amount").gte(wanted.min_price))
    if is_priced and wanted.max_price is not None:
        conditions.append(Attr("amount").lte(wanted.max_price))
    return reduce(and_, conditions) if conditions else None


def _price_bounds(wanted: Selection) -> tuple[str, str]:
    highest = 10**DIGITS_OF_A_PRICE - 1 if wanted.max_price is None else wanted.max_price
    return _digits(wanted.min_price or 0), f"{_digits(highest)}{AFTER_ALL_SKUS}"


def _digits(amount: int) -> str:
    return f"{amount:0{DIGITS_OF_A_PRICE}}"
