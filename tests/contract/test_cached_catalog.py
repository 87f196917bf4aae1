"""Catalog reads behind API Gateway's cache: what is not part of the cache's key changes no answer."""

import pytest

from chalicelib.platform import aws
from tests.contract.test_round_trips import OPERATOR, PRODUCT, api, forget  # noqa: F401

ODD = {"X-Api-Key": "x" * 500, "X-Cart-Token": "\udcff", "Cookie": "session=1; session=2", "If-None-Match": "*"}


class FakeRestApis:
    def __init__(self, failure=None):
        self.flushed = []
        self._failure = failure

    def flush_stage_cache(self, **which):
        self.flushed.append(which)
        if self._failure:
            raise self._failure


@pytest.fixture
def cached(api, monkeypatch):  # noqa: F811
    monkeypatch.setenv("API_CACHE", "true")
    forget()
    return api


@pytest.fixture
def rest_apis(monkeypatch):
    fake = FakeRestApis()
    monkeypatch.setattr(aws, "rest_apis", lambda: fake)
    return fake


@pytest.mark.parametrize(
    "query", ["?unknown=1", "?unknown=1&unknown=2", "?q=&q=", "?sort=x&sort=relevance", "?cursor=x&cursor="]
)
def test_request_is_not_refused_for_anything_outside_of_the_key(cached, rest_apis, query):
    """Its refusal would answer the requests of others. Of a repeated parameter the key holds the last value."""
    assert cached("GET", f"/products{query}", **ODD)["items"] == []


def test_request_is_refused_for_the_last_value_of_a_parameter(cached, rest_apis):
    with pytest.raises(AssertionError, match="Input should be"):
        cached("GET", "/products?sort=relevance&sort=x")


def test_operators_change_empties_the_cache_of_its_stage(cached, rest_apis):
    cached("PUT", "/admin/products/CUP-1", PRODUCT, OPERATOR)
    cached("PATCH", "/admin/products/CUP-1", {"name": "Tin cup"}, OPERATOR)
    cached("POST", "/admin/stock/CUP-1", {"delta": 10}, OPERATOR)
    cached("PUT", "/admin/stock/CUP-1", {"on_hand": 12}, OPERATOR)
    cached("GET", "/admin/stock/CUP-1", None, OPERATOR)
    assert [set(each) for each in rest_apis.flushed] == [{"restApiId", "stageName"}] * 4


def test_change_succeeds_although_the_cache_cannot_be_emptied(cached, monkeypatch):
    from botocore.exceptions import ClientError

    fake = FakeRestApis(ClientError({"Error": {"Code": "TooManyRequestsException"}}, "FlushStageCache"))
    monkeypatch.setattr(aws, "rest_apis", lambda: fake)
    assert cached("PUT", "/admin/products/CUP-1", PRODUCT, OPERATOR)["name"] == PRODUCT["name"]
    assert len(fake.flushed) == 1


def test_shop_without_a_cache_refuses_repeated_parameters_and_flushes_nothing(api, rest_apis):  # noqa: F811
    with pytest.raises(AssertionError, match="at most once"):
        api("GET", "/products?q=a&q=b")
    api("PUT", "/admin/products/CUP-1", PRODUCT, OPERATOR)
    assert rest_apis.flushed == []
