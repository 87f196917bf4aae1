"""HTTP semantics: HEAD for each GET, 405 with `Allow`, 401 with `WWW-Authenticate`."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

from chalicelib.platform.http import OPERATIONS
from infra.build.gateway import METHODS

SHARED = {"content-type", "cache-control", "access-control-allow-origin", "www-authenticate"}
"""Headers that HEAD and GET have in common; the others are the server's own or identify a request."""


@pytest.fixture
def ask(opened):
    """Return a function that sends a raw request to the API or the distribution and returns status, headers, body."""

    def send(method, path, headers=None, through_the_edge=False):
        place = urlsplit(opened["storefront_url"] + "/api" if through_the_edge else opened["api_url"])
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
        connection.request(method, place.path + path, headers={"Host": place.netloc} | (headers or {}))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    return send


@pytest.mark.parametrize("through_the_edge", [False, True], ids=["api", "edge"])
def test_head_answers_like_get_without_a_body(ask, new_product, through_the_edge):
    paths = ["/health", "/openapi.json", "/products", f"/products/{new_product(1)}", "/products/NOT-THERE", "/orders"]
    for path in paths:
        status, headers, body = ask("GET", path, through_the_edge=through_the_edge)
        head_status, head_headers, head_body = ask("HEAD", path, through_the_edge=through_the_edge)

        assert (head_status, head_body) == (status, b""), path
        shared = [{name: headers.get(name) for name in SHARED} for headers in (headers, head_headers)]
        assert shared[0] == shared[1], path
        assert head_headers.get("content-length", str(len(body))) == str(len(body)), path


def test_wrong_method_on_every_known_path_is_refused_with_allow(ask):
    answered = {}
    for operation in OPERATIONS:
        methods = answered.setdefault(operation.path, set())
        methods |= {"GET", "HEAD"} if operation.method == "GET" else {operation.method}
    for path, methods in answered.items():
        method = next(each for each in METHODS if each not in {"HEAD", *methods})
        status, headers, body = ask(method, re.sub(r"{\w+}", "X-1", path))

        assert status == 405, (method, path)
        assert set(headers["allow"].split(", ")) == methods, path
        assert json.loads(body)["code"] == "method_not_allowed"
        assert headers["content-type"] == "application/problem+json"


def test_unknown_path_is_a_404_for_each_method(ask):
    for method in METHODS:
        assert ask(method, "/nowhere/at/all")[0] == 404, method


@pytest.mark.parametrize(
    ("path", "headers", "error"),
    [
        ("/orders", {}, False),
        ("/admin/orders", {}, False),
        ("/admin/orders", {"Authorization": "Bearer x"}, False),
        ("/orders/ord_000000000000000000000000", {}, False),
        ("/cart", {"Authorization": "Bearer x"}, True),
    ],
)
def test_response_401_names_the_authentication_scheme(ask, path, headers, error):
    """The first three responses are the gateway's own; the others are the function's."""
    status, answer, _ = ask("GET", path, headers)

    assert status == 401
    assert answer["www-authenticate"].startswith('Bearer realm="storefront"')
    assert ('error="invalid_token"' in answer["www-authenticate"]) == error
