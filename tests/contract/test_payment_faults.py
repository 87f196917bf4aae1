"""Fault matrix of payments: each call meets each fault of the Stripe sandbox while the saga's steps are retried.

`tests/e2e/test_payment_faults.py` runs each kind of fault once through the whole shop.
"""

import json
import urllib.request
import uuid
from datetime import timedelta

import pytest
import stripe

from chalicelib.payments.attempts import PaymentBusy
from chalicelib.payments.confirmation import Confirmation
from chalicelib.payments.model import BuyerActionRequired, PaymentEnded
from chalicelib.payments.provider import PaymentDeclined, PaymentProviderUnavailable
from chalicelib.payments.service import Payments
from chalicelib.payments.stripe_provider import StripeProvider
from chalicelib.platform.parameters import Parameter
from infra.stripe_sandbox import serve
from testbed.shop.fake_payment_provider import APPROVED, WANTS_HOLDER
from tests.builders import TestClock, euros
from tests.fakes import FakeStore

ORDER, AMOUNT = "ord_1", euros(2000)
NO_FUNDS = "pm_card_visa_chargeDeclinedInsufficientFunds"
BEFORE_DISPATCH, AFTER_DISPATCH = 11, 13
"""Attempts while the payment provider fails: `statemachine/retries.yaml`."""
ONCE, TWICE, ALWAYS = 1, 2, 0
"""Stripe's SDK retries by itself, so an attempt fails only if a fault applies twice in a row."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = serve(0, str(tmp_path_factory.mktemp("payments") / "state.sqlite"))
    yield server
    server.close()


class Sandbox:
    """A new account at the Stripe sandbox."""

    def __init__(self, url):
        self.url, self.key = url, f"sk_test_{uuid.uuid4().hex}"

    def call(self, method, path, **body):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if method == "POST" else None
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method)) as answer:
            return json.load(answer)

    def fault(self, operation, kind, times=1):
        waits = {"seconds": 0.05} if kind in ("slow", "timeout") else {}
        self.call("POST", "/admin/faults", operation=operation, kind=kind, times=times, **waits)

    def have_all_struck(self):
        return all(fault["struck"] for fault in self.call("GET", "/admin/faults")["faults"])


@pytest.fixture
def sandbox(server):
    return Sandbox(server.url)


@pytest.fixture
def payments(sandbox, monkeypatch):
    monkeypatch.setattr(stripe._http_client.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
    provider = StripeProvider(Parameter(lambda: sandbox.key), sandbox.url)
    clock = TestClock()
    return Payments(FakeStore(), provider, Confirmation("https://shop.example", timedelta(minutes=15), clock))


def retried(step, attempts):
    """Run a step as Step Functions does; return the exception that ends it, or None."""
    failure = None
    for _ in range(attempts):
        try:
            return step()
        except (PaymentProviderUnavailable, PaymentBusy) as outage:
            failure = outage
        except (PaymentDeclined, PaymentEnded, BuyerActionRequired) as refusal:
            return refusal
    return failure


def saga(payments, card=APPROVED, is_refused=False):
    """Authorize, ship and capture; if one of them fails, compensate. Return the failure and the remaining steps."""
    failure = retried(lambda: payments.authorize(ORDER, AMOUNT, card), BEFORE_DISPATCH)
    failure = failure or ("the warehouse refuses" if is_refused else None)
    failure = failure or retried(lambda: payments.capture(ORDER), AFTER_DISPATCH)
    if failure:
        assert retried(lambda: payments.refund(ORDER), AFTER_DISPATCH) is None
        assert retried(lambda: payments.void(ORDER), AFTER_DISPATCH) is None
    return failure


@pytest.fixture(autouse=True)
def money_is_right(sandbox, payments):
    """Check that every fault was applied, no money is held, and only one captured payment keeps money."""
    yield
    assert sandbox.have_all_struck()
    ledger = sandbox.call("GET", "/ledger")["payments"]
    kept = [payment["captured"] - payment["refunded"] for payment in ledger]
    assert sum(kept) == (AMOUNT.amount if payments.of(ORDER).status == "CAPTURED" else 0)
    assert not any(payment["capturable"] for payment in ledger)
    assert sum(payment["captured"] > 0 for payment in ledger) <= 1


@pytest.mark.parametrize(
    "operation, kind, times",
    [
        *((call, kind, TWICE) for call in ("create", "confirm", "capture") for kind in ("error_before", "error_after")),
        *((call, "rate_limited", TWICE) for call in ("create", "confirm", "capture")),
        *((call, "timeout", TWICE) for call in ("create", "confirm", "capture")),
        ("create", "sticky_error", ONCE),
        ("confirm", "sticky_error", ONCE),
        ("capture", "sticky_error", TWICE),
        ("create", "sticky_error_after", ONCE),
        ("confirm", "sticky_error_after", ALWAYS),
        ("capture", "sticky_error_after", ALWAYS),
        ("any", "error_after", TWICE),
    ],
)
def test_payment_succeeds_after_a_fault_that_passes(payments, sandbox, operation, kind, times):
    sandbox.fault(operation, kind, times)
    assert saga(payments) is None
    assert payments.of(ORDER).captured == AMOUNT.amount


@pytest.mark.parametrize(
    "operation, kind, status",
    [
        ("create", "sticky_error", "VOIDED"),
        ("confirm", "sticky_error", "VOIDED"),
        ("confirm", "rate_limited", "VOIDED"),
        ("confirm", "error_after", "VOIDED"),
        ("capture", "sticky_error", "VOIDED"),
        ("capture", "rate_limited", "VOIDED"),
        ("capture", "error_after", "REFUNDED"),
        ("capture", "hold_expires", "VOIDED"),
    ],
)
def test_payment_is_compensated_after_a_fault_that_lasts(payments, sandbox, operation, kind, status):
    sandbox.fault(operation, kind, ALWAYS)
    assert saga(payments)
    assert payments.of(ORDER).status == status


TROUBLES = [
    ("error_before", TWICE),
    ("error_after", TWICE),
    ("rate_limited", TWICE),
    ("sticky_error", TWICE),
    ("sticky_error_after", ONCE),
]


@pytest.mark.parametrize("kind, times", TROUBLES)
def test_hold_is_released_despite_a_fault(payments, sandbox, kind, times):
    sandbox.fault("cancel", kind, times)
    assert saga(payments, is_refused=True)
    assert payments.of(ORDER).status == "VOIDED"


@pytest.mark.parametrize("kind, times", TROUBLES)
def test_unnoticed_capture_is_refunded_once_despite_a_fault(payments, sandbox, kind, times):
    """The capture succeeds but returns an error, and reading the payment fails until the saga fails permanently."""
    sandbox.fault("capture", "sticky_error_after")
    sandbox.fault("retrieve", "error_before", times=2 * AFTER_DISPATCH - 1)
    sandbox.fault("refund", kind, times)
    assert saga(payments)
    assert (payments.of(ORDER).status, payments.of(ORDER).refunded) == ("REFUNDED", AMOUNT.amount)


@pytest.mark.parametrize("kind, times", [("error_after", TWICE), ("sticky_error_after", ONCE)])
def test_declined_card_stays_declined_when_its_answer_is_lost(payments, sandbox, kind, times):
    sandbox.fault("confirm", kind, times)
    assert isinstance(saga(payments, card=NO_FUNDS), PaymentDeclined)
    assert payments.of(ORDER).decline_code == "insufficient_funds"


@pytest.mark.parametrize("kind, times", [*TROUBLES, ("slow", ONCE)])
def test_failed_authentication_leaves_no_payment_open_despite_a_fault(payments, sandbox, kind, times):
    assert isinstance(
        retried(lambda: payments.authorize(ORDER, AMOUNT, WANTS_HOLDER), BEFORE_DISPATCH), BuyerActionRequired
    )
    sandbox.fault("cancel", kind, times)
    sandbox.call("POST", f"/admin/payment_intents/{ORDER}/authenticate", outcome="fail")
    assert isinstance(saga(payments), PaymentDeclined)
    assert [payment["status"] for payment in sandbox.call("GET", "/ledger")["payments"]] == ["canceled"]


@pytest.mark.parametrize("kind, times", TROUBLES)
@pytest.mark.parametrize("operation", ["refund", "retrieve"])
def test_return_is_refunded_once_despite_a_fault(payments, sandbox, operation, kind, times):
    assert saga(payments) is None
    sandbox.fault(operation, kind, times)
    retried(lambda: payments.refund_part(ORDER, AMOUNT, "ret_1"), AFTER_DISPATCH)
    assert (payments.of(ORDER).status, payments.of(ORDER).refunded) == ("REFUNDED", AMOUNT.amount)
