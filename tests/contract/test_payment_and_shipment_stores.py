"""Payments and shipments are changed only from the status that was read, by the fake as by DynamoDB."""

import pytest

from chalicelib.payments.model import Payment, PaymentStatus
from chalicelib.payments.store import PaymentStore
from chalicelib.shipping.model import Shipment, ShipmentStatus
from chalicelib.shipping.store import ShipmentStore
from tests.builders import euros
from tests.fakes import FakeStore

PAYMENT = Payment(order_id="ord_1", status=PaymentStatus.CREATED, intent_id="pi_1", amount=euros(2500))
SHIPMENT = Shipment(order_id="ord_1", status=ShipmentStatus.REQUESTED, task_token="token-1")
CASES = {
    "payments": (
        PaymentStore,
        "PaymentsTable",
        PAYMENT,
        PAYMENT.model_copy(update={"status": PaymentStatus.AUTHORIZED}),
    ),
    "shipments": (
        ShipmentStore,
        "ShipmentsTable",
        SHIPMENT,
        SHIPMENT.model_copy(update={"status": ShipmentStatus.DISPATCHED, "carrier": "Pigeon"}),
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture(params=["dynamodb", "fake"])
def store(request, case, dynamodb, new_table):
    kind, table, _, _ = case
    return FakeStore() if request.param == "fake" else kind(dynamodb, new_table(table))


@pytest.fixture
def first(case):
    return case[2]


@pytest.fixture
def later(case):
    return case[3]


def test_knows_nothing_before_it_is_created(store):
    assert store.get("ord_1") is None


def test_gives_back_what_was_created(store, first):
    assert store.create(first)
    assert store.get("ord_1") == first


def test_is_created_once(store, first, later):
    store.create(first)

    assert not store.create(later)
    assert store.get("ord_1") == first


def test_is_created_once_even_if_it_looks_the_same(store, first):
    store.create(first)

    assert not store.create(first.model_copy())


def test_is_replaced_from_the_status_that_was_read(store, first, later):
    store.create(first)

    assert store.replace(first, later)
    assert store.get("ord_1") == later


def test_is_not_replaced_from_a_status_that_has_passed(store, first, later):
    store.create(first)
    store.replace(first, later)

    assert not store.replace(first, first)
    assert store.get("ord_1") == later


def test_is_replaced_by_another_in_the_same_status(store, first):
    store.create(first)

    assert store.replace(first, first.model_copy())


def test_what_was_never_created_cannot_be_replaced(store, first, later):
    assert not store.replace(first, later)
    assert store.get("ord_1") is None


def test_orders_do_not_meet(store, first):
    store.create(first)

    assert store.create(first.model_copy(update={"order_id": "ord_2"}))
    assert store.get("ord_3") is None


@pytest.mark.parametrize("store", ["dynamodb"], indirect=True)
@pytest.mark.parametrize("case", ["payments"], indirect=True)
def test_the_sign_of_a_void_without_a_payment_can_be_kept(store):
    tombstone = Payment(order_id="ord_1", status=PaymentStatus.VOIDED)

    assert store.create(tombstone)
    assert store.get("ord_1") == tombstone
