"""Checkout on the running shop: one cart is one order, at the price that was shown, within the provider's limits."""

import threading
import time
import uuid

import pytest

from infra.commands.client import ADDRESS, Buyer


def post(buyer, **changes):
    body = {"shipping_address": ADDRESS, "payment_method": "pm_card_visa", "email": "ida@sagasupply.example"}
    asked = {name: value for name, value in (body | changes).items() if value is not None}
    reply = buyer.call("POST", "/orders", asked, {"Idempotency-Key": str(uuid.uuid4())})
    if reply.status == 202:
        buyer.order_tokens[reply.body["order_id"]] = reply.body["order_token"]
    return reply


def stock_of(buyer, sku):
    return buyer.call("GET", f"/products/{sku}").body["available"]


@pytest.mark.parametrize("seconds_apart", [0, 0.1])
def test_cart_with_two_idempotency_keys_creates_one_order(guest, sandbox, new_product, seconds_apart):
    """tests/contract/test_checkout_races.py runs every interleaving of these calls."""
    sku = new_product(5, price=1000)
    guest.put_in_cart(sku, 1)
    replies = []

    def buy(after):
        time.sleep(after)
        replies.append(guest.check_out())

    tabs = [threading.Thread(target=buy, args=(n * seconds_apart,)) for n in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    accepted, refused = sorted(replies, key=lambda reply: reply.status)
    assert (accepted.status, refused.status, refused.body["code"]) == (202, 409, "cart_already_ordered")
    assert refused.body["order_id"] == accepted.body["order_id"]
    guest.ended(accepted.body["order_id"])
    assert sandbox.kept(accepted.body["order_id"]) == 1000
    assert guest.call("GET", "/cart").body["lines"] == []
    assert stock_of(guest, sku) == 4


def test_changed_total_is_refused_with_the_new_quote(guest, admin, new_product):
    sku = new_product(5, price=1000)
    guest.put_in_cart(sku, 1)
    shown = guest.call("GET", "/cart").body["total"]
    product = guest.call("GET", f"/products/{sku}").body
    raised = {name: product[name] for name in ("name", "description", "category", "image")}
    raised["price"] = {"amount": 9000, "currency": "EUR"}
    assert admin.call("PUT", f"/admin/products/{sku}", raised).status == 200

    refused = post(guest, expected_total=shown)

    assert (refused.status, refused.body["code"]) == (409, "total_changed")
    assert refused.body["quote"]["total"] == raised["price"]
    assert [line["sku"] for line in refused.body["quote"]["lines"]] == [sku]
    accepted = post(guest, expected_total=refused.body["quote"]["total"])
    assert (accepted.status, accepted.body["total"]) == (202, raised["price"])
    guest.ended(accepted.body["order_id"])


def test_free_order_completes_and_is_returned_without_a_payment(guest, sandbox, new_product, eventually):
    sku = new_product(3, price=0)
    guest.put_in_cart(sku, 2)

    order_id = post(guest, payment_method=None).body["order_id"]

    order = guest.ended(order_id)
    assert (order["status"], order["payment"]["captured"]) == ("COMPLETED", 0)
    assert sandbox.payments(order_id) == []
    assert guest.give_back(order_id).body["refund"]["amount"] == 0
    eventually(lambda: guest.order(order_id)["status"] == "RETURNED")
    assert stock_of(guest, sku) == 3


def test_totals_beyond_the_providers_limits_are_refused(guest, new_product):
    small, large = new_product(9, price=20), new_product(9, price=99_999_999)
    for sku, quantity, code in ((small, 2, "total_too_small"), (large, 2, "total_too_large")):
        guest.put_in_cart(sku, quantity)
        refused = post(guest)
        assert (refused.status, refused.body["code"]) == (422, code)
        assert guest.call("DELETE", f"/cart/items/{sku}").body["lines"] == []


def test_cart_line_of_a_removed_product_is_shown_as_unavailable(guest, new_product, table):
    gone, there = new_product(3, price=1000), new_product(3, price=700)
    guest.put_in_cart(gone, 2)
    guest.put_in_cart(there, 1)
    table("ProductsTableName").delete_item(Key={"sku": gone})

    cart = guest.call("GET", "/cart").body

    line = next(line for line in cart["lines"] if line["sku"] == gone)
    assert (line["unavailable"], line["quantity"], line["name"]) == (True, 2, f"Test piece {gone}")
    assert cart["total"]["amount"] == 700
    refused = post(guest, expected_total=cart["total"])
    assert (refused.status, refused.body["code"]) == (409, "product_unavailable")
    assert [each["sku"] for each in refused.body["unavailable"]] == [gone]
    assert guest.call("DELETE", f"/cart/items/{gone}").body["total"]["amount"] == 700
    guest.ended(post(guest).body["order_id"])


def test_cart_claim_reports_the_remainder_and_keeps_it(guest, customer, opened, new_product):
    sku = new_product(50)
    customer.put_in_cart(sku, 15)
    guest.put_in_cart(sku, 15)
    claim = {"X-Cart-Token": guest.cart_token}

    for _ in range(2):
        claimed = customer.call("POST", "/cart/claim", headers=claim).body
        assert {line["sku"]: line["quantity"] for line in claimed["lines"]}[sku] == 20
        assert claimed["not_taken_over"] == [{"sku": sku, "quantity": 10}]

    assert [line["quantity"] for line in guest.call("GET", "/cart").body["lines"]] == [10]
    customer.call("DELETE", f"/cart/items/{sku}")
    assert customer.call("POST", "/cart/claim", headers=claim).body["not_taken_over"] == []
    customer.call("DELETE", f"/cart/items/{sku}")


def test_checkout_on_two_devices_orders_a_cart_once(customer, opened, new_product):
    sku = new_product(5)
    other = Buyer(opened["api_url"], token=customer.token)
    customer.put_in_cart(sku, 1)
    assert [line["sku"] for line in other.call("GET", "/cart").body["lines"]] == [sku]

    replies = [device.check_out() for device in (customer, other)]

    assert [(reply.status, reply.body.get("code")) for reply in replies] == [
        (202, None),
        (409, "cart_already_ordered"),
    ]
    customer.ended(replies[0].body["order_id"])
