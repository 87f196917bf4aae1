"""A guest opens an order from the email on any device, asks for a new link, and takes the order over."""

import json
import re

import pytest
from websockets.sync.client import connect

from chalicelib.order_updates.handshake import PROTOCOL
from chalicelib.orders.numbers import number_of
from infra.commands import mail
from infra.commands.client import Buyer
from infra.local import shop


@pytest.fixture
def mailed_links(opened, eventually):
    """Return a function that waits for this number of emails with a signed link to an order and returns the links."""

    def links(order_id, at_least):
        def found():
            sent = mail.messages(opened["engine_url"], opened["account"])
            return [m[1] for each in sent if (m := re.search(rf"/orders/{order_id}#link=(\S+)", each["BodyText"]))]

        eventually(lambda: len(found()) >= at_least)
        return found()

    return links


@pytest.fixture
def other_device(opened):
    return Buyer(opened["api_url"])


def test_link_in_an_email_opens_its_order_on_another_device(guest, new_product, mailed_links, other_device, opened):
    first, second = guest.buy(new_product(1)), guest.buy(new_product(1))
    guest.ended(first)
    headers = {"X-Order-Token": mailed_links(first, 1)[0]}

    assert other_device.call("GET", f"/orders/{first}", headers=headers).body["order_id"] == first
    refused = other_device.call("GET", f"/orders/{second}", headers=headers)
    assert (refused.status, refused.body["code"]) == (401, "link_invalid")
    protocols = [PROTOCOL, f"{first}.{headers['X-Order-Token']}"]
    with connect(opened["websocket_url"], origin=opened["storefront_url"], subprotocols=protocols) as line:
        line.send(json.dumps({"action": "subscribe", "order_id": first, "token": headers["X-Order-Token"]}))
        assert json.loads(line.recv(timeout=60))["order_id"] == first
    guest.ended(second)


def test_new_link_is_mailed_to_the_orders_address_only(guest, new_product, mailed_links, other_device, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    before = len(mailed_links(order_id, 2))
    wrong = {"order_id": order_id, "email": "other@else.example"}
    unknown = {"order_id": "ord_" + "0" * 24, "email": "ida@sagasupply.example"}
    right = {"order_id": number_of(order_id).lower(), "email": "IDA@sagasupply.example"}

    answers = [other_device.call("POST", "/orders/find", body) for body in (wrong, unknown, right)]

    assert [(each.status, each.body) for each in answers] == [(202, {"accepted": True})] * 3
    newest = mailed_links(order_id, before + 1)[-1]
    assert other_device.call("GET", f"/orders/{order_id}", headers={"X-Order-Token": newest}).status == 200
    assert len(mailed_links(order_id, before + 1)) == before + 1


def test_customer_claims_guest_orders_of_their_address(guest, new_product, mailed_links, other_device, opened, sign_in):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    link = mailed_links(order_id, 1)[0]
    ida = Buyer(opened["api_url"], sign_in(shop.CUSTOMER))
    keeper = Buyer(opened["api_url"], sign_in(shop.ADMIN))

    assert order_id in [each["order_id"] for each in ida.must("GET", "/orders/claimable")["items"]]
    assert keeper.call("POST", "/orders/claim", {"order_ids": [order_id]}).status == 404
    assert ida.must("POST", "/orders/claim", {"order_ids": [order_id]}) == {"order_ids": [order_id]}

    assert order_id in [each["order_id"] for each in ida.must("GET", "/orders")["items"]]
    revoked = other_device.call("GET", f"/orders/{order_id}", headers={"X-Order-Token": link})
    assert (revoked.status, revoked.body["code"]) == (401, "link_revoked")
    assert guest.order(order_id)["order_id"] == order_id
