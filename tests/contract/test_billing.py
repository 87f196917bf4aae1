"""Documents are numbered once and without a gap, and their files are written once."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import boto3
import pytest

from chalicelib.billing.model import Cause, Credit, CreditNoteMissing, DocumentKind, DocumentNotFound, InvoiceNotReady
from chalicelib.billing.service import PAGE_SIZE, Billing
from chalicelib.billing.store import BillingStore
from chalicelib.orders.model import Status
from chalicelib.platform.documents import Documents
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.shop import FILE, Shop
from tests.builders import a_line, an_order_in

BUCKET = "documents"
SHOP = Shop.model_validate_json(FILE.read_bytes())
NEW_YEARS_EVE = datetime(2030, 12, 31, 22, 30, tzinfo=UTC)
RETURNED = Credit(reference="ret_1", amount=2410, cause=Cause.RETURN, quantities={"MUG-01": 2})


@pytest.fixture
def s3(mocked_aws):
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    yield client
    boto3.resource("s3").Bucket(BUCKET).objects.delete()
    client.delete_bucket(Bucket=BUCKET)


class OneCallAtATime:
    """moto's transactions are not atomic: a failing one reverts concurrent writes."""

    def __init__(self, client):
        self._client, self._lock = client, threading.Lock()

    def __getattr__(self, name):
        def call(**request):
            with self._lock:
                return getattr(self._client, name)(**request)

        return call


@pytest.fixture
def store(dynamodb, new_table):
    return BillingStore(OneCallAtATime(dynamodb), new_table("BillingTable"))


@pytest.fixture
def billing(store, s3, clock):
    clock.now = NEW_YEARS_EVE
    return Billing(store, Documents(s3, BUCKET), SHOP, clock)


def completed(order_id="ord_1"):
    return an_order_in(Status.COMPLETED, order_id, lines=[a_line("MUG-01", quantity=3, price=1205)])


def file_of(s3, number):
    return s3.get_object(Bucket=BUCKET, Key=f"invoices/{number}.html")["Body"].read().decode()


def test_document_that_another_issued_first_takes_no_second_number(billing, store):
    first = billing.invoice(completed())
    number = first.number.model_copy(update={"sequence": 2})

    assert not store.add(first.model_copy(update={"number": number}))

    assert store.find("ord_1", DocumentKind.INVOICE, first.reference).document.number.sequence == 1


def test_number_that_another_document_took_is_not_taken_again(billing, store):
    for issued in [billing.invoice(completed(order_id)) for order_id in ("ord_1", "ord_2")]:
        assert not store.add(issued.model_copy(update={"order_id": "ord_3"}))


def test_invoices_issued_at_once_are_numbered_without_a_gap(billing):
    orders = [completed(f"ord_{n}") for n in range(20)]

    with ThreadPoolExecutor(20) as pool:
        documents = list(pool.map(billing.invoice, orders))

    assert sorted(each.number.sequence for each in documents) == list(range(1, 21))
    again = [billing.invoice(order).number for order in orders]
    assert again == [each.number for each in documents]


def test_invoice_asked_for_many_times_at_once_is_issued_once(billing, store):
    with ThreadPoolExecutor(8) as pool:
        documents = list(pool.map(lambda _: billing.invoice(completed()), range(8)))

    assert {str(each.number) for each in documents} == {"INV-2030-000001"}
    assert store.last(DocumentKind.INVOICE, 2030) == 1


def test_invoice_whose_number_another_takes_meanwhile_gets_the_next_one(billing, store, monkeypatch):
    last = store.last

    def overtaken(*series):
        monkeypatch.undo()
        found = last(*series)
        billing.invoice(completed("ord_2"))
        return found

    monkeypatch.setattr(store, "last", overtaken)

    assert str(billing.invoice(completed("ord_1")).number) == "INV-2030-000002"


def test_series_begins_again_with_the_year_of_the_shops_time_zone(billing, clock):
    before = billing.invoice(completed("ord_1"))
    clock.now = datetime(2030, 12, 31, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
    after = billing.invoice(completed("ord_2"))

    assert [str(each.number) for each in (before, after)] == ["INV-2030-000001", "INV-2031-000001"]
    assert after.issued_on.isoformat() == "2031-01-01"


def test_file_is_written_by_the_next_run_after_a_crash(billing, store, s3, monkeypatch):
    def crash(*_):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(billing._documents, "write_once", crash)
        with pytest.raises(ConnectionError):
            billing.invoice(completed())
    assert billing.of_order("ord_1") == [], "it cannot be read yet"

    document = billing.invoice(completed())

    assert str(document.number) == "INV-2030-000001"
    assert "INV-2030-000001" in file_of(s3, document.number)
    assert [each.number for each in billing.of_order("ord_1")] == [document.number]


def test_file_that_was_written_is_never_overwritten(billing, store, s3, monkeypatch):
    document = billing.invoice(completed())
    written = file_of(s3, document.number)
    key = {"pk": "ORDER#ord_1", "sk": "INVOICE#"}
    store._db.update_item(TableName=store._table, Key=key, UpdateExpression="REMOVE filed")
    monkeypatch.setattr("chalicelib.billing.service.rendered", lambda document: "other content")

    billing.invoice(completed())

    assert file_of(s3, document.number) == written


def test_credit_note_is_numbered_in_its_own_series_and_refers_to_the_invoice(billing):
    billing.invoice(completed("ord_0"))

    notes = [billing.credit(completed(), RETURNED) for _ in range(2)]

    assert {str(note.number) for note in notes} == {"CN-2030-000001"}
    assert notes[0].refers_to == "INV-2030-000002", "the invoice is issued first if it is not there"
    assert notes[0].total.amount == 2410
    assert [str(each.number) for each in billing.of_order("ord_1")] == ["INV-2030-000002", "CN-2030-000001"]


def test_refund_that_failed_reverses_its_credit_note_once(billing):
    billing.credit(completed(), RETURNED)

    reversals = [billing.reverse(completed(), "re_1", "ret_1") for _ in range(2)]

    assert {str(each.number) for each in reversals} == {"RV-2030-000001"}
    assert (reversals[0].refers_to, reversals[0].total.amount) == ("CN-2030-000001", 2410)


def test_refund_that_was_retried_and_failed_again_reverses_its_own_credit_note(billing):
    billing.credit(completed(), RETURNED)
    billing.reverse(completed(), "re_1", "ret_1")
    retried = billing.credit(completed(), Credit(reference="re_2", amount=2410, cause=Cause.REFUND))

    assert billing.reverse(completed(), "re_2", "ret_1").refers_to == str(retried.number)


def test_reversal_without_a_credit_note_is_tried_again_later(billing):
    with pytest.raises(CreditNoteMissing):
        billing.reverse(completed(), "re_1", None)


def test_documents_are_opened_by_a_short_lived_url_of_their_own_order(billing):
    billing.invoice(completed("ord_1"))
    billing.invoice(completed("ord_2"))

    assert "/invoices/INV-2030-000001.html?" in billing.address("ord_1", "INV-2030-000001")
    assert billing.invoice_address("ord_2").partition("?")[0].endswith("INV-2030-000002.html")
    with pytest.raises(DocumentNotFound):
        billing.address("ord_1", "INV-2030-000002")
    with pytest.raises(InvoiceNotReady):
        billing.invoice_address("ord_3")


def test_list_of_a_series_is_newest_first_in_pages(billing):
    for n in range(PAGE_SIZE + 1):
        billing.invoice(completed(f"ord_{n}"))

    first, cursor = billing.page(DocumentKind.INVOICE, None, None)
    second, end = billing.page(DocumentKind.INVOICE, 2030, cursor)

    assert [each.number.sequence for each in first + second] == list(range(PAGE_SIZE + 1, 0, -1))
    assert end is None
    assert billing.page(DocumentKind.INVOICE, 2029, None) == ([], None)


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1e3", "٣", "12345678901"])
def test_list_of_a_series_refuses_a_cursor_it_did_not_give(billing, cursor):
    with pytest.raises(CursorInvalid):
        billing.page(DocumentKind.INVOICE, None, cursor)


def test_stored_document_keeps_everything_that_was_issued(billing, store):
    issued = billing.invoice(completed())

    assert store.find("ord_1", DocumentKind.INVOICE, "").document == issued
    assert json.loads(issued.model_dump_json())["seller"]["legal_name"] == SHOP.seller.legal_name
    assert re.fullmatch(r"INV-\d{4}-\d{6}", str(issued.number))
