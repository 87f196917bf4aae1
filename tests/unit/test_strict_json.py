"""Strict JSON parser: one reading of each document, and only values that can be stored."""

import json

import pytest

from chalicelib.platform.errors import ValidationFailed
from chalicelib.platform.request_input import BodyNotJson, JsonKeyDuplicate, json_object
from chalicelib.platform.strict_json import JsonKeyRepeated, JsonRefused, JsonValueRefused, parse


@pytest.mark.parametrize("value", [None, True, 0, -5, 1.5, "é", "\U0001f600", [], {}, {"a": [{"b": {}}]}, 10**38 - 1])
def test_json_is_parsed_to_its_values(value):
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    "text",
    ['{"price": 500, "price": 5}', '{"a": {"b": 1, "b": 1}}', '[{"a": 1, "a": null}]', '{"a": 1, "\\u0061": 2}'],
)
def test_repeated_key_is_refused_at_any_depth(text):
    with pytest.raises(JsonKeyRepeated, match="at most once"):
        parse(text)


def test_equal_keys_of_different_objects_are_allowed():
    assert parse('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", '{"a": Infinity}', "[-Infinity]", b"\xff\xfe{\0}\0", b'"\xed\xa0\x80"', "1" * 5000, "[" * 20_000],
)
def test_text_that_is_not_json_is_refused(text):
    with pytest.raises(JsonRefused):
        parse(text)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e39", "1e308", "1" + "0" * 38, "-1" + "0" * 38])
def test_number_beyond_the_range_of_the_database_is_refused(number):
    with pytest.raises(JsonValueRefused, match="at most 38 digits") as refused:
        parse(f'{{"price": {{"amount": [1, {number}]}}}}')
    assert refused.value.path == "price.amount.1"


@pytest.mark.parametrize("text", [r'{"a": "\ud800"}', r'{"a": "x\udc00y"}'])
def test_half_of_a_surrogate_pair_is_refused_with_its_field(text):
    with pytest.raises(JsonValueRefused) as refused:
        parse(text)
    assert refused.value.path == "a"


def test_half_of_a_surrogate_pair_in_a_key_is_refused():
    with pytest.raises(JsonValueRefused):
        parse(r'{"\ud800": 1}')


@pytest.mark.parametrize(
    ("body", "refusal", "code"),
    [
        (b'{"a": 1, "a": 2}', JsonKeyDuplicate, "json_key_duplicate"),
        (b"[]", BodyNotJson, "body_not_json"),
        (b"NaN", BodyNotJson, "body_not_json"),
        (b'{"a": 1e400}', ValidationFailed, "validation_failed"),
        (rb'{"a": "\ud800"}', ValidationFailed, "validation_failed"),
    ],
)
def test_request_body_is_refused_with_a_stable_code(body, refusal, code):
    with pytest.raises(refusal) as refused:
        json_object(body)
    assert refused.value.code == code
