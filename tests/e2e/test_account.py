"""The customer's own account over HTTP: address book, password, export and deletion."""

import time
import uuid

import pytest

from infra.commands.client import ADDRESS, Buyer

OURS, NEW_PASSWORD = {"X-Session-Request": "1"}, "another-quiet-evening"
HOME = ADDRESS | {"phone": "+4722123456"}


@pytest.fixture
def owner(opened, engine):
    """Return a new customer with a session; `email` and `password` are attributes."""
    email, password = f"owner-{uuid.uuid4().hex[:8]}@example.com", "a-quiet-evening"
    pool = {"UserPoolId": opened["stack"]["UserPoolId"], "Username": email}
    cognito = engine.session.client("cognito-idp")
    verified = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    cognito.admin_create_user(**pool, UserAttributes=verified, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**pool, Password=password, Permanent=True)
    buyer = Buyer(opened["api_url"]).signed_in(email, password)
    buyer.email, buyer.password = email, password
    return buyer


def test_address_book_is_kept_and_belongs_to_its_customer(owner, customer, guest):
    body = {"address": HOME, "is_default": False}
    assert owner.call("PUT", "/me/addresses/home", body).status == 200
    [known] = owner.must("GET", "/me/addresses")["items"]
    assert (known["id"], known["is_default"], known["address"]["phone"]) == ("home", True, HOME["phone"])
    assert known["label"][0] == HOME["name"]
    assert "home" not in [each["id"] for each in customer.must("GET", "/me/addresses")["items"]]
    assert guest.call("GET", "/me/addresses").status == 401
    refused = owner.call("PUT", "/me/addresses/home", {"address": HOME | {"phone": "x"}})
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "address.phone")
    assert owner.call("PUT", "/me/addresses/a.b", body).body["code"] == "address_id_invalid"
    for number in range(9):
        owner.must("PUT", f"/me/addresses/{number}", {"address": HOME | {"name": f"No {number}"}})
    full = owner.call("PUT", "/me/addresses/more", {"address": HOME | {"name": "One more"}})
    assert (full.status, full.body["code"]) == (409, "address_book_full")
    assert len(owner.must("DELETE", "/me/addresses/home")["items"]) == 9


def test_password_is_changed_with_the_present_one(owner, guest):
    wrong = owner.call("PUT", "/me/password", {"current_password": "not-the-right-one", "new_password": NEW_PASSWORD})
    assert (wrong.status, wrong.body["code"]) == (422, "password_wrong")
    changed = owner.call("PUT", "/me/password", {"current_password": owner.password, "new_password": NEW_PASSWORD})
    assert changed.status == 200 and "saga_refresh=" in changed.headers["set-cookie"]
    assert Buyer(owner.api_url, token=changed.body["id_token"]).call("GET", "/me/points").status == 200
    sign_in = {"email": owner.email, "password": owner.password}
    assert guest.call("POST", "/session", sign_in, OURS).body["code"] == "credentials_refused"
    assert guest.call("POST", "/session", sign_in | {"password": NEW_PASSWORD}, OURS).status == 200


def test_account_is_exported_and_deleted_with_the_buyer_in_its_orders(owner, admin, guest, new_product):
    """The order is deleted from the account once all that follows from it is done; its books stay balanced."""
    owner.must("PUT", "/me/addresses/home", {"address": HOME})
    order_id = owner.buy(new_product(1, price=2500))
    early = owner.call("POST", "/me/deletion", {"password": owner.password})
    assert (early.status, early.body["code"]) == (409, "orders_under_way")
    owner.ended(order_id)
    exported = owner.must("GET", "/me/export")
    assert (exported["profile"]["email"], exported["addresses"][0]["name"]) == (owner.email, HOME["name"])
    assert [(each["order_id"], each["payment"]["captured"]) for each in exported["orders"]] == [(order_id, 2500)]

    while (reply := owner.call("POST", "/me/deletion", {"password": owner.password})).status == 409:
        time.sleep(0.5)

    assert reply.status == 200 and "Max-Age=0" in reply.headers["set-cookie"]
    assert owner.call("POST", "/me/deletion", {"password": owner.password}).status == 200
    assert owner.must("GET", "/me/addresses")["items"] == owner.must("GET", "/orders")["items"] == []
    sign_in = {"email": owner.email, "password": owner.password}
    assert guest.call("POST", "/session", sign_in, OURS).body["code"] == "credentials_refused"
    kept = admin.must("GET", f"/orders/{order_id}")
    assert (kept["status"], kept["payment"]["captured"], kept["shipping_address"]["line1"]) == (
        "COMPLETED",
        2500,
        "(erased)",
    )
    assert owner.email not in str(kept) and HOME["name"] not in str(kept)
