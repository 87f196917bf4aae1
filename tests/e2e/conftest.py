"""A shop to buy from, its people, and the audit after every scenario."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.local import shop
from infra.local.client import Buyer
from tests.auditor import Auditor


@pytest.fixture
def guest(opened: dict[str, Any]) -> Buyer:
    return Buyer(opened["api_url"])


@pytest.fixture(scope="session")
def sign_in(engine: Any, opened: dict[str, Any]) -> Callable[[shop.Person], str]:
    """A person's id token."""

    def token(person: shop.Person) -> str:
        answer = engine.session.client("cognito-idp").initiate_auth(
            ClientId=opened["stack"]["UserPoolClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": person.email, "PASSWORD": person.password},
        )
        return answer["AuthenticationResult"]["IdToken"]

    return token


@pytest.fixture
def customer(opened: dict[str, Any], sign_in: Callable) -> Buyer:
    return Buyer(opened["api_url"], token=sign_in(shop.CUSTOMER))


@pytest.fixture
def admin(opened: dict[str, Any], sign_in: Callable) -> Buyer:
    return Buyer(opened["api_url"], token=sign_in(shop.ADMIN))


@pytest.fixture
def new_product(admin: Buyer) -> Callable[[int], str]:
    """Makes a product with so many pieces; returns its sku."""

    def make(pieces: int, price: int = 2500) -> str:
        sku = f"TEST-{uuid.uuid4().hex[:10].upper()}"
        details = {
            "name": f"Test piece {sku}",
            "description": "Made by a test.",
            "price": {"amount": price, "currency": "EUR"},
            "category": "test",
            "image": "/images/products/none.svg",
        }
        assert admin.call("PUT", f"/admin/products/{sku}", details).status == 200
        if pieces:
            assert admin.call("POST", f"/admin/stock/{sku}", {"delta": pieces}).status == 200
        return sku

    return make


@pytest.fixture(autouse=True)
def audited(engine: Any, opened: dict[str, Any]) -> Iterator[None]:
    """Whatever a scenario did, the books agree after it."""
    yield
    assert Auditor(engine.session, opened).findings() == []
