"""Cache of the REST API: a second stage of the shared shop's API, with a cache and the settings of the template."""

import json
import re
from dataclasses import replace

import pytest

from infra.build.template import merged_template

STAGE = "cached"


@pytest.fixture(scope="module")
def cached_url(engine, opened):
    gateway = engine.session.client("apigateway")
    api = re.search(r"execute-api/(\w+)/", opened["api_url"])[1]
    (deployment, *_) = [stage["deploymentId"] for stage in gateway.get_stages(restApiId=api)["item"]]
    gateway.create_stage(restApiId=api, stageName=STAGE, deploymentId=deployment, cacheClusterEnabled=True)
    settings = merged_template("local")["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    changes = []
    for setting in settings:
        path = setting["ResourcePath"].replace("~1", "/").replace("//", "/")
        prefix = "/*/*" if path == "/*" else f"/{path.replace('/', '~1')}/{setting['HttpMethod']}"
        enabled = setting["CachingEnabled"] is not False
        changes.append({"op": "replace", "path": f"{prefix}/caching/enabled", "value": json.dumps(enabled)})
        if enabled:
            ttl = {"op": "replace", "path": f"{prefix}/caching/ttlInSeconds", "value": "60"}
            changes.append(ttl)
    gateway.update_stage(restApiId=api, stageName=STAGE, patchOperations=changes)
    yield opened["api_url"].removesuffix("/api") + f"/{STAGE}"
    gateway.delete_stage(restApiId=api, stageName=STAGE)


@pytest.fixture
def empty(engine, cached_url):
    """Return a function that empties the cache."""
    api = re.search(r"execute-api/(\w+)/", cached_url)[1]
    flush = engine.session.client("apigateway").flush_stage_cache
    flush(restApiId=api, stageName=STAGE)
    return lambda: flush(restApiId=api, stageName=STAGE)


@pytest.fixture
def over_cache(cached_url):
    return lambda buyer: replace(buyer, api_url=cached_url)


def test_product_is_read_from_the_cache_until_it_is_emptied(guest, admin, over_cache, empty, new_product):
    sku = new_product(3)
    assert over_cache(guest).must("GET", f"/products/{sku}")["available"] == 3
    admin.must("POST", f"/admin/stock/{sku}", {"delta": 2})
    assert over_cache(guest).must("GET", f"/products/{sku}")["available"] == 3
    assert guest.must("GET", f"/products/{sku}")["available"] == 5
    empty()
    assert over_cache(guest).must("GET", f"/products/{sku}")["available"] == 5


def test_searches_and_products_are_distinguished(guest, over_cache, empty, new_product):
    first, second = new_product(1), new_product(2)
    cached = over_cache(guest)
    assert cached.must("GET", f"/products/{first}")["sku"] == first
    assert cached.must("GET", f"/products/{second}")["sku"] == second
    found = {path: cached.must("GET", path)["items"] for path in ("/products", "/products?q=xyzzyq", "/products?q=")}
    assert found["/products"] and not found["/products?q=xyzzyq"]


def test_refusal_of_one_caller_answers_no_other(guest, over_cache, empty):
    bad = over_cache(replace(guest, token="x"))
    assert bad.call("GET", "/products").status == 401
    assert over_cache(guest).call("GET", "/products").status == 200
    assert bad.call("GET", "/products").status == 401


def test_read_of_one_customer_is_never_cached(customer, admin, guest, over_cache, empty):
    assert over_cache(customer).call("GET", "/orders").status == 200
    assert over_cache(guest).call("GET", "/orders").status == 401
    order_id = over_cache(customer).buy(guest.must("GET", "/products")["items"][0]["sku"])
    assert order_id in json.dumps(over_cache(customer).must("GET", "/orders"))
    assert order_id not in json.dumps(over_cache(admin).must("GET", "/orders"))
