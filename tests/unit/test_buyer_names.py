"""Buyers' names: how they are folded, and which names a query finds."""

import pytest

from chalicelib.orders.buyer_names import name_key, name_queries


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Ada Lovelace", "lovelace ada"),
        ("  ÅSA  Öberg ", "oberg asa"),
        ("Łukasz O’Neil-Straße", "strasse lukasz oneil"),
        ("Cher", "cher"),
        ("Анна Берг", "берг анна"),
        ("王 伟", "伟 王"),
        ("***", None),
    ],
)
def test_name_is_folded_with_its_last_word_first(name, key):
    assert name_key(name) == key


@pytest.mark.parametrize(
    "text", ["lovelace", "LOVE", "ada lovelace", "Ada Love", "lovelace, ada", "Lovelace A", "king lovelace", "a k love"]
)
def test_query_finds_a_name_by_last_or_full_name(text):
    assert any(query.finds(name_key("Ada King Lovelace")) for query in name_queries(text))


@pytest.mark.parametrize("text", ["", "ace", "ada byron", "grace lovelace", "lovelace ada x"])
def test_query_finds_no_other_name(text):
    assert not any(query.finds(name_key("Ada King Lovelace")) for query in name_queries(text))
