"""Edge mark: with it required, the API accepts only what came through our distribution, except for direct paths."""

from types import SimpleNamespace

import pytest
from chalice.test import Client

import app
from chalicelib.platform import edge_mark
from chalicelib.platform.edge_mark import digest_of, is_direct, is_marked
from chalicelib.platform.http import OPERATIONS

CURRENT, PREVIOUS = "c" * 64, "p" * 64
DIGESTS = f"{digest_of(CURRENT)} {digest_of(PREVIOUS)}"


@pytest.fixture
def call(monkeypatch):
    """Return a function that sends a GET request to the API of a stage."""

    def get(path, mark=None, required=True):
        stage = SimpleNamespace(require_edge_mark=required, edge_mark_digests=DIGESTS)
        monkeypatch.setattr(edge_mark, "settings", lambda: stage)
        headers = {} if mark is None else {"X-Edge-Mark": mark}
        with Client(app.app) as client:
            return client.http.get(path, headers=headers)

    return get


@pytest.mark.parametrize("mark", [CURRENT, PREVIOUS])
def test_request_with_the_current_or_previous_mark_is_answered(call, mark):
    assert call("/openapi.json", mark).status_code == 200


@pytest.mark.parametrize("mark", [None, "", "guess", CURRENT.upper(), digest_of(CURRENT), "\u00fc"])
def test_request_without_a_valid_mark_is_refused_with_a_problem_document(call, mark):
    refused = call("/openapi.json", mark)
    assert (refused.status_code, refused.json_body["code"]) == (403, "direct_call_refused")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_health_check_needs_no_mark(call):
    assert call("/health").status_code == 200


def test_stage_that_does_not_require_the_mark_answers_direct_requests(call):
    assert call("/openapi.json", required=False).status_code == 200


def test_direct_calls_are_for_partners_stripe_and_health_checks_only():
    """A partner's key is checked by the gateway, a webhook's signature by its route."""
    direct = {operation.path for operation in OPERATIONS if is_direct(operation.path)}
    with_a_key = {operation.path for operation in OPERATIONS if operation.access == "partner"}
    assert with_a_key and direct == with_a_key | {"/health", "/webhooks/stripe"}


def test_edge_mark_is_invalid_without_a_known_digest():
    assert not is_marked({"x-edge-mark": CURRENT}, [])
