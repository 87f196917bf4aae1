"""The customer's own account over HTTP: the address book."""

import uuid

import pytest

from infra.commands.client import ADDRESS, Buyer

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
