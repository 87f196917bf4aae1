"""Spelling: a misspelling has a form of the word that is meant, and no far word is taken for it."""

import pytest

from chalicelib.catalog.spelling import corrections, forms, is_corrected, one_typo_apart

LANTERN = [
    *("lanern", "laantern", "lamtern", "latnern", "lanternn", "lanterx", "lantenr", "antern", "alntern", "xantern"),
    *("lanter", "lantermn"),
]


@pytest.mark.parametrize("typed", LANTERN)
def test_one_typo_is_found_by_a_form_and_corrected(typed):
    assert set(forms(typed)) & set(forms("lantern"))
    assert corrections(typed, ["lantern", "lancet"]) == ["lantern"]


@pytest.mark.parametrize("long", ["wheelbarrows", "wheelbarroes", "wheelbarows", "wehelbarrows", "wheelbrarows"])
def test_typo_anywhere_in_a_long_word_is_found_by_a_form(long):
    assert set(forms(long)) & set(forms("wheelbarrows"))
    assert len(forms(long)) <= 8


@pytest.mark.parametrize("other", ["lancers", "nterlan", "lantrens", "kettle", ""])
def test_two_typos_are_not_one(other):
    assert not one_typo_apart("lantern", other)


def test_correction_keeps_the_first_letter_and_the_length_where_it_can():
    assert corrections("tint", ["mint", "hint", "tin", "tent"]) == ["tent", "tin", "hint", "mint"]


@pytest.mark.parametrize(("word", "expected"), [("tent", True), ("mug", False), ("a1234", False), ("x" * 25, False)])
def test_short_and_odd_words_are_not_corrected(word, expected):
    assert is_corrected(word) == expected
