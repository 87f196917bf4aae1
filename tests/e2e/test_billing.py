"""Invoices and credit notes of real orders: issued once, open to the owner and to admins."""

import json
import re
import urllib.request

import pytest

from chalicelib.orders.numbers import number_of


@pytest.fixture
def documents(eventually):
    """Return a function that waits until an order has this number of documents and returns them."""

    def of(buyer, order_id, count):
        def there():
            items = link(buyer, order_id, "/documents").body["items"]
            return items if len(items) >= count else None

        return eventually(there)

    return of


def link(buyer, order_id, way):
    token = buyer.order_tokens.get(order_id)
    return buyer.call("GET", f"/orders/{order_id}{way}", headers={"X-Order-Token": token} if token else {})


def read(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_completed_order_has_an_invoice_and_its_return_a_credit_note(guest, admin, new_product, documents):
    order_id = guest.buy(new_product(2, price=1205), 2)
    guest.ended(order_id)
    [invoice] = documents(guest, order_id, 1)
    guest.give_back(order_id)
    [_, note] = documents(guest, order_id, 2)

    assert (invoice["kind"], invoice["total"]["amount"]) == ("INVOICE", 2410)
    assert (note["kind"], note["refers_to"], note["total"]["amount"]) == ("CREDIT_NOTE", invoice["number"], 2410)
    kind, page = read(link(guest, order_id, f"/documents/{invoice['number']}").body["url"])
    assert kind.startswith("text/html")
    for text in (invoice["number"], f"Order {number_of(order_id)}", "Ida Sand", "Havnegata 1", "24.10 EUR", "VAT ID"):
        assert text in page
    assert not re.search(r'(src|href)="', page), "it needs nothing else"
    assert note["number"] in read(link(guest, order_id, f"/documents/{note['number']}").body["url"])[1]
    for each in (invoice, note):
        listed = admin.must("GET", f"/admin/documents?kind={each['kind']}")
        assert each in listed["items"] and listed["time_zone"]
        assert link(admin, order_id, f"/documents/{each['number']}").status == 200


def test_completion_delivered_again_takes_no_second_number(
    guest, admin, new_product, engine, resource, outbox_event, documents, eventually
):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    [invoice] = documents(guest, order_id, 1)
    sqs, url = engine.session.client("sqs"), resource("InvoicesQueue")
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(outbox_event(order_id, "OrderCompleted")))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    eventually(
        lambda: set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"}
    )

    assert documents(guest, order_id, 1) == [invoice]
    assert admin.must("GET", "/admin/documents")["items"][0]["number"] == invoice["number"]


def test_order_that_was_cancelled_has_no_invoice(guest, new_product):
    order_id = guest.buy(new_product(1), card="pm_card_visa_chargeDeclined")
    guest.ended(order_id)

    answer = link(guest, order_id, "/invoice")

    assert (answer.status, answer.body["code"]) == (409, "invoice_not_ready")
    assert link(guest, order_id, "/documents").body["items"] == []
    assert link(guest, order_id, "/documents/INV-2030-000001").body["code"] == "document_not_found"


def test_invoice_opens_by_a_short_lived_url_to_its_buyer_only(guest, customer, new_product, documents, opened):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    [invoice] = documents(guest, order_id, 1)

    for way in ("/invoice", "/documents", f"/documents/{invoice['number']}"):
        assert customer.call("GET", f"/orders/{order_id}{way}").status == 404
        assert guest.call("GET", f"/orders/{order_id}{way}").status == 401
    assert customer.call("GET", "/admin/documents").status == 403
    signed = link(guest, order_id, "/invoice").body["url"]
    assert opened["stack"]["DocumentsBucketName"] in signed
    assert "X-Amz-Signature" in signed and "X-Amz-Expires=300" in signed


@pytest.mark.parametrize("query", ["kind=RECEIPT", "year=1999", "year=soon", "cursor=x", "cursor=-1"])
def test_list_of_documents_refuses_bad_queries(admin, query):
    assert 400 <= admin.call("GET", f"/admin/documents?{query}").status < 500
