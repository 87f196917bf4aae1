"""A cart becomes an order once, at the catalog's prices, or nothing happens."""

import pytest

from chalicelib.cart.model import CartTokenInvalid
from chalicelib.cart.service import Carts
from chalicelib.cart.store import CartStore
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.orders.checkout import Checkout
from chalicelib.orders.model import CartEmpty, ProductUnavailable
from chalicelib.orders.store import OrderStore
from chalicelib.platform.errors import ValidationFailed
from chalicelib.platform.identity import GUEST, Caller
from chalicelib.platform.request_keys import IdempotencyConflict, IdempotencyKeyInvalid
from tests.builders import a_checkout_request, an_address, as_read, euros, product_details
from tests.fakes import InConflict

ADA = Caller(customer_id="ada", email="ada@example.com")


@pytest.fixture
def catalog(dynamodb, new_table):
    catalog = Catalog(ProductStore(dynamodb, new_table("ProductsTable")))
    catalog.save("MUG", product_details(price=euros(1250)))
    return catalog


@pytest.fixture
def carts(dynamodb, new_table, clock):
    return Carts(CartStore(dynamodb, new_table("CartsTable")), clock)


@pytest.fixture
def orders_table(new_table):
    return new_table("OrdersTable")


@pytest.fixture
def checkout(dynamodb, orders_table, carts, catalog, clock):
    return Checkout(OrderStore(dynamodb, orders_table), carts, catalog, clock)


@pytest.fixture
def nothing_was_written(dynamodb, orders_table):
    return lambda: dynamodb.scan(TableName=orders_table)["Count"] == 0


@pytest.fixture
def two_mugs(carts):
    carts.set_quantity(ADA, None, "MUG", 2)


@pytest.fixture
def guest_token(carts):
    return carts.set_quantity(GUEST, None, "MUG", 2)[1]


def test_the_order_has_the_catalogs_prices_of_the_moment(checkout, catalog, carts, two_mugs):
    catalog.save("MUG", product_details(price=euros(1300)))

    order, token = checkout.place(ADA, None, "key-1", a_checkout_request())

    assert (order.total, order.quantities, order.customer_id, token) == (euros(2600), {"MUG": 2}, "ada", None)
    assert carts.read(ADA, None).lines == {}


def test_the_same_again_is_the_same_order(checkout, carts, two_mugs, dynamodb, orders_table):
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
    carts.set_quantity(ADA, None, "MUG", 7)

    again, _ = checkout.place(ADA, None, "key-1", a_checkout_request())

    assert again == as_read(order)
    assert dynamodb.scan(TableName=orders_table)["Count"] == 3
    assert carts.read(ADA, None).lines == {"MUG": 7}


def test_a_guest_gets_the_same_token_again_and_it_opens_the_order(checkout, guest_token):
    order, token = checkout.place(GUEST, guest_token, "key-1", a_checkout_request())

    assert order.opens_with(token)
    assert checkout.place(GUEST, guest_token, "key-1", a_checkout_request()) == (as_read(order), token)


def test_the_same_key_for_another_checkout_is_a_conflict(checkout, two_mugs):
    checkout.place(ADA, None, "key-1", a_checkout_request())

    with pytest.raises(IdempotencyConflict):
        checkout.place(
            ADA, None, "key-1", a_checkout_request(shipping_address=an_address("Charles Babbage").model_dump())
        )


def test_keys_of_different_buyers_never_meet(checkout, two_mugs, guest_token):
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
    other, _ = checkout.place(GUEST, guest_token, "key-1", a_checkout_request())

    assert order.id != other.id


def test_two_that_run_side_by_side_are_one_order(dynamodb, orders_table, carts, catalog, clock, checkout, two_mugs):
    class BlindOnce(OrderStore):
        """Looks for an earlier checkout a moment before it is written."""

        looked = False

        def checkout(self, scope):
            if self.looked:
                return super().checkout(scope)
            self.looked = True
            return None

    late = Checkout(BlindOnce(dynamodb, orders_table), carts, catalog, clock)
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
    carts.set_quantity(ADA, None, "MUG", 2)

    assert late.place(ADA, None, "key-1", a_checkout_request())[0] == as_read(order)


def test_two_that_collide_are_one_order_too(dynamodb, orders_table, carts, catalog, clock, two_mugs):
    colliding = Checkout(OrderStore(InConflict(dynamodb, times=1), orders_table), carts, catalog, clock)

    order, _ = colliding.place(ADA, None, "key-1", a_checkout_request())

    assert order.quantities == {"MUG": 2}


@pytest.mark.parametrize("key", [None, "", "with space", "x" * 129, "é", "line\n"])
def test_a_key_is_needed(checkout, two_mugs, nothing_was_written, key):
    with pytest.raises(IdempotencyKeyInvalid):
        checkout.place(ADA, None, key, a_checkout_request())

    assert nothing_was_written()


@pytest.mark.parametrize("caller", [ADA, GUEST])
def test_an_empty_cart_cannot_be_bought(checkout, nothing_was_written, caller):
    with pytest.raises(CartEmpty):
        checkout.place(caller, None, "key-1", a_checkout_request())

    assert nothing_was_written()


def test_an_expired_cart_cannot_be_bought(checkout, guest_token, clock, nothing_was_written):
    clock.passes(days=31)

    with pytest.raises(CartTokenInvalid):
        checkout.place(GUEST, guest_token, "key-1", a_checkout_request())

    assert nothing_was_written()


def test_what_is_not_sold_any_more_is_named(checkout, carts, two_mugs, nothing_was_written):
    carts.set_quantity(ADA, None, "GONE", 1)

    with pytest.raises(ProductUnavailable, match="GONE"):
        checkout.place(ADA, None, "key-1", a_checkout_request())

    assert nothing_was_written()
    assert carts.read(ADA, None).lines == {"MUG": 2, "GONE": 1}


def test_a_guest_must_give_an_email_address(checkout, guest_token, nothing_was_written):
    with pytest.raises(ValidationFailed) as refusal:
        checkout.place(GUEST, guest_token, "key-1", a_checkout_request(email=None))

    assert "email" in refusal.value.fields
    assert nothing_was_written()


def test_a_customer_need_not(checkout, two_mugs):
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(email=None))

    assert order.email == "ada@example.com"
