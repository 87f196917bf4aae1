"""HTTP client and example payments for the tests of the Stripe sandbox."""

import json
import time
from http.client import HTTPConnection
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import stripe

CARD_ONLY = {"payment_method_types": ["card"]}
WAIT = 30


def shop_at(url, secret):
    return stripe.StripeClient(secret, base_addresses={"api": url}, max_network_retries=0).v1


def http(url, method, path, body="", headers=None):
    connection = HTTPConnection(urlsplit(url).netloc, timeout=WAIT)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    is_json = response.headers["Content-Type"] == "application/json"
    return SimpleNamespace(
        status=response.status,
        headers=response.headers,
        text=text,
        body=json.loads(text) if is_json else None,
    )


def new_intent(**changes):
    return {"amount": 1250, "currency": "usd", "capture_method": "manual", **CARD_ONLY, **changes}


def authorized(shop, **changes):
    return shop.payment_intents.create(new_intent(payment_method="pm_card_visa", confirm=True, **changes))


def captured(shop, **changes):
    return shop.payment_intents.capture(authorized(shop, **changes).id)


def refusal(call, *arguments, expected=stripe.InvalidRequestError):
    with pytest.raises(expected) as caught:
        call(*arguments)
    return caught.value


def control_api_at(url, secret):
    def ask(method, path, **body):
        text = json.dumps(body) if method == "POST" else ""
        return http(url, method, f"/admin{path}", text, {"Authorization": f"Bearer {secret}"})

    return ask


def eventually(condition):
    deadline = time.monotonic() + WAIT
    while not (result := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
    return result
