"""Every refusal has a stable code, a text for people, and one status."""

import pytest

import app  # noqa: F401  (so that the refusals of all rooms are known)
from chalicelib.cart.model import CartBusy, CartFull, CartTokenInvalid
from chalicelib.catalog.model import ProductNotFound
from chalicelib.inventory.model import StockTooLow
from chalicelib.orders.model import OrderNotFound
from chalicelib.orders.quote import CartAlreadyOrdered, CartEmpty, ProductUnavailable, TotalChanged
from chalicelib.orders.service import OrderTokenRequired
from chalicelib.payments.limits import TotalTooLarge, TotalTooSmall
from chalicelib.platform import openapi
from chalicelib.platform.errors import CursorInvalid, Refusal, UnprocessableRequest, ValidationFailed
from chalicelib.platform.http import AdminOnly, BodyTooLarge, SignInRequired
from chalicelib.platform.problems import STATUS_OF, status_of
from chalicelib.platform.request_input import BodyNotJson
from chalicelib.platform.request_keys import IdempotencyConflict, IdempotencyKeyInvalid

PUBLISHED = [
    (CursorInvalid, "cursor_invalid", 400),
    (BodyNotJson, "body_not_json", 400),
    (SignInRequired, "sign_in_required", 401),
    (CartTokenInvalid, "cart_token_invalid", 401),
    (OrderTokenRequired, "order_token_required", 401),
    (AdminOnly, "admin_only", 403),
    (OrderNotFound, "order_not_found", 404),
    (ProductNotFound, "product_not_found", 404),
    (IdempotencyConflict, "idempotency_conflict", 409),
    (StockTooLow, "stock_too_low", 409),
    (CartBusy, "cart_busy", 409),
    (CartAlreadyOrdered, "cart_already_ordered", 409),
    (ProductUnavailable, "product_unavailable", 409),
    (TotalChanged, "total_changed", 409),
    (BodyTooLarge, "body_too_large", 413),
    (CartEmpty, "cart_empty", 422),
    (CartFull, "cart_full", 422),
    (IdempotencyKeyInvalid, "idempotency_key_invalid", 422),
    (TotalTooSmall, "total_too_small", 422),
    (TotalTooLarge, "total_too_large", 422),
    (ValidationFailed, "validation_failed", 422),
]


def kinds_of(refusal):
    return {refusal}.union(*(kinds_of(kind) for kind in refusal.__subclasses__()))


@pytest.mark.parametrize(("refusal", "code", "status"), PUBLISHED)
def test_published_codes_and_statuses_stay(refusal, code, status):
    assert refusal().code == code
    assert status_of(refusal()) == status


@pytest.mark.parametrize("refusal", sorted(kinds_of(Refusal) - {Refusal}, key=lambda kind: kind.__name__))
def test_refusal_has_a_status_and_a_sentence_of_explanation(refusal):
    assert status_of(refusal()) in STATUS_OF.values()
    assert refusal().detail.endswith((".", "…"))


def test_refusal_may_have_a_detail_of_its_own():
    refusal = UnprocessableRequest("Too many.", {"quantity": "At most 20."})

    assert (refusal.detail, refusal.fields) == ("Too many.", {"quantity": "At most 20."})


def test_document_describes_what_a_refusal_adds_to_its_problem():
    document = openapi.document("/api")
    described = document["paths"]["/orders"]["post"]["responses"]["409"]["content"]["application/problem+json"]

    named = [part["$ref"].rpartition("/")[2] for part in described["schema"]["allOf"]]

    assert named == ["Problem", "NewQuote", "OrderedBefore", "UnavailableLines"]
    assert "quote" in document["components"]["schemas"]["NewQuote"]["properties"]
    assert not any("required" in document["components"]["schemas"][name] for name in named[1:])
