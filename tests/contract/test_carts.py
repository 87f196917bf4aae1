"""Carts: concurrent changes do not overwrite each other, a cart is claimed once, and an expired cart is empty."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.cart.model import (
    MAX_QUANTITY,
    CartBusy,
    CartFull,
    CartTokenInvalid,
    customer_cart_id,
    guest_cart_id,
)
from chalicelib.cart.service import LIFETIME, Carts
from chalicelib.cart.store import CartStore
from chalicelib.platform.identity import GUEST, Caller
from tests.builders import a_cart, a_name
from tests.fakes import InConflict

ADA = Caller(customer_id="ada")


@pytest.fixture
def table(new_table):
    return new_table("CartsTable")


@pytest.fixture
def store(dynamodb, table):
    return CartStore(dynamodb, table)


@pytest.fixture
def carts(store, clock):
    return Carts(store, clock)


@pytest.fixture
def guest_token(carts):
    """Return a guest's cart with two mugs."""
    return carts.set_quantity(GUEST, None, "MUG", 2, a_name)[1]


class TestStore:
    def test_cart_store_gives_back_what_was_saved_in_its_next_version(self, store):
        cart = a_cart({"MUG": 2, "TENT": 1})

        assert store.save(cart)

        assert store.get(cart.id) == a_cart({"MUG": 2, "TENT": 1}, version=1)

    def test_cart_store_knows_no_other_cart(self, store):
        assert store.get("customer#nobody") is None

    def test_concurrently_changed_cart_is_not_overwritten(self, store):
        store.save(a_cart({"MUG": 1}))
        as_it_was_read = store.get("customer#ada")
        store.save(as_it_was_read.with_quantity("MUG", 2))

        assert not store.save(as_it_was_read.with_quantity("MUG", 3))
        assert store.get("customer#ada").lines == {"MUG": 2}

    def test_new_cart_does_not_overwrite_a_concurrent_new_cart(self, store):
        store.save(a_cart({"MUG": 1}))

        assert not store.save(a_cart({"TENT": 1}))

    def test_cart_store_saves_all_or_none(self, store):
        store.save(a_cart({"MUG": 1}, "guest#1"))

        assert not store.save_both(a_cart({"MUG": 1}, "customer#ada"), a_cart({}, "guest#1", version=7))
        assert store.get("customer#ada") is None
        assert store.get("guest#1").lines == {"MUG": 1}


class TestGuest:
    def test_guest_without_a_token_has_no_cart(self, carts):
        assert carts.read(GUEST, None) is None
        assert carts.remove(GUEST, None, "MUG") is None

    def test_guest_is_given_a_token_with_the_first_write_only(self, carts):
        _cart, token = carts.set_quantity(GUEST, None, "MUG", 2, a_name)
        _, issued_again = carts.set_quantity(GUEST, token, "TENT", 1, a_name)

        assert issued_again is None
        assert carts.read(GUEST, token).lines == {"MUG": 2, "TENT": 1}

    @pytest.mark.parametrize("token", ["", "cart_1", "ada", "cart_" + "0" * 64])
    def test_guest_with_a_token_of_no_cart_is_refused(self, carts, token):
        with pytest.raises(CartTokenInvalid):
            carts.read(GUEST, token)

    def test_guest_finds_the_cart_until_it_expires(self, carts, guest_token, clock):
        clock.now += LIFETIME
        with pytest.raises(CartTokenInvalid):
            carts.read(GUEST, guest_token)

        clock.passes(seconds=-1)
        assert carts.read(GUEST, guest_token).lines == {"MUG": 2}

    def test_guest_cannot_revive_an_expired_cart(self, carts, guest_token, clock):
        clock.now += LIFETIME

        for attempt in (
            lambda: carts.set_quantity(GUEST, guest_token, "MUG", 3, a_name),
            lambda: carts.remove(GUEST, guest_token, "MUG"),
            lambda: carts.claim("ada", guest_token),
        ):
            with pytest.raises(CartTokenInvalid):
                attempt()

    def test_change_prolongs_the_expiry_of_the_cart(self, carts, guest_token, clock):
        clock.passes(days=20)
        carts.set_quantity(GUEST, guest_token, "MUG", 3, a_name)
        clock.passes(days=20)

        assert carts.read(GUEST, guest_token).lines == {"MUG": 3}


class TestChange:
    def test_setting_and_removing_may_be_repeated(self, carts):
        for _ in range(2):
            carts.set_quantity(ADA, None, "MUG", 2, a_name)
        assert carts.read(ADA, None).lines == {"MUG": 2}

        for _ in range(2):
            carts.remove(ADA, None, "MUG")
        assert carts.read(ADA, None).lines == {}

    def test_customers_cart_needs_no_token_and_is_only_theirs(self, carts):
        _, issued = carts.set_quantity(ADA, None, "MUG", 2, a_name)

        assert issued is None
        assert carts.read(Caller(customer_id="bob"), None).lines == {}

    def test_customers_expired_cart_is_empty_and_can_be_used(self, carts, clock):
        carts.set_quantity(ADA, None, "MUG", 2, a_name)
        clock.now += LIFETIME

        assert carts.read(ADA, None).lines == {}
        assert carts.set_quantity(ADA, None, "TENT", 1, a_name)[0].lines == {"TENT": 1}
        assert carts.read(ADA, None).lines == {"TENT": 1}

    def test_full_cart_refuses_another_item_and_stays(self, carts):
        for n in range(30):
            carts.set_quantity(ADA, None, f"SKU-{n}", 1, a_name)

        with pytest.raises(CartFull):
            carts.set_quantity(ADA, None, "ONE-MORE", 1, a_name)

        assert len(carts.read(ADA, None).lines) == 30

    def test_concurrent_change_of_the_cart_is_kept(self, store, clock):
        interrupted = Carts(InterruptedStore(store, times=2), clock)

        interrupted.set_quantity(ADA, None, "MUG", 2, a_name)

        assert store.get(customer_cart_id("ada")).lines == {"MUG": 2, "ELSEWHERE": 2}

    def test_conflicting_change_of_the_cart_is_retried(self, dynamodb, table, clock):
        colliding = Carts(CartStore(InConflict(dynamodb, times=1), table), clock)

        assert colliding.set_quantity(ADA, None, "MUG", 2, a_name)[0].lines == {"MUG": 2}

    def test_cart_that_always_conflicts_is_busy(self, store, clock):
        interrupted = Carts(InterruptedStore(store, times=99), clock)

        with pytest.raises(CartBusy):
            interrupted.set_quantity(ADA, None, "MUG", 2, a_name)

    def test_returned_expiry_of_the_cart_is_the_stored_one(self, carts, clock):
        carts.set_quantity(ADA, None, "MUG", 2, a_name)
        clock.passes(days=1)

        answered, _ = carts.set_quantity(ADA, None, "MUG", 2, a_name)

        assert answered.expires_at == carts.read(ADA, None).expires_at


class TestClaim:
    def test_cart_claim_moves_the_guests_lines(self, carts, guest_token):
        carts.set_quantity(ADA, None, "MUG", 1, a_name)

        own, left = carts.claim("ada", guest_token)

        assert (own.lines, left.lines) == ({"MUG": 3}, {})
        assert carts.read(ADA, None).lines == {"MUG": 3}
        assert carts.read(GUEST, guest_token).lines == {}

    def test_cart_claim_twice_merges_once(self, carts, guest_token):
        carts.set_quantity(ADA, None, "MUG", 1, a_name)

        carts.claim("ada", guest_token)

        assert carts.claim("ada", guest_token)[0].lines == {"MUG": 3}
        assert carts.read(ADA, None).lines == {"MUG": 3}

    def test_second_claim_of_a_cart_by_another_customer_finds_nothing(self, carts, guest_token):
        carts.claim("ada", guest_token)

        assert carts.claim("bob", guest_token)[0].lines == {}

    def test_cart_claim_leaves_what_has_no_room_in_the_guests_cart(self, carts):
        _, token = carts.set_quantity(GUEST, None, "MUG", 15, a_name)
        carts.set_quantity(ADA, None, "MUG", 15, a_name)

        for _ in range(2):
            own, left = carts.claim("ada", token)
            assert (own.lines, left.lines) == ({"MUG": MAX_QUANTITY}, {"MUG": 10})
            assert carts.read(GUEST, token).lines == {"MUG": 10}

    def test_cart_claim_again_moves_more_once_there_is_room(self, carts):
        _, token = carts.set_quantity(GUEST, None, "MUG", 15, a_name)
        carts.set_quantity(ADA, None, "MUG", 15, a_name)
        carts.claim("ada", token)
        carts.set_quantity(ADA, None, "MUG", 12, a_name)

        own, left = carts.claim("ada", token)

        assert (own.lines, left.lines) == ({"MUG": MAX_QUANTITY}, {"MUG": 2})

    @pytest.mark.parametrize("token", ["", "nonsense", "cart_" + "0" * 64])
    def test_cart_claim_needs_the_token_of_a_cart(self, carts, token):
        with pytest.raises(CartTokenInvalid):
            carts.claim("ada", token)

    def test_cart_claim_is_tried_again_if_a_cart_changed_meanwhile(self, store, clock, guest_token):
        carts = Carts(InterruptedStore(store, times=1), clock)

        assert carts.claim("ada", guest_token)[0].lines == {"ELSEWHERE": 1, "MUG": 2}
        assert store.get(guest_cart_id(guest_token)).lines == {}


class TestOrder:
    def test_ordering_a_cart_takes_the_contents_and_remembers_which_order(self, carts, dynamodb):
        carts.set_quantity(ADA, None, "MUG", 2, a_name)

        dynamodb.transact_write_items(TransactItems=[carts.taking(carts.read(ADA, None), "ord_1", "checkout-1")])

        cart = carts.read(ADA, None)
        assert (cart.lines, cart.was_just_ordered) == ({}, True)
        assert (cart.last_order.order_id, cart.last_order.checkout) == ("ord_1", "checkout-1")

    def test_ordering_a_cart_takes_no_cart_that_was_changed_since(self, carts, dynamodb):
        carts.set_quantity(ADA, None, "MUG", 2, a_name)
        as_priced = carts.read(ADA, None)
        carts.set_quantity(ADA, None, "TENT", 1, a_name)

        with pytest.raises(ClientError, match="TransactionCanceledException"):
            dynamodb.transact_write_items(TransactItems=[carts.taking(as_priced, "ord_1", "checkout-1")])

        assert carts.read(ADA, None).lines == {"MUG": 2, "TENT": 1}

    def test_ordering_a_cart_is_forgotten_with_an_expired_cart(self, carts, dynamodb, clock):
        carts.set_quantity(ADA, None, "MUG", 2, a_name)
        dynamodb.transact_write_items(TransactItems=[carts.taking(carts.read(ADA, None), "ord_1", "checkout-1")])
        clock.now += LIFETIME

        assert not carts.read(ADA, None).was_just_ordered


class InterruptedStore:
    """Before each of the first saves, a concurrent request adds one unit to Ada's cart."""

    def __init__(self, store, times):
        self._store = store
        self._times = times
        self.get, self.get_many = store.get, store.get_many

    def save(self, cart):
        self._interrupt()
        return self._store.save(cart)

    def save_both(self, one, other):
        self._interrupt()
        return self._store.save_both(one, other)

    def _interrupt(self):
        if self._times:
            self._times -= 1
            cart = self._store.get(customer_cart_id("ada")) or a_cart()
            self._store.save(cart.with_quantity("ELSEWHERE", cart.lines.get("ELSEWHERE", 0) + 1))
