"""Protection of the API on the AWS emulator: rate limits, API keys and cache headers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.commands import people
from infra.commands.client import Buyer

MANY = 200


@pytest.fixture
def partner(engine, opened):
    """Return the only partner at this time and the id of their API key."""
    printed = people.make_partner(engine.session, opened["stack"], "outfitters")
    value = printed.split()[-1]
    gateway = engine.session.client("apigateway")
    (key,) = [k for k in gateway.get_api_keys(includeValues=True)["items"] if k["value"] == value]

    class Partner(Buyer):
        def call(self, method, path, body=None, headers=None):
            return super().call(method, path, body, {"x-api-key": value, **(headers or {})})

    yield Partner(opened["api_url"]), key["id"]
    gateway.delete_api_key(apiKey=key["id"])


def first_refusal(ask):
    """Send requests at once, so that the limit applies although it refills continuously. Return the first refusal."""
    with ThreadPoolExecutor(MANY) as pool:
        replies = list(pool.map(lambda _: ask(), range(MANY)))
    return next((reply for reply in replies if reply.status not in (200, 202)), None)


def test_partner_catalog_requires_an_api_key(guest, partner, new_product):
    ours, _ = partner
    sku = new_product(3)
    assert ours.call("GET", f"/partner/products/{sku}").body["available"] == 3
    assert ours.call("GET", "/partner/products?category=camp").body["items"]
    for headers in ({}, {"x-api-key": ""}, {"x-api-key": "x" * 32}):
        reply = guest.call("GET", f"/partner/products/{sku}", headers=headers)
        assert (reply.status, reply.body["code"]) == (403, "api_key_required")


def test_api_key_opens_only_the_catalog_until_it_is_revoked(partner, engine, opened):
    ours, key = partner
    assert ours.call("GET", "/admin/orders").body["code"] == "sign_in_required"
    assert ours.call("GET", "/orders").body["code"] == "sign_in_required"
    plan = opened["stack"]["PartnerPlanId"]
    engine.session.client("apigateway").delete_usage_plan_key(usagePlanId=plan, keyId=key)
    assert ours.call("GET", "/partner/products").body["code"] == "api_key_required"


def test_partner_above_the_rate_limit_is_throttled(partner):
    ours, _ = partner
    refused = first_refusal(lambda: ours.call("GET", "/partner/products"))
    assert (refused.status, refused.body["code"]) == (429, "too_many_requests")


def test_too_many_mails_are_not_asked_for(guest):
    """The tightest limit does not delay requests of other operations."""
    refused = first_refusal(lambda: guest.call("POST", "/accounts/resend", {"email": "nobody@example.com"}))
    assert (refused.status, refused.body["code"]) == (429, "too_many_requests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.headers["retry-after"], refused.headers["access-control-allow-origin"]) == ("1", "*")
    assert guest.call("GET", "/health").status == 200


SHARED = "public, max-age=0, s-maxage={}"


def test_catalog_is_cached_briefly_and_readable_from_any_origin(guest):
    for path, seconds in (("/products", 5), ("/products/CAMP-KETTLE-01", 5), ("/categories", 60)):
        headers = guest.call("GET", path).headers
        assert headers["cache-control"] == SHARED.format(seconds)
        assert headers["access-control-allow-origin"] == "*"


def test_responses_outside_the_catalog_are_not_cached(guest, customer, admin, new_product):
    sku = new_product(1)
    order_id = guest.buy(sku)
    personal = [
        guest.call("GET", "/cart"),
        guest.call("PUT", f"/cart/items/{sku}", {"quantity": 1}),
        guest.call("GET", f"/orders/{order_id}", headers={"X-Order-Token": guest.order_tokens[order_id]}),
        guest.call("GET", "/products/NO-SUCH-THING"),
        customer.call("GET", "/orders"),
        admin.call("GET", "/admin/orders"),
        guest.call("GET", "/orders"),
        guest.call("GET", "/no-such-route"),
    ]
    assert [reply.headers["cache-control"] for reply in personal] == ["no-store"] * len(personal)
