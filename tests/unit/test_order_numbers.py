"""Order numbers: derived from the id, and read as people type them."""

import pytest

from chalicelib.orders.numbers import ALPHABET, number_in, number_of

ID = "ord_5f0c2b7a9d3e41c8b6a70e12"
NUMBER = number_of(ID)


def test_order_number_is_the_same_each_time_and_another_for_each_order():
    assert number_of(ID) == "5K2V-5YV5"
    assert len({number_of(f"ord_{n:024x}") for n in range(2000)}) == 2000


@pytest.mark.parametrize("text", [NUMBER, NUMBER.lower(), NUMBER.replace("-", ""), f" {NUMBER.replace('-', ' ')} "])
def test_order_number_is_read_as_people_type_it(text):
    assert number_in(text) == NUMBER


def test_character_that_looks_like_a_digit_is_read_as_that_digit():
    number = next(each for n in range(2000) if {"0", "1"} <= set(each := number_of(f"ord_{n:024x}")))
    for typed in (number.replace("0", "O").replace("1", "I"), number.lower().replace("0", "o").replace("1", "l")):
        assert number_in(typed) == number


@pytest.mark.parametrize("text", ["", "ABCD", "ord_1", "ABCD-EFGU", "Å" * 8, "ß" * 8, NUMBER + "0", "1234567" + "²"])
def test_text_that_is_no_order_number_is_none(text):
    assert number_in(text) is None


def test_one_wrong_character_is_no_order_number():
    for place, right in enumerate(NUMBER):
        for wrong in set(ALPHABET) - {right}:
            assert right == "-" or number_in(NUMBER[:place] + wrong + NUMBER[place + 1 :]) is None
