"""What a product may be."""

import pytest
from pydantic import ValidationError

from chalicelib.catalog.model import ProductChange, category_of, is_sku
from chalicelib.platform.money import Money
from tests.builders import a_product, product_details


@pytest.mark.parametrize("sku", ["A", "7", "CAMP-MUG-01", "A" * 40])
def test_skus(sku):
    assert is_sku(sku)


@pytest.mark.parametrize("text", ["", "-A", "mug", "A" * 41, "A B", "A_1", "A\n", "É", "category:camp"])
def test_malformed_sku_is_refused(text):
    assert not is_sku(text)


def test_category_is_named_after_its_id():
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
def test_product_with_a_mistake_is_refused(mistake):
    with pytest.raises(ValidationError):
        product_details(**mistake)
    with pytest.raises(ValidationError):
        ProductChange.model_validate(mistake)
