"""Logs: private text of any source is redacted, and each line has the ids of its context."""

import io
import json
from dataclasses import dataclass

import pytest
from chalice.app import LambdaFunctionEvent

import app
import chalicelib.platform.log as log_module
from chalicelib.platform import tracing
from chalicelib.platform.log import BLACK, bind_log_context, log, redact

PRIVATE = {
    "an email": "ida.sand+shop@example.co.uk",
    "a token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "an encrypted token": "eyJjdHkiOiJKV1QifQ.a-b_c.d.e.f",
    "a cart's token": "cart_" + "0f" * 32,
    "an order's token": "order_" + "0f" * 32,
    "a key of Stripe": "sk_test_51abc",
    "a webhook's secret": "whsec_abc123",
    "a phone number": "+442079306000",
    "a card": "4242 4242 4242 4242",
}


class OutOfStock(Exception):
    pass


@dataclass
class LambdaContext:
    aws_request_id: str


@pytest.fixture
def line(monkeypatch):
    """Return a function that parses the last log line."""
    written = io.StringIO()
    for handler in log.handlers:
        monkeypatch.setattr(handler, "stream", written)
    yield lambda: json.loads(written.getvalue().splitlines()[-1])
    bind_log_context()


@pytest.mark.parametrize("private", PRIVATE.values(), ids=PRIVATE)
def test_private_text_is_redacted_in_every_field(line, private):
    try:
        raise ValueError(f"cannot use {private}, sorry")
    except ValueError:
        log.exception(f"failed for {private}", extra={"why": [{"text": private}]})
    written = line()
    assert private not in json.dumps(written)
    assert written["message"] == f"failed for {BLACK}" and written["exception_name"] == "ValueError"


@pytest.mark.parametrize("card", ["4242424242424242", "3782 822463 10005", "6011-1111-1111-1117"])
def test_card_number_in_any_notation_is_redacted(card):
    assert redact(f"card={card}.") == f"card={BLACK}."


@pytest.mark.parametrize(
    "name",
    [
        "storefront-WarehouseRepliesQueue-4242424242424242",
        "arn:aws:sqs:eu-west-1:123456789012:storefront-EmailComplaints-1A2B",
        "order placed at 1764403200000 ms",
    ],
)
def test_resource_name_and_number_without_check_digit_are_kept(name):
    assert redact(name) == name


class Customer:
    """JSON does not know it; its text holds an address."""

    def __str__(self):
        return "Customer ida@example.com"


@pytest.mark.parametrize(
    "value", [Customer(), (Customer(), "ida@example.com"), {"a": ({"ida@example.com"},)}, ValueError("ida@example.com")]
)
def test_log_redacts_values_that_json_does_not_know(line, value):
    log.info("customer seen", extra={"seen": value})

    written = json.dumps(line()["seen"])
    assert BLACK in written and "ida@" not in written


def test_log_record_is_serialized_once(line, monkeypatch):
    serialized = []
    for handler in log.handlers:
        write = handler.formatter.json_serializer
        count = lambda record, write=write: serialized.append(record) or write(record)  # noqa: E731
        monkeypatch.setattr(handler.formatter, "json_serializer", count)
    monkeypatch.setattr(json, "dumps", None)

    log.info("hello", extra={"email": "ida@example.com"})

    [record] = serialized
    assert record["email"] == BLACK


@pytest.mark.parametrize(
    "name", ["email", "password", "new_password", "Authorization", "cookie", "line1", "phone", "id_token"]
)
def test_field_with_a_private_name_is_redacted_with_any_value(name):
    assert redact({"given": {name: {"any": "thing"}}}) == {"given": {name: BLACK}}


def test_ids_and_amounts_are_left_alone():
    line = {"order_id": "ord_0f0f0f0f0f0f0f0f0f0f0f0f", "count": 3, "sku": "CAMP-KETTLE-01", "function_name": "relay",
            "message_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "event": "evt_" + "0f" * 16}  # fmt: skip
    assert redact(line) == line


def test_log_line_has_the_order_of_its_context(line):
    bind_log_context(order_id="ord_1")
    log.info("step begins")
    written = line()
    assert (written["order_id"], written["correlation_id"]) == ("ord_1", "ord_1")


def test_correlation_of_the_event_is_logged(line):
    bind_log_context(order_id="ord_1", correlation_id="imp_1", event_id="evt_1")
    log.info("event received")
    assert line()["correlation_id"] == "imp_1"


def test_log_context_is_reset_with_the_next_invocation(line):
    bind_log_context(order_id="ord_1", event_id="evt_1")
    bind_log_context(request_id="req_1")
    log.info("answered")
    written = line()
    assert written["request_id"] == "req_1" and not {"order_id", "event_id", "correlation_id"} & set(written)


def test_log_line_has_the_id_of_the_continued_trace(line, monkeypatch):
    own, senders = (f"1-6a0b1c2d-{number:024x}" for number in (1, 2))
    monkeypatch.setenv(tracing.INVOCATION, f"Root={own};Parent={1:016x};Sampled=1")
    app.name_the_invocation(LambdaFunctionEvent({}, None), lambda event: log.info("job done"))
    assert line()["trace_id"] == own and "xray_trace_id" not in line()
    tracing.continue_trace(f"Root={senders}")
    bind_log_context(order_id="ord_1")
    log.info("message handled")
    assert line()["trace_id"] == senders
    monkeypatch.delenv(tracing.INVOCATION)
    app.name_the_invocation(LambdaFunctionEvent({}, None), lambda event: log.info("job done"))
    assert "trace_id" not in line()


def test_lines_name_their_invocation_and_the_first_a_cold_start(line, monkeypatch):
    """The field names are those of Powertools' `inject_lambda_context`."""
    monkeypatch.setattr(log_module, "_began", False)
    for number, is_cold in enumerate((True, False, False)):
        app.name_the_invocation(LambdaFunctionEvent({}, LambdaContext(f"req-{number}")), lambda event: None)
        bind_log_context(order_id="ord_1")
        log.info("step begins")
        assert (line()["cold_start"], line()["function_request_id"]) == (is_cold, f"req-{number}")
        assert line()["order_id"] == "ord_1"


def test_step_logs_order_duration_and_error_when_it_ends(line):
    def run(event):
        raise OutOfStock

    with pytest.raises(OutOfStock):
        app.name_the_invocation(LambdaFunctionEvent({"order_id": "ord_1"}, None), run)
    ended = line()
    assert (ended["message"], ended["order_id"], ended["error"]) == ("step ended", "ord_1", "OutOfStock")
    assert ended["duration_ms"] >= 0
    app.name_the_invocation(LambdaFunctionEvent({"order_id": "ord_1"}, None), lambda event: None)
    assert line()["message"] == "step ended" and "error" not in line()


def test_invocation_without_lambda_has_no_request_id(line):
    app.name_the_invocation(LambdaFunctionEvent({}, None), lambda event: None)
    log.info("step begins")
    assert "function_request_id" not in line()
