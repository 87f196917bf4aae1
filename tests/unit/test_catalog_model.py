"""How a search reads text, and what a product may be."""

import pytest
from pydantic import ValidationError

from chalicelib.catalog.model import ProductChange, category_of, folded, is_sku, search_words
from chalicelib.platform.money import Money
from tests.builders import a_product, product_details


@pytest.mark.parametrize(
    ("text", "found_as"),
    [
        ("Café", "cafe"),
        ("CAFE\u0301", "cafe"),
        ("Straße", "strasse"),
        ("Übergröße", "ubergrosse"),
        ("ﬁeld", "field"),
        ("Ñandú", "nandu"),
    ],
)
def test_case_and_accents_do_not_matter(text, found_as):
    assert folded(text) == found_as
    assert folded(folded(text)) == found_as


def test_a_query_is_its_distinct_words():
    assert search_words("  Café   MUG cafe mug\tRed ") == ["cafe", "mug", "red"]


def test_an_empty_query_has_no_words():
    assert search_words(" \t ") == []


def test_a_long_query_is_cut():
    assert search_words("a b c d e f g h i j") == list("abcdefgh")


def test_a_product_is_found_by_name_description_category_and_sku():
    text = a_product("MUG-01", name="Café mug", description="Émail", category="camp").search_text

    assert all(word in text for word in ("cafe", "email", "camp", "mug-01"))


@pytest.mark.parametrize("sku", ["A", "7", "CAMP-MUG-01", "A" * 40])
def test_skus(sku):
    assert is_sku(sku)


@pytest.mark.parametrize("text", ["", "-A", "mug", "A" * 41, "A B", "A_1", "A\n", "É", "category:camp"])
def test_what_is_no_sku(text):
    assert not is_sku(text)


def test_a_category_is_named_after_its_id():
    assert category_of(a_product(category="camp-kitchen")).name == "Camp Kitchen"


@pytest.mark.parametrize(
    "mistake",
    [
        {"name": "  "},
        {"name": "x" * 121},
        {"description": "x" * 2001},
        {"price": Money(amount=1, currency="USD")},
        {"price": Money(amount=100_000_000, currency="EUR")},
        {"category": "Camp"},
        {"image": "https://elsewhere.example/x.png"},
        {"image": "javascript:alert(1)"},
        {"image": "//elsewhere.example/x.png"},
        {"images": ["/a.svg", "//elsewhere.example/x.png"]},
        {"images": ["/a.svg"] * 9},
    ],
)
def test_a_product_with_a_mistake_is_refused(mistake):
    with pytest.raises(ValidationError):
        product_details(**mistake)
    with pytest.raises(ValidationError):
        ProductChange.model_validate(mistake)
