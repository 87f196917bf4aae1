"""Payments and shipments are changed only in the version that was read, by the fake as by DynamoDB."""

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
        {"status": PaymentStatus.CAPTURED, "captured": 2500, "failed": {"capture": 1, "ret_1": 2}, "disputed": True},
    ),
    "shipments": (
        ShipmentStore,
        "ShipmentsTable",
        SHIPMENT,
        {"status": ShipmentStatus.DISPATCHED, "carrier": "Pigeon"},
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
def changes(case):
    return case[3]


def test_store_has_no_record_before_its_creation(store):
    assert store.get("ord_1") is None


def test_store_returns_the_created_record(store, first):
    assert store.create(first)
    assert store.get("ord_1") == first


def test_record_is_created_once(store, first, changes):
    store.create(first)

    assert not store.create(first.model_copy(update=changes))
    assert store.get("ord_1") == first


def test_equal_record_is_created_once(store, first):
    store.create(first)

    assert not store.create(first.model_copy())


def test_record_is_replaced_in_the_version_that_was_read(store, first, changes):
    store.create(first)

    replaced = store.replace(first, **changes)

    assert replaced == first.model_copy(update=changes | {"version": 2})
    assert store.get("ord_1") == replaced


def test_record_is_replaced_again_in_its_new_version(store, first, changes):
    store.create(first)
    replaced = store.replace(first, **changes)

    assert store.replace(replaced, status=first.status).version == 3
    assert store.get("ord_1") == first.model_copy(update=changes | {"version": 3, "status": first.status})


def test_record_is_not_replaced_in_an_older_version(store, first, changes):
    store.create(first)
    replaced = store.replace(first, **changes)

    assert store.replace(first) is None
    assert store.get("ord_1") == replaced


def test_equal_record_is_not_replaced_in_an_older_version(store, first):
    store.create(first)
    store.replace(first)

    assert store.replace(first) is None
    assert store.get("ord_1").version == 2


def test_changes_never_set_the_version_back(store, first):
    store.create(first)
    store.replace(first)

    assert store.replace(store.get("ord_1"), **dict(first)).version == 3


def test_unknown_record_cannot_be_replaced(store, first, changes):
    assert store.replace(first, **changes) is None
    assert store.get("ord_1") is None


def test_orders_do_not_meet(store, first):
    store.create(first)

    assert store.create(first.model_copy(update={"order_id": "ord_2"}))
    assert store.get("ord_3") is None


@pytest.mark.parametrize("store", ["dynamodb"], indirect=True)
@pytest.mark.parametrize("case", ["payments"], indirect=True)
def test_tombstone_of_a_void_without_a_payment_is_stored(store):
    tombstone = Payment(order_id="ord_1", status=PaymentStatus.VOIDED)

    assert store.create(tombstone)
    assert store.get("ord_1") == tombstone
