"""Attacks: access to other buyers' orders and carts, read-only fields in requests, and header injection."""

import base64
import http.client
import json
import uuid
from urllib.parse import quote, urlsplit

import pytest

from infra.commands import mail
from infra.commands.client import ADDRESS, Buyer

WAYS = [
    ("GET", ""),
    ("GET", "/invoice"),
    ("GET", "/documents"),
    ("GET", "/documents/INV-2030-000001"),
    ("POST", "/cancel"),
    ("POST", "/return"),
]
CHEAP = {"amount": 1, "currency": "EUR"}


@pytest.fixture(scope="module")
def guests(opened):
    """Return two buyers, each with an order that has ended."""
    pair = Buyer(opened["api_url"]), Buyer(opened["api_url"])
    sku = next(p["sku"] for p in pair[0].must("GET", "/products?category=camp")["items"] if p["available"] > 5)
    for buyer in pair:
        buyer.ended(buyer.buy(sku))
    return pair


@pytest.mark.parametrize(("method", "way"), WAYS)
def test_foreign_order_is_not_readable(guests, customer, method, way):
    owner, other = guests
    (order_id, own), (_, theirs) = (*owner.order_tokens.items(), *other.order_tokens.items())
    before = owner.order(order_id)

    def ask(buyer, token=None):
        headers = {"X-Order-Token": token} if token else {}
        reply = buyer.call(method, f"/orders/{order_id}{way}", headers=headers)
        return reply.status, reply.body["code"]

    assert ask(other) == (401, "order_token_required")
    for token in (theirs, owner.cart_token, "order_" + "0" * 64, own.upper(), order_id, "' OR 1=1 --"):
        assert ask(other, token) == (404, "order_not_found"), token
    assert ask(customer) == (404, "order_not_found")
    assert owner.order(order_id) == before


def test_foreign_cart_is_neither_readable_nor_orderable(guest, customer, new_product):
    """A signed-in customer has their own cart, regardless of the cart token."""
    sku = new_product(2)
    guest.put_in_cart(sku)
    before = guest.call("GET", "/cart").body
    theirs = {"X-Cart-Token": guest.cart_token}
    assert sku not in [line["sku"] for line in customer.call("GET", "/cart", headers=theirs).body["lines"]]
    customer.call("DELETE", f"/cart/items/{sku}", headers=theirs)
    customer.call("PUT", f"/cart/items/{sku}", {"quantity": 2}, headers=theirs)
    customer.call("DELETE", f"/cart/items/{sku}")
    assert guest.call("GET", "/cart").body == before


def _subject(token):
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]


class TestFieldsThatNobodyMaySet:
    """Each body contains read-only fields beside the expected ones. None has an effect."""

    def test_forbidden_fields_of_an_order_have_no_effect(self, guest, customer, new_product):
        guest.put_in_cart(new_product(1, price=2500))
        theirs = {name: f"ord_{'0' * 24}" for name in ("id", "order_id", "pk")}
        line = {"sku": "CAMP-KETTLE-01", "quantity": 20, "unit_price": CHEAP}
        greedy = {"total": CHEAP, "amount": 1, "currency": "XXX", "lines": [line], "status": "COMPLETED", "reason": "x"}
        owned = {
            "customer_id": _subject(customer.token),
            "role": "admin",
            "order_token": "order_" + "0" * 64,
            "refunded": 2500,
        }
        asked = {"email": "a@example.com", "payment_method": "pm_card_visa", "shipping_address": ADDRESS}
        slipped_in = asked | {"shipping_address": ADDRESS | greedy}
        assert guest.call("POST", "/orders", slipped_in, {"Idempotency-Key": "k"}).status == 422
        accepted = guest.call("POST", "/orders", theirs | greedy | owned | asked, {"Idempotency-Key": "k"})
        assert (accepted.status, accepted.body["status"]) == (202, "PLACED")
        assert accepted.body["total"] == {"amount": 2500, "currency": "EUR"}
        order_id = accepted.body["order_id"]
        assert order_id not in theirs.values() and accepted.body["order_token"] != owned["order_token"]
        guest.order_tokens[order_id] = accepted.body["order_token"]
        order = guest.ended(order_id)
        assert [(line["quantity"], line["unit_price"]["amount"]) for line in order["lines"]] == [(1, 2500)]
        assert (order["status"], order["payment"]["refunded"]) == ("COMPLETED", 0)
        assert order_id not in [each["order_id"] for each in customer.must("GET", "/orders")["items"]]
        assert set(order["shipping_address"]) == {*ADDRESS, "line2", "region", "phone"}

    def test_forbidden_fields_of_a_product_have_no_effect(self, admin, new_product):
        sku, other = new_product(0), new_product(3)
        answer = admin.must("GET", f"/products/{sku}")
        details = {name: answer[name] for name in ("name", "description", "price", "category", "image")}
        greedy = {"sku": other, "pk": other, "available": 999, "reserved": -5, "sold": 7, "received": 999}
        assert admin.must("PUT", f"/admin/products/{sku}", details | greedy)["sku"] == sku
        admin.must("POST", f"/admin/stock/{sku}", greedy | {"delta": 1})
        assert [admin.must("GET", f"/products/{each}")["available"] for each in (sku, other)] == [1, 3]

    def test_forbidden_fields_of_an_account_have_no_effect(self, guest, engine, opened):
        email = f"eve-{uuid.uuid4().hex[:8]}@example.com"
        greedy = {
            "groups": ["admin"], "cognito:groups": ["admin"], "role": "admin", "email_verified": True,
            "user_attributes": [{"Name": "email_verified", "Value": "true"}], "confirmed": True, "points": 1000,
        }  # fmt: skip
        assert guest.call("POST", "/accounts", greedy | {"email": email, "password": "A-long-story-1"}).status == 202
        cognito, pool = engine.session.client("cognito-idp"), opened["stack"]["UserPoolId"]
        (made,) = cognito.list_users(UserPoolId=pool, Filter=f'email = "{email}"')["Users"]
        answer = {each["Name"]: each["Value"] for each in made["Attributes"]}
        assert made["UserStatus"] == "UNCONFIRMED" and answer.get("email_verified", "false") == "false"
        assert cognito.admin_list_groups_for_user(UserPoolId=pool, Username=made["Username"])["Groups"] == []
        assert set(answer) <= {"sub", "email", "email_verified"}


LINES = [
    "\r\nX-Injected: yes",
    "\nX-Injected: yes",
    "\r\n\r\n<script>",
    "\u010d\u010aX-Injected: yes",
    "%0d%0aX-Injected: yes",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("place", ["api_url", "storefront_url"])
def test_line_break_in_an_address_begins_no_header(opened, place, line):
    """This includes responses of the edge with a redirect or a cookie."""
    base = urlsplit(opened[place])
    paths = (f"/products/{quote(line)}", f"/products?q={quote(line)}", f"/shop{quote(line)}", f"//x{quote(line)}/")
    for path in paths:
        answer = _asked(base, base.path + path)
        assert "X-Injected" not in answer.headers and "<script>" not in str(answer.headers), path
        assert answer.status < 500


def test_forged_host_header_does_not_change_links(guest, opened, new_product):
    """The link in an email has the shop's own host, and no response repeats the Host header."""
    guest.put_in_cart(new_product(1))
    base = urlsplit(opened["api_url"])
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}
    asked = {"email": "a@example.com", "payment_method": "pm_card_visa", "shipping_address": ADDRESS}
    headers = evil | {"X-Cart-Token": guest.cart_token, "Idempotency-Key": "k", "Origin": "https://evil.example"}
    answer = _asked(base, f"{base.path}/orders", "POST", json.dumps(asked), headers)
    accepted = json.loads(answer.text)
    assert answer.status == 202 and "evil" not in answer.text + str(answer.headers)
    guest.order_tokens[accepted["order_id"]] = accepted["order_token"]
    guest.ended(accepted["order_id"])
    emails = [
        email
        for email in mail.messages(opened["engine_url"], opened["account"])
        if accepted["order_id"] in email["BodyText"]
    ]
    assert emails and not any("evil" in json.dumps(email) for email in emails)


def _asked(base, path, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", base.port, timeout=30)
    connection.request(method, path, body, {"Host": base.netloc, **(headers or {})})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    return answer
