"""Half of a surrogate pair in any part of a request is answered with a 4xx: DynamoDB refuses such a text."""

import json
from types import SimpleNamespace

import pytest
from chalice.test import Client

import app
from chalicelib.platform import edge_mark, http

HALF = "\ud800"
ESCAPED = json.dumps({"email": HALF, "password": "a-long-story-1"}).encode()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", f"/products/{HALF}", {}, b""),
        ("GET", f"/products?q={HALF}", {}, b""),
        ("GET", f"/products?{HALF}=1", {}, b""),
        ("GET", "/cart", {"X-Cart-Token": HALF}, b""),
        ("GET", "/orders/ord_1", {"X-Order-Token": f"order_{HALF}"}, b""),
        ("GET", "/orders", {"Authorization": f"Bearer {HALF}"}, b""),
        ("POST", "/session/refresh", {"Cookie": f"saga_refresh={HALF}", "X-Session-Request": "1"}, b""),
        ("POST", "/orders", {"Idempotency-Key": HALF}, b"{}"),
        ("POST", "/session", {"X-Session-Request": "1"}, ESCAPED),
    ],
)
def test_half_of_a_surrogate_pair_is_refused_with_a_problem_document(monkeypatch, method, path, headers, body):
    plain = SimpleNamespace(require_edge_mark=False, api_cache=False)
    for module in (edge_mark, http):
        monkeypatch.setattr(module, "settings", lambda: plain)
    with Client(app.app) as client:
        answer = client.http.request(method, path, headers={"Content-Type": "application/json"} | headers, body=body)

    assert answer.status_code in (400, 422)
    assert answer.json_body["code"] in ("text_not_unicode", "validation_failed")
