"""Invalid requests: each returns a 4xx problem document with its own code and changes nothing."""

import pytest

from app import app
from chalicelib.platform import openapi
from infra.commands.client import ADDRESS, Buyer

assert app.routes, "importing the app declares all operations"

ORDER = {"email": "a@example.com", "shipping_address": ADDRESS, "payment_method": "pm_card_visa"}
KEY = {"Idempotency-Key": "a-key"}


def without(field):
    return {name: value for name, value in ORDER.items() if name != field}


def with_address(**changes):
    return ORDER | {"shipping_address": ADDRESS | changes}


@pytest.fixture(scope="module")
def filled_cart(opened):
    buyer = Buyer(opened["api_url"])
    sku = next(p["sku"] for p in buyer.call("GET", "/products").body["items"] if p["available"] > 5)
    assert buyer.put_in_cart(sku, 2).status == 200
    return buyer


def assert_problem(reply, status, code):
    assert (reply.status, reply.body["code"]) == (status, code), reply.body
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.body["title"] and reply.body["detail"] and reply.body["status"] == status


@pytest.mark.parametrize("quantity", [0, -1, 21, 10**30, 1.5, "3", None, True, [], {}, float("1e308")])
def test_quantities(filled_cart, quantity):
    before = filled_cart.call("GET", "/cart").body
    sku = before["lines"][0]["sku"]
    assert_problem(filled_cart.call("PUT", f"/cart/items/{sku}", {"quantity": quantity}), 422, "validation_failed")
    assert filled_cart.call("GET", "/cart").body == before


UNREADABLE = [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 20_000]


@pytest.mark.parametrize("body", [*UNREADABLE, b'{"quantity": NaN}', {}, {"quantity": "2"}, {"quantity": [2]}])
def test_invalid_bodies_are_refused_by_the_gateway(filled_cart, body):
    sku = filled_cart.call("GET", "/cart").body["lines"][0]["sku"]
    assert_problem(filled_cart.call("PUT", f"/cart/items/{sku}", body), 422, "validation_failed")


def test_field_that_is_missing_is_named_by_the_gateway(guest):
    reply = guest.call("PUT", "/cart/items/CAMP-AXE-01", {})
    assert_problem(reply, 422, "validation_failed")
    assert reply.body["errors"] == [
        {"field": "body", "message": '[object has missing required properties (["quantity"])]'}
    ]


@pytest.mark.parametrize("body", UNREADABLE[1:])
def test_bodies_that_may_be_absent_are_read_by_the_function(filled_cart, body):
    assert_problem(filled_cart.call("POST", "/orders/ord_1/return", body), 400, "body_not_json")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"quantity": 20, "quantity": 1}', 400, "json_key_duplicate"),
        (b'{"quantity": 1, "a": {"b": 1, "b": 2}}', 400, "json_key_duplicate"),
        (b'{"quantity": 1, "a": 1e999}', 422, "validation_failed"),
        (rb'{"quantity": 1, "a": "\ud800"}', 422, "validation_failed"),
    ],
)
def test_body_with_two_readings_or_an_unstorable_value_is_refused(filled_cart, body, status, code):
    before = filled_cart.call("GET", "/cart").body
    assert_problem(filled_cart.call("PUT", f"/cart/items/{before['lines'][0]['sku']}", body), status, code)
    assert filled_cart.call("GET", "/cart").body == before


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [500, 5_000])
def test_bodies_of_great_depth(filled_cart, opening, depth):
    """A deep body within the size limit is ignored like any unknown field if it can be parsed, or else refused."""
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    sku = filled_cart.call("GET", "/cart").body["lines"][0]["sku"]
    nest = opening * depth + b"1" + closing * depth
    changed = filled_cart.call("PUT", f"/cart/items/{sku}", b'{"quantity": 2, "a": ' + nest + b"}")
    assert changed.status in (200, 400, 422)
    returned = filled_cart.call("POST", "/orders/ord_1/return", b'{"lines": ' + nest + b"}")
    assert returned.status in (400, 401, 422) and returned.body["code"]
    answer = filled_cart.call("POST", "/webhooks/stripe", b'{"id": "evt_1", "type": "x", "a": ' + nest + b"}")
    assert answer.status in (400, 422) and answer.body["code"]


def test_body_that_is_too_large_is_refused(filled_cart):
    sku = filled_cart.call("GET", "/cart").body["lines"][0]["sku"]
    large = {"quantity": 1, "a": "x" * 40_000}
    assert_problem(filled_cart.call("PUT", f"/cart/items/{sku}", large), 413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [
        ORDER | {"email": "nobody"},
        ORDER | {"email": "a@b.co\r\nBcc: x@y.co"},
        ORDER | {"payment_method": "4242424242424242"},
        with_address(country="Norway"),
        with_address(name=""),
        with_address(country="ZZ"),
        with_address(country="US"),
        with_address(country="US", region="Bavaria", postal_code="94043"),
        with_address(name="\u202eadI"),
        with_address(line1="\u200b"),
        ORDER | {"email": "ida..sand@example.com"},
        ORDER | {"email": "jürgen@example.com"},
        with_address(name="x" * 101),
        with_address(city="Os\x00lo"),
    ],
)
def test_checkouts(filled_cart, body):
    before = filled_cart.call("GET", "/cart").body
    reply = filled_cart.call("POST", "/orders", body, KEY)
    assert_problem(reply, 422, "validation_failed")
    assert reply.body["errors"][0]["field"] and reply.body["errors"][0]["message"]
    assert filled_cart.call("GET", "/cart").body == before


@pytest.mark.parametrize(
    "body",
    [
        without("shipping_address"),
        without("payment_method"),
        ORDER | {"payment_method": 5},
        with_address(postal_code=None),
        ORDER | {"shipping_address": "Havnegata 1"},
    ],
)
def test_checkouts_of_another_shape(filled_cart, body):
    before = filled_cart.call("GET", "/cart").body
    assert_problem(filled_cart.call("POST", "/orders", body, KEY), 422, "validation_failed")
    assert filled_cart.call("GET", "/cart").body == before


@pytest.mark.parametrize("key", [None, "", "x" * 129, "två"])
def test_idempotency_keys(filled_cart, key):
    headers = {} if key is None else {"Idempotency-Key": key.encode().decode("latin-1")}
    assert_problem(filled_cart.call("POST", "/orders", ORDER, headers), 422, "idempotency_key_invalid")


def test_guest_must_give_an_email(filled_cart):
    assert_problem(filled_cart.call("POST", "/orders", without("email"), KEY), 422, "validation_failed")


def test_body_cannot_name_a_price_or_a_status(filled_cart):
    """Unknown fields are ignored, prices from the browser included."""
    before = filled_cart.call("GET", "/cart").body
    greedy = {"quantity": 2, "unit_price": {"amount": 1, "currency": "EUR"}}
    assert filled_cart.call("PUT", f"/cart/items/{before['lines'][0]['sku']}", greedy).body["total"] == before["total"]


def test_empty_cart_is_refused_at_checkout(guest):
    assert_problem(guest.call("POST", "/orders", ORDER, KEY), 422, "cart_empty")


@pytest.mark.parametrize("sku", ["NO-SUCH-THING", "category:camp", "x" * 3000, "%00", "a%2Fb", "ö"])
def test_unknown_products(guest, sku):
    from urllib.parse import quote

    path = sku if "%" in sku else quote(sku)
    for reply in (guest.call("GET", f"/products/{path}"), guest.call("PUT", f"/cart/items/{path}", {"quantity": 1})):
        assert 400 <= reply.status < 500 and reply.body["code"] in ("product_not_found", "route_not_found")


@pytest.mark.parametrize("token", ["", "x", "cart_" + "0" * 64, "cart_" + "g" * 64, "cart_" + "0" * 64 + "\n"])
def test_cart_tokens(opened, token):
    intruder = Buyer(opened["api_url"])
    headers = {"X-Cart-Token": token.strip("\n")}
    assert_problem(intruder.call("GET", "/cart", headers=headers), 401, "cart_token_invalid")
    written = intruder.call("PUT", "/cart/items/CAMP-KETTLE-01", {"quantity": 1}, headers=headers)
    assert written.status in (401, 404)


def test_operation_for_signed_in_callers_refuses_a_guest(guest):
    asked = 0
    for template, operations in openapi.document("/api")["paths"].items():
        for method, operation in operations.items():
            if operation["security"] != [{"customer": []}]:
                continue
            path = template
            for parameter in operation["parameters"]:
                path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "x")))
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            assert_problem(guest.call(method.upper(), path, body), 401, "sign_in_required")
            asked += 1
    assert asked > 40


def test_admins_only(guest, customer):
    product = {
        "name": "x",
        "description": "",
        "price": {"amount": 1, "currency": "EUR"},
        "category": "x",
        "image": "/x",
    }
    for method, path, body in (
        ("GET", "/admin/orders", None),
        ("POST", "/admin/orders/ord_1/cancel", {"cause": "SHOP_REQUEST", "why": "Mine"}),
        ("PUT", "/admin/products/X", product),
        ("POST", "/admin/stock/CAMP-KETTLE-01", {"delta": 1}),
    ):
        assert_problem(guest.call(method, path, body), 401, "sign_in_required")
        assert_problem(customer.call(method, path, body), 403, "admin_only")


@pytest.mark.parametrize(
    "change",
    [
        {"price": {"amount": -1, "currency": "EUR"}},
        {"price": {"amount": 1, "currency": "USD"}},
        {"price": {"amount": 1.5, "currency": "EUR"}},
        {"price": {"amount": 10**40, "currency": "EUR"}},
        {"image": "javascript:alert(1)"},
        {"image": "//elsewhere.example/x.png"},
        {"images": ["/x"] * 9},
        {"category": "No Spaces"},
        {"name": " "},
    ],
)
def test_products(admin, change):
    fine = {"name": "x", "description": "", "price": {"amount": 1, "currency": "EUR"}, "category": "x", "image": "/x"}
    assert_problem(admin.call("PUT", "/admin/products/BAD", fine | change), 422, "validation_failed")
    assert admin.call("GET", "/products/BAD").status == 404


@pytest.mark.parametrize("shards", [0, 17, 1.5, "2", None])
def test_stock_is_split_into_1_to_16_shards_only(admin, shards):
    assert_problem(admin.call("PUT", "/admin/stock/CAMP-AXE-01/shards", {"shards": shards}), 422, "validation_failed")


def test_stock_cannot_go_below_nothing(admin, new_product):
    sku = new_product(2)
    assert_problem(admin.call("POST", f"/admin/stock/{sku}", {"delta": -3}), 409, "stock_too_low")
    assert_problem(admin.call("POST", "/admin/stock/NO-SUCH-THING", {"delta": 3}), 404, "product_not_found")
    assert_problem(admin.call("PUT", "/admin/stock/NO-SUCH-THING/shards", {"shards": 2}), 404, "product_not_found")
    assert admin.call("GET", f"/products/{sku}").body["available"] == 2


@pytest.mark.parametrize("cursor", ["x", "e30=", "bnVsbA==", "WyJhIiwgImIiXQ==", "ö", "eyJza3UiOiAiIn0="])
def test_cursors(guest, customer, cursor):
    from urllib.parse import quote

    assert_problem(guest.call("GET", f"/products?cursor={quote(cursor)}"), 400, "cursor_invalid")
    assert_problem(customer.call("GET", f"/orders?cursor={quote(cursor)}"), 400, "cursor_invalid")


def test_repeated_parameter_is_refused(guest):
    reply = guest.call("GET", "/products?category=camp&category=kitchen")
    assert_problem(reply, 422, "validation_failed")
    assert reply.body["errors"] == [{"field": "category", "message": "Must be given at most once."}]


def test_unknown_routes_and_methods(guest):
    assert_problem(guest.call("GET", "/nothing-here"), 404, "route_not_found")
    assert_problem(guest.call("DELETE", "/products/CAMP-KETTLE-01"), 405, "method_not_allowed")


def test_logs_contain_no_personal_data(guest, engine, new_product):
    """A unique name, street, phone number and email address pass through every function and appear in no log line."""
    marker, phone = "Zebrastripe", "+4722123456"
    guest.put_in_cart(new_product(1), 1)
    address = ADDRESS | {"name": marker, "line1": marker, "phone": phone}
    body = ORDER | {"email": f"{marker}@example.com", "shipping_address": address}
    accepted = guest.call("POST", "/orders", body, KEY)
    guest.order_tokens[accepted.body["order_id"]] = accepted.body["order_token"]
    guest.ended(accepted.body["order_id"])
    guest.call("POST", "/orders", body | {"payment_method": "x"}, KEY)
    logs = engine.session.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    lines = [event["message"] for name in groups for event in logs.filter_log_events(logGroupName=name)["events"]]
    assert lines
    secrets = (marker, phone, guest.cart_token, accepted.body["order_token"])
    assert [line for line in lines if any(secret in line for secret in secrets)] == []
