"""Catalog for admins: no lost update, no repeated effect, and no sale of a withdrawn product."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

DETAILS = {
    "name": "Ærø Pot",
    "description": "Clay",
    "price": {"amount": 500, "currency": "EUR"},
    "category": "kept",
    "image": "/pot.svg",
    "images": ["/a.svg"],
}


def euros(amount):
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture
def sku(admin):
    made = f"KEPT-{uuid.uuid4().hex[:8].upper()}"
    assert admin.call("PUT", f"/admin/products/{made}", DETAILS, {"If-None-Match": "*"}).status == 200
    return made


def test_archived_product_is_withdrawn_and_restored(admin, guest, sku):
    path = f"/admin/products/{sku}"
    admin.must("POST", f"/admin/stock/{sku}", {"delta": 5})
    assert admin.must("PATCH", path, {"archived": True})["archived"]
    shown = guest.must("GET", f"/products/{sku}")
    assert (shown["name"], shown["archived"], shown["available"]) == ("Ærø Pot", True, 0)
    assert guest.must("GET", f"/products?q={sku}")["items"] == []
    refused = guest.put_in_cart(sku)
    assert (refused.status, refused.body["code"]) == (409, "product_archived")
    assert [each["sku"] for each in admin.must("GET", f"/admin/products?archived=true&q={sku}")["items"]] == [sku]
    admin.must("PATCH", path, {"archived": False})
    assert [each["sku"] for each in guest.must("GET", "/products?category=kept&q=aero")["items"]].count(sku) == 1
    assert guest.put_in_cart(sku).status == 200


def test_search_finds_forms_and_typos_in_the_asked_order(admin, guest):
    marked, words = uuid.uuid4().hex[:8].upper(), {}
    for n, name in enumerate(("Zinc Ladles", "Zinc Kniphofia", "Ladle of Zinc")):
        words[name] = f"KEPT-{marked}-{n}"
        admin.must("PUT", f"/admin/products/{words[name]}", DETAILS | {"name": name, "price": euros(500 + n)})

    def names(query):
        found = guest.must("GET", f"/products?q={marked}%20{query}")
        return [each["name"] for each in found["items"]], found["did_you_mean"]

    assert names("ladle&sort=price_desc") == (["Ladle of Zinc", "Zinc Ladles"], None)
    assert names("zinc&sort=newest&min_price=501") == (["Ladle of Zinc", "Zinc Kniphofia"], None)
    assert names("kniphofai") == (["Zinc Kniphofia"], f"{marked.lower()} kniphofia")
    admin.must("PATCH", f"/admin/products/{words['Zinc Ladles']}", {"name": "Zinc Bowl"})
    assert names("ladles") == (["Ladle of Zinc"], None)
    for wrong in ("sort=name", "min_price=-1", "max_price=x", "min_price=2&max_price=1"):
        refused = guest.call("GET", f"/products?{wrong}")
        assert (refused.status, refused.body["code"]) == (422, "validation_failed")


def test_write_on_an_old_version_is_refused(admin, sku):
    path = f"/admin/products/{sku}"
    read = admin.call("GET", path)
    tag = {"If-Match": read.headers["etag"]}
    assert read.headers["etag"] == f'"{read.body["version"]}"'
    assert admin.call("PATCH", path, {"price": {"amount": 650, "currency": "EUR"}}, tag).status == 200
    for method, body in (("PUT", DETAILS | {"description": "New"}), ("PATCH", {"description": "New"})):
        late = admin.call(method, path, body, tag)
        assert (late.status, late.body["code"]) == (412, "product_changed")
    now = admin.call("GET", path)
    assert (now.body["price"]["amount"], now.body["description"], now.body["images"]) == (650, "Clay", ["/a.svg"])
    assert admin.call("PUT", path, DETAILS, {"If-None-Match": "*"}).body["code"] == "product_exists"
    assert admin.call("PATCH", path, {"name": None}).status == 422


def test_stock_change_sent_three_times_is_booked_once(admin, sku):
    key = {"Idempotency-Key": uuid.uuid4().hex}

    def send(_):
        return admin.call("POST", f"/admin/stock/{sku}", {"delta": 7}, key)

    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(send, range(3)))
    assert [(reply.status, reply.body) for reply in replies] == [(200, replies[0].body)] * 3
    levels = admin.must("GET", f"/admin/stock/{sku}")
    assert (levels["available"], [each["delta"] for each in levels["movements"]]) == (7, [7])
    other = admin.call("POST", f"/admin/stock/{sku}", {"delta": 8}, key)
    assert (other.status, other.body["code"]) == (409, "idempotency_conflict")
    assert admin.call("PUT", f"/admin/stock/{sku}", {"on_hand": 3}).body["available"] == 3


def test_redrive_sent_twice_answers_the_same(admin):
    queue = admin.must("GET", "/admin/queues")["items"][0]["name"]
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = (admin.call("POST", f"/admin/queues/{queue}/redrive", {}, key) for _ in range(2))
    assert first.status == 200 and first.body == second.body
    other = admin.call("POST", f"/admin/queues/{queue}/redrive", {"message_ids": ["a"]}, key)
    assert (other.status, other.body["code"]) == (409, "idempotency_conflict")
