"""A cart becomes an order once, at the catalog's prices, or nothing happens."""

import pytest

from chalicelib.cart.model import CartTokenInvalid
from chalicelib.cart.service import Carts
from chalicelib.cart.store import CartStore
from chalicelib.catalog.model import ProductChange
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.orders.checkout import KEY_LIFETIME, Checkout
from chalicelib.orders.quote import CartAlreadyOrdered, CartEmpty, ProductUnavailable, TotalChanged
from chalicelib.orders.store import OrderStore
from chalicelib.payments.limits import TotalTooLarge, TotalTooSmall
from chalicelib.platform.errors import ValidationFailed
from chalicelib.platform.identity import GUEST, Caller
from chalicelib.platform.request_keys import IdempotencyConflict, IdempotencyKeyInvalid
from chalicelib.pricing.model import Adjustment, AdjustmentKind
from tests.builders import a_checkout_request, a_name, an_address, as_read, euros, product_details
from tests.fakes import Counted, InConflict, WritesTwice
from tests.price_rules import CODE, documented_rules

ADA = Caller(customer_id="ada", email="ada@example.com")
EARLIER_FINGERPRINT = "b18cb930ccb5a697509406fe3e177e31403be423459be4cbbc5f74471f97827c"


@pytest.fixture
def catalog(dynamodb, new_table):
    catalog = Catalog(ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable")))
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
    carts.set_quantity(ADA, None, "MUG", 2, a_name)


@pytest.fixture
def guest_token(carts):
    return carts.set_quantity(GUEST, None, "MUG", 2, a_name)[1]


def test_order_has_the_current_prices_of_the_catalog(checkout, catalog, carts, two_mugs):
    catalog.save("MUG", product_details(price=euros(1300)))

    order, token = checkout.place(ADA, None, "key-1", a_checkout_request())

    assert (order.total, order.quantities, order.customer_id, token) == (euros(2600), {"MUG": 2}, "ada", None)
    assert carts.read(ADA, None).lines == {}


def test_repeated_checkout_returns_the_same_order(checkout, carts, two_mugs, dynamodb, orders_table):
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
    carts.set_quantity(ADA, None, "MUG", 7, a_name)

    again, _ = checkout.place(ADA, None, "key-1", a_checkout_request())

    assert again == as_read(order)
    assert dynamodb.scan(TableName=orders_table)["Count"] == 3
    assert carts.read(ADA, None).lines == {"MUG": 7}


def test_repeated_guest_checkout_returns_the_same_order_token(checkout, guest_token):
    order, token = checkout.place(GUEST, guest_token, "key-1", a_checkout_request())

    assert order.opens_with(token)
    assert checkout.place(GUEST, guest_token, "key-1", a_checkout_request()) == (as_read(order), token)


def test_idempotency_key_of_another_checkout_is_a_conflict(checkout, two_mugs):
    checkout.place(ADA, None, "key-1", a_checkout_request())

    with pytest.raises(IdempotencyConflict):
        checkout.place(
            ADA, None, "key-1", a_checkout_request(shipping_address=an_address("Charles Babbage").model_dump())
        )


def test_fingerprint_without_a_phone_number_is_that_of_earlier_releases(checkout, two_mugs, dynamodb, orders_table):
    """A checkout may be repeated across a deployment."""
    address = an_address().model_copy(update={"phone": None}).model_dump()

    checkout.place(ADA, None, "key-1", a_checkout_request(shipping_address=address))

    items = dynamodb.scan(TableName=orders_table)["Items"]
    assert [item["fingerprint"] for item in items if "fingerprint" in item] == [EARLIER_FINGERPRINT]
    with pytest.raises(IdempotencyConflict):
        checkout.place(ADA, None, "key-1", a_checkout_request())


def test_keys_of_different_buyers_never_meet(checkout, two_mugs, guest_token):
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
    other, _ = checkout.place(GUEST, guest_token, "key-1", a_checkout_request())

    assert order.id != other.id


def test_checkouts_side_by_side_create_one_order(dynamodb, orders_table, carts, catalog, clock, checkout, two_mugs):
    class BlindOnce(OrderStore):
        """Looks for an earlier checkout a moment before it is written."""

        looked = False

        def checkout(self, scope, now):
            if self.looked:
                return super().checkout(scope, now)
            self.looked = True
            return None

    late = Checkout(BlindOnce(dynamodb, orders_table), carts, catalog, clock)
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
    carts.set_quantity(ADA, None, "MUG", 2, a_name)

    assert late.place(ADA, None, "key-1", a_checkout_request())[0] == as_read(order)


def test_colliding_checkouts_create_one_order(dynamodb, orders_table, carts, catalog, clock, two_mugs):
    colliding = Checkout(OrderStore(InConflict(dynamodb, times=1), orders_table), carts, catalog, clock)

    order, _ = colliding.place(ADA, None, "key-1", a_checkout_request())

    assert order.quantities == {"MUG": 2}


@pytest.mark.parametrize("key", [None, "", "with space", "x" * 129, "é", "line\n"])
def test_checkout_requires_an_idempotency_key(checkout, two_mugs, nothing_was_written, key):
    with pytest.raises(IdempotencyKeyInvalid):
        checkout.place(ADA, None, key, a_checkout_request())

    assert nothing_was_written()


@pytest.mark.parametrize("caller", [ADA, GUEST])
def test_empty_cart_is_refused_at_checkout(checkout, nothing_was_written, caller):
    with pytest.raises(CartEmpty):
        checkout.place(caller, None, "key-1", a_checkout_request())

    assert nothing_was_written()


def test_expired_cart_is_refused_at_checkout(checkout, guest_token, clock, nothing_was_written):
    clock.passes(days=31)

    with pytest.raises(CartTokenInvalid):
        checkout.place(GUEST, guest_token, "key-1", a_checkout_request())

    assert nothing_was_written()


def test_missing_product_is_named_and_stays_in_the_cart(checkout, carts, two_mugs, nothing_was_written):
    carts.set_quantity(ADA, None, "GONE", 3, lambda cart: "Old kettle")

    with pytest.raises(ProductUnavailable, match="Old kettle") as refusal:
        checkout.place(ADA, None, "key-1", a_checkout_request())

    [line] = refusal.value.members.unavailable
    assert (line.sku, line.quantity, line.name) == ("GONE", 3, "Old kettle")
    assert nothing_was_written()
    assert carts.read(ADA, None).lines == {"MUG": 2, "GONE": 3}


def test_archived_product_is_not_sold(checkout, catalog, two_mugs, nothing_was_written):
    catalog.change("MUG", ProductChange(archived=True))

    with pytest.raises(ProductUnavailable, match="Camp mug"):
        checkout.place(ADA, None, "key-1", a_checkout_request())

    assert nothing_was_written()


class TestOneCartOneOrder:
    def test_checkout_with_another_key_finds_the_cart_ordered(self, checkout, carts, two_mugs):
        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())

        with pytest.raises(CartAlreadyOrdered) as refusal:
            checkout.place(ADA, None, "key-2", a_checkout_request())

        assert refusal.value.members.order_id == order.id

    def test_refilled_cart_becomes_another_order(self, checkout, carts, two_mugs):
        one, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
        carts.set_quantity(ADA, None, "MUG", 1, a_name)

        other, _ = checkout.place(ADA, None, "key-2", a_checkout_request())

        assert (one.quantities, other.quantities) == ({"MUG": 2}, {"MUG": 1})

    def test_emptied_cart_is_refused_as_empty(self, checkout, carts, two_mugs):
        checkout.place(ADA, None, "key-1", a_checkout_request())
        carts.set_quantity(ADA, None, "MUG", 1, a_name)
        carts.remove(ADA, None, "MUG")

        with pytest.raises(CartEmpty):
            checkout.place(ADA, None, "key-2", a_checkout_request())

    def test_lost_response_of_the_transaction_creates_one_order(
        self, dynamodb, orders_table, carts, catalog, clock, two_mugs
    ):
        """The write is done, and its repetition meets itself."""
        unsure = Checkout(OrderStore(WritesTwice(dynamodb), orders_table), carts, catalog, clock)

        order, _ = unsure.place(ADA, None, "key-1", a_checkout_request())

        assert unsure.place(ADA, None, "key-1", a_checkout_request())[0] == as_read(order)
        assert dynamodb.scan(TableName=orders_table)["Count"] == 3

    def test_concurrent_copy_waits_for_the_idempotency_record(
        self, dynamodb, orders_table, carts, catalog, clock, checkout, two_mugs
    ):
        class LateRecords(OrderStore):
            """Shows a record only when it is looked for again."""

            looked = 0

            def checkout(self, scope, now):
                self.looked += 1
                return super().checkout(scope, now) if self.looked > 2 else None

        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
        copy = Checkout(LateRecords(dynamodb, orders_table), carts, catalog, clock)

        assert copy.place(ADA, None, "key-1", a_checkout_request())[0] == as_read(order)

    def test_checkout_needs_two_reads_and_one_transaction(
        self, dynamodb, orders_table, catalog, carts, clock, two_mugs
    ):
        counted = Counted(dynamodb)
        catalog._store._db = carts._store._db = counted

        Checkout(OrderStore(counted, orders_table), carts, catalog, clock).place(
            ADA, None, "key-1", a_checkout_request()
        )

        assert counted.calls == ["get_item", "batch_get_item", "transact_write_items"]


class TestExpiredKey:
    def test_orders_again_although_its_record_is_still_there(self, checkout, carts, clock, two_mugs):
        old, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
        clock.now += KEY_LIFETIME
        carts.set_quantity(ADA, None, "MUG", 5, a_name)

        new, _ = checkout.place(ADA, None, "key-1", a_checkout_request())

        assert (new.id != old.id, new.quantities) == (True, {"MUG": 5})
        assert carts.read(ADA, None).lines == {}
        assert checkout.place(ADA, None, "key-1", a_checkout_request())[0] == as_read(new)

    def test_expired_key_may_be_used_for_something_else(self, checkout, carts, clock, two_mugs):
        checkout.place(ADA, None, "key-1", a_checkout_request())
        clock.now += KEY_LIFETIME
        carts.set_quantity(ADA, None, "MUG", 5, a_name)

        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(email="ada@other.example"))

        assert order.email == "ada@other.example"

    def test_expired_key_no_longer_answers_the_old_order(self, checkout, carts, clock, two_mugs):
        checkout.place(ADA, None, "key-1", a_checkout_request())
        clock.now += KEY_LIFETIME
        carts.set_quantity(ADA, None, "GONE", 1, a_name)

        with pytest.raises(ProductUnavailable):
            checkout.place(ADA, None, "key-1", a_checkout_request())

    def test_expired_key_holds_until_its_last_second(self, checkout, clock, two_mugs):
        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request())
        clock.now += KEY_LIFETIME
        clock.passes(seconds=-1)

        assert checkout.place(ADA, None, "key-1", a_checkout_request())[0] == as_read(order)


class TestExpectedTotal:
    def test_changed_total_is_refused_with_the_new_quote(self, checkout, catalog, carts, two_mugs, nothing_was_written):
        catalog.save("MUG", product_details(price=euros(9000)))

        with pytest.raises(TotalChanged) as refusal:
            checkout.place(ADA, None, "key-1", a_checkout_request(expected_total=euros(2500)))

        quote = refusal.value.members.quote
        assert (quote.total, [(line.sku, line.unit_price) for line in quote.lines]) == (
            euros(18000),
            [("MUG", euros(9000))],
        )
        assert nothing_was_written()
        assert carts.read(ADA, None).lines == {"MUG": 2}

    def test_idempotency_key_may_confirm_the_new_quote(self, checkout, catalog, two_mugs):
        catalog.save("MUG", product_details(price=euros(9000)))
        with pytest.raises(TotalChanged):
            checkout.place(ADA, None, "key-1", a_checkout_request(expected_total=euros(2500)))

        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(expected_total=euros(18000)))

        assert order.total == euros(18000)

    def test_repeated_checkout_is_answered_despite_new_prices(self, checkout, catalog, two_mugs):
        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(expected_total=euros(2500)))
        catalog.save("MUG", product_details(price=euros(9000)))

        for expected in (euros(2500), euros(18000)):
            again, _ = checkout.place(ADA, None, "key-1", a_checkout_request(expected_total=expected))
            assert again == as_read(order)

    def test_changed_currency_is_a_changed_total(self, checkout, two_mugs):
        dollars = {"amount": 2500, "currency": "USD"}

        with pytest.raises(TotalChanged):
            checkout.place(ADA, None, "key-1", a_checkout_request(expected_total=dollars))


class TestLimitsOfTheProvider:
    @pytest.mark.parametrize(
        ("price", "quantity", "refusal"),
        [(49, 1, TotalTooSmall), (20, 2, TotalTooSmall), (99_999_999, 2, TotalTooLarge)],
    )
    def test_total_that_no_card_can_pay_is_refused(
        self, checkout, catalog, carts, nothing_was_written, price, quantity, refusal
    ):
        catalog.save("MUG", product_details(price=euros(price)))
        carts.set_quantity(ADA, None, "MUG", quantity, a_name)

        with pytest.raises(refusal):
            checkout.place(ADA, None, "key-1", a_checkout_request())

        assert nothing_was_written()
        assert carts.read(ADA, None).lines == {"MUG": quantity}

    def test_free_order_requires_no_card(self, checkout, catalog, carts):
        catalog.save("MUG", product_details(price=euros(0)))
        carts.set_quantity(ADA, None, "MUG", 2, a_name)

        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(payment_method=None))

        assert (order.total, order.payment_method) == (euros(0), None)

    def test_order_with_a_total_requires_a_card(self, checkout, two_mugs, nothing_was_written):
        with pytest.raises(ValidationFailed) as refusal:
            checkout.place(ADA, None, "key-1", a_checkout_request(payment_method=None))

        assert "payment_method" in refusal.value.fields
        assert nothing_was_written()


def test_guest_must_give_an_email_address(checkout, guest_token, nothing_was_written):
    with pytest.raises(ValidationFailed) as refusal:
        checkout.place(GUEST, guest_token, "key-1", a_checkout_request(email=None))

    assert "email" in refusal.value.fields
    assert nothing_was_written()


def test_customer_need_not_give_an_email_address(checkout, two_mugs):
    order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(email=None))

    assert order.email == "ada@example.com"


class TestPriceRules:
    @pytest.fixture
    def with_rules(self, dynamodb, orders_table, carts, catalog, clock):
        return lambda *rules: Checkout(OrderStore(dynamodb, orders_table), carts, catalog, clock, rules)

    def test_order_stores_its_adjustments_and_adjusted_total(self, with_rules, two_mugs, dynamodb, orders_table):
        checkout = with_rules(*documented_rules())

        order, _ = checkout.place(ADA, None, "key-1", a_checkout_request(code=CODE, expected_total=euros(3303)))

        assert [each.amount for each in order.adjustments] == [-250, 563, 490]
        assert OrderStore(dynamodb, orders_table).get(order.id) == as_read(order)

    def test_other_total_is_refused_with_the_adjusted_quote(self, with_rules, two_mugs, nothing_was_written):
        with pytest.raises(TotalChanged) as refused:
            with_rules(*documented_rules()).place(ADA, None, "key-1", a_checkout_request(expected_total=euros(3303)))

        assert refused.value.members.quote.total == euros(3615)
        assert nothing_was_written()

    def test_rule_reads_the_country_of_the_address(self, with_rules, two_mugs):
        baskets = []

        with_rules(baskets.append).place(ADA, None, "key-1", a_checkout_request())

        assert [basket.country for basket in baskets] == ["GB"]

    def test_order_that_a_coupon_pays_in_full_needs_no_card(self, with_rules, two_mugs):
        gift = Adjustment(kind=AdjustmentKind.DISCOUNT, label="Gift", amount=-9999)

        order, _ = with_rules(lambda basket: gift).place(ADA, None, "key-1", a_checkout_request(payment_method=None))

        assert (order.total, order.payment_method) == (euros(0), None)

    def test_other_code_under_the_same_key_is_refused(self, with_rules, two_mugs):
        checkout = with_rules(*documented_rules())
        checkout.place(ADA, None, "key-1", a_checkout_request())

        with pytest.raises(IdempotencyConflict):
            checkout.place(ADA, None, "key-1", a_checkout_request(code=CODE))
