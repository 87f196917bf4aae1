"""The OpenAPI document is complete: tags, descriptions, and examples that its own models accept."""

import json
import re
from functools import cache

import pytest

from chalicelib import api
from chalicelib.platform import openapi
from chalicelib.platform.examples import example_of
from chalicelib.platform.http import OPERATIONS

api.load_rooms()
JSON, PROBLEM = "application/json", "application/problem+json"


@cache
def document():
    return openapi.document("/api")


def described(operation):
    return document()["paths"][operation.path][operation.method.lower()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_has_a_tag_that_the_document_describes(operation):
    (tag,) = described(operation)["tags"]
    assert tag in {each["name"] for each in document()["tags"] if each["description"]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_examples_of_an_operation_are_valid_for_its_models(operation):
    response = described(operation)["responses"][str(operation.status)]
    operation.answer.model_validate(response["content"][JSON]["example"])
    if operation.body:
        operation.body.model_validate(described(operation)["requestBody"]["content"][JSON]["example"])


def test_strings_of_an_example_have_distinct_values():
    """A placeholder is `Model.field`: give the field a value in platform/examples.py or in its model."""
    bodies = re.findall(r'"example": ({.*?}) ?}', json.dumps(document()))
    assert bodies and not re.findall(r'"([A-Z][A-Za-z]+\.[a-z_]+)"', " ".join(bodies))


def test_field_without_a_value_shows_its_own_name():
    schema = {"title": "Parcel", "type": "object", "required": ["seal"], "properties": {"seal": {"type": "string"}}}
    assert example_of(schema, {}) == {"seal": "Parcel.seal"}


def test_components_of_the_document_are_all_referenced():
    text = json.dumps(document())
    for kind in ("schemas", "examples"):
        unused = [n for n in document()["components"][kind] if f'"#/components/{kind}/{n}"' not in text]
        assert unused == [], kind


def test_problem_of_a_response_has_an_example_with_its_code():
    responses = described(next(o for o in OPERATIONS if o.name == "place_order"))["responses"]
    codes = re.findall(r"`(\w+)`", responses["409"]["description"])
    assert list(responses["409"]["content"][PROBLEM]["examples"]) == codes and "total_changed" in codes
    assert all(document()["components"]["examples"][code]["value"]["code"] == code for code in codes)


def test_operation_is_described_by_more_than_its_summary():
    lacking = [o.name for o in OPERATIONS if described(o)["description"] == o.summary]
    assert lacking == []
