"""Fixtures: a Stripe sandbox for each file, and a new account in it for each test."""

import uuid
from types import SimpleNamespace

import pytest

from infra.stripe_sandbox import serve

from .client import control_api_at, shop_at


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    state = str(tmp_path_factory.mktemp("payments") / "state.sqlite")
    server = serve(0, state)
    yield SimpleNamespace(url=server.url, state=state)
    server.close()


@pytest.fixture
def secret():
    return f"sk_test_{uuid.uuid4().hex}"


@pytest.fixture
def shop(sandbox, secret):
    """Return a client of Stripe's own SDK."""
    return shop_at(sandbox.url, secret)


@pytest.fixture
def control_api(sandbox, secret):
    """Return a function that calls the control API."""
    return control_api_at(sandbox.url, secret)
