"""What fits into a cart, and how two carts become one."""

from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from chalicelib.cart.model import (
    MAX_LINES,
    MAX_QUANTITY,
    CartFull,
    customer_cart_id,
    guest_cart_id,
    is_token,
    new_token,
)
from chalicelib.cart.routes import QuantityChange
from tests.builders import a_cart

FULL = {f"SKU-{n}": 1 for n in range(MAX_LINES)}


def test_setting_a_quantity_replaces_it_and_never_adds():
    cart = a_cart({"MUG-01": 2}).with_quantity("MUG-01", 5).with_quantity("MUG-01", 5)

    assert cart.lines == {"MUG-01": 5}


def test_full_cart_refuses_another_product():
    with pytest.raises(CartFull):
        a_cart(FULL).with_quantity("ONE-MORE", 1)


def test_full_cart_still_changes_its_own_lines():
    assert a_cart(FULL).with_quantity("SKU-0", 7).lines["SKU-0"] == 7


def test_taking_out_what_is_not_in_it_changes_nothing():
    assert a_cart({"MUG-01": 2}).without("TENT-01") == a_cart({"MUG-01": 2})


def test_changing_a_cart_leaves_the_one_that_was_read_as_it_was():
    cart = a_cart({"MUG-01": 2})

    cart.with_quantity("MUG-01", 3)
    cart.without("MUG-01")
    cart.emptied()
    cart.merged_with(a_cart({"MUG-01": 1}))

    assert cart.lines == {"MUG-01": 2}


def test_merging_adds_quantities_up():
    merged, left = a_cart({"MUG-01": 2, "TENT-01": 1}).merged_with(a_cart({"MUG-01": 3, "ROPE-01": 4}))

    assert merged.lines == {"MUG-01": 5, "TENT-01": 1, "ROPE-01": 4}
    assert left.lines == {}


def test_merging_stops_at_the_limit_of_a_line_and_leaves_the_rest():
    merged, left = a_cart({"MUG-01": MAX_QUANTITY - 1}).merged_with(a_cart({"MUG-01": 5}))

    assert merged.lines == {"MUG-01": MAX_QUANTITY}
    assert left.lines == {"MUG-01": 4}


def test_merging_into_a_full_cart_leaves_other_products():
    merged, left = a_cart(FULL).merged_with(a_cart({"ONE-MORE": 1, "SKU-0": 2}))

    assert merged.lines == FULL | {"SKU-0": 3}
    assert left.lines == {"ONE-MORE": 1}


def test_merging_never_loses_or_invents_a_unit():
    mine = {f"SKU-{n}": n + 1 for n in range(20)}
    theirs = {f"SKU-{n}": MAX_QUANTITY for n in range(10, 35)}

    merged, left = a_cart(mine).merged_with(a_cart(theirs))

    assert len(merged.lines) == MAX_LINES and max(merged.lines.values()) <= MAX_QUANTITY
    assert Counter(merged.lines) + Counter(left.lines) == Counter(mine) + Counter(theirs)


def test_name_of_a_line_is_kept_and_removed_with_it():
    guest = a_cart().with_quantity("MUG-01", 2, "Camp mug").with_quantity("TENT-01", 1, "Tent")

    merged, left = a_cart(FULL | {"SKU-0": 1}).without("SKU-1").merged_with(guest)

    assert (merged.names, left.names) == ({"MUG-01": "Camp mug"}, {"TENT-01": "Tent"})
    assert merged.without("MUG-01").names == {}


def test_ordered_cart_is_empty_until_it_is_changed():
    ordered = a_cart({"MUG-01": 2}, version=4).ordered("ord_1", "checkout-1")

    saved = replace(ordered, version=5)

    assert (saved.lines, saved.was_just_ordered) == ({}, True)
    assert not replace(saved.with_quantity("TENT-01", 1), version=6).was_just_ordered
    assert not a_cart().was_just_ordered


@pytest.mark.parametrize("quantity", [1, MAX_QUANTITY])
def test_quantities_from_one_to_the_limit_may_be_asked_for(quantity):
    assert QuantityChange(quantity=quantity).quantity == quantity


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1, 1.5, "2", True, None])
def test_other_quantities_may_not(quantity):
    with pytest.raises(ValidationError):
        QuantityChange(quantity=quantity)


def test_tokens_are_recognized_and_never_alike():
    one, other = new_token(), new_token()

    assert is_token(one)
    assert one != other
    assert guest_cart_id(one) != guest_cart_id(other)


@pytest.mark.parametrize("text", ["", "cart_", "cart_" + "g" * 64, "cart_" + "0" * 63, "cart_" + "0" * 64 + "\n"])
def test_malformed_cart_token_is_ignored(text):
    assert not is_token(text)


def test_guest_cart_is_stored_without_its_token_apart_from_customers():
    token = new_token()

    assert token not in guest_cart_id(token)
    assert guest_cart_id(token) != customer_cart_id(token)
