"""Cache of the REST API: which routes are cached and what distinguishes their requests, from the routes' declarations.

API Gateway developer guide, "Cache settings for REST APIs in API Gateway". Three things there are traps. A stage with a
cache caches every GET unless a method says otherwise, also those whose answer is for one caller only. A parameter that
is not part of the key is ignored, so all that changes an answer must be part of it. And refusals are cached like any
other response, so a request must not be refused for anything outside of its key: chalicelib/platform/http.py.
"""

from typing import Any

from chalicelib import api
from chalicelib.platform.http import CACHE_KEY_HEADERS, OPERATIONS, Operation

api.load_rooms()

Template = dict[str, Any]


def method_settings(template: Template) -> Template:
    """Return the limits of the API's methods, each with whether its responses are cached."""
    limits = template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    return {"RestAPI": {"Properties": {"MethodSettings": [each | _caching(each) for each in limits]}}}


def key_parameters(operation: Operation) -> list[tuple[str, str]]:
    """Return what distinguishes requests of a cached operation: place and name of each parameter; none otherwise."""
    if not operation.shared_seconds or operation.method != "GET":
        return []
    query = operation.query.model_fields if operation.query else ()
    return [*(("querystring", name) for name in query), *(("header", name) for name in CACHE_KEY_HEADERS)]


def _caching(setting: Template) -> Template:
    path = setting["ResourcePath"].removeprefix("/").replace("~1", "/")
    cached = [each for each in OPERATIONS if each.path == path and each.method == setting["HttpMethod"] == "GET"]
    seconds = cached[0].shared_seconds if cached else 0
    if not seconds:
        return {"CachingEnabled": False}
    enabled = {"Fn::If": ["HasApiCache", True, False]}
    return {"CachingEnabled": enabled, "CacheTtlInSeconds": seconds, "CacheDataEncrypted": True}
