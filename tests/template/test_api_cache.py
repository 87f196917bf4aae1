"""Cache of the REST API: only reads of the catalog, by everything that changes their answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
"""

import pytest

from chalicelib.platform.http import CACHE_KEY_HEADERS, OPERATIONS

from .template import allowed, of_type

CACHED = {"/products": 5, "/products/{sku}": 5, "/categories": 60}
"""Seconds. Only these have limits of their own, so only these are cached."""
LONGEST_SECONDS = 3600


@pytest.fixture
def api(template):
    return of_type(template, "AWS::Serverless::Api")["RestAPI"]


def test_only_reads_of_the_catalog_are_cached(api):
    """A stage with a cache caches each GET whose settings do not say otherwise, those of one customer included."""
    settings = {
        (each["ResourcePath"].replace("~1", "/").replace("//", "/"), each["HttpMethod"]): each
        for each in api["MethodSettings"]
    }
    assert settings["/*", "*"]["CachingEnabled"] is False
    cached = {path: each["CacheTtlInSeconds"] for (path, method), each in settings.items() if each["CachingEnabled"]}
    assert cached == CACHED
    assert max(cached.values()) <= LONGEST_SECONDS
    public = {each.path for each in OPERATIONS if each.shared_seconds and each.access == "public"}
    assert set(cached) <= public


def test_cache_is_off_unless_a_size_is_chosen(api, template):
    assert template["Parameters"]["ApiCache"]["Default"] == "none"
    assert api["CacheClusterEnabled"] == {"Fn::If": ["HasApiCache", True, False]}
    for setting in api["MethodSettings"]:
        assert setting["CachingEnabled"] in (False, {"Fn::If": ["HasApiCache", True, False]})


@pytest.mark.parametrize("path", CACHED)
def test_cache_distinguishes_requests_by_all_that_the_function_reads(api, path):
    (operation,) = [each for each in OPERATIONS if each.path == path and each.method == "GET"]
    method = api["DefinitionBody"]["paths"][path]["get"]
    key = set(method["x-amazon-apigateway-integration"]["cacheKeyParameters"])
    query = operation.query.model_fields if operation.query else ()
    assert key >= {f"method.request.querystring.{name}" for name in query}
    assert key >= {f"method.request.header.{name}" for name in CACHE_KEY_HEADERS}
    declared = {f"method.request.{PLACES[each['in']]}.{each['name']}" for each in method["parameters"]}
    assert key == declared, "a parameter that the method does not declare cannot be part of the key"


PLACES = {"query": "querystring", "header": "header", "path": "path"}


def test_api_may_empty_its_own_cache_only(template):
    may = allowed(template, "ApiMayFlush")
    ((action, (resource,)),) = may.items()
    assert action == "apigateway:DELETE"
    assert resource["Fn::Sub"].endswith("::/restapis/${RestAPI}/stages/api/cache/data")
    assert template["Resources"]["ApiMayFlush"]["Condition"] == "HasApiCache"
