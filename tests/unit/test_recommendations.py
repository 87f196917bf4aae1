"""Affinity rules."""

from chalicelib.recommendations.model import most_often, top_pairs


def test_most_frequent_product_comes_first():
    assert most_often({"B": 1, "C": 3, "A": 1}) == ["C", "A", "B"]


def test_pair_of_products_is_listed_once():
    together = {"A": {"B": 2, "C": 5}, "B": {"A": 2}, "C": {"A": 5}}

    assert top_pairs(together, 10) == [("A", "C", 5), ("A", "B", 2)]
    assert top_pairs(together, 1) == [("A", "C", 5)]
