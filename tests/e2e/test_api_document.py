"""`/openapi.json` is complete and matches the API."""

import json
import re


def test_api_document_lists_exactly_the_deployed_routes(guest, opened, engine):
    document = guest.call("GET", "/openapi.json").body
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    apis = engine.session.client("apigateway").get_rest_apis()["items"]
    api_id = re.search(r"execute-api/(\w+)/", opened["api_url"])[1]
    assert api_id in [api["id"] for api in apis]
    resources = engine.session.client("apigateway").get_resources(restApiId=api_id, limit=500)["items"]
    deployed = {
        (method, r["path"]) for r in resources for method in r.get("resourceMethods", {}) if method != "OPTIONS"
    }
    assert described < deployed
    assert {path for _, path in described} == {path for _, path in deployed} - {"/openapi.json"}
    others = deployed - described - {("GET", "/openapi.json")}
    heads = {("HEAD", path) for method, path in described if method == "GET"} | {("HEAD", "/openapi.json")}
    for method, path in others - heads:
        assert guest.call(method, re.sub(r"{\w+}", "x", path)).status == 405, (method, path)


def test_api_document_references_resolve(guest):
    document = guest.call("GET", "/openapi.json").body
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names and names <= set(document["components"]["schemas"])


def test_responses_have_the_required_fields_of_the_api_document(guest):
    document = guest.call("GET", "/openapi.json").body
    product = guest.call("GET", "/products").body["items"][0]
    assert set(document["components"]["schemas"]["ProductView"]["required"]) <= set(product)


def test_catalog_has_24_products_in_5_categories(guest):
    items, cursor = [], ""
    while cursor is not None:
        page = guest.call("GET", f"/products?cursor={cursor}" if cursor else "/products").body
        items, cursor = items + page["items"], page["next_cursor"]
    seeded = [item for item in items if item["category"] != "test"]
    assert len({item["sku"] for item in items}) == len(items)
    assert len(seeded) >= 24 and len({item["category"] for item in seeded}) >= 5
    found = guest.call("GET", "/products?q=mug").body["items"]
    assert found and all("mug" in (p["name"] + p["description"] + p["sku"]).lower() for p in found)
    camp = guest.call("GET", "/products?category=camp").body["items"]
    assert camp and {p["category"] for p in camp} == {"camp"}
