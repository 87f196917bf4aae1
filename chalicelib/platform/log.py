"""One structured logger. It is given ids and outcomes, never addresses, tokens or bodies.

What is given all the same, by a mistake or in the text of an exception, is redacted before it is written.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.platform import tracing

CONTEXT_KEYS = (
    "request_id", "operation", "caller", "message_id", "queue", "order_id", "correlation_id", "event_id", "trace_id",
)  # fmt: skip
"""The context of a line. It changes within one process, so each new task binds its own."""

BLACK = "[redacted]"
PRIVATE_NAMES = re.compile(
    r"e_?mail|password|secret|token|authorization|cookie|signature|address|line[12]$|postal|phone|^city$|^name$",
    re.IGNORECASE,
)
PRIVATE_TEXT = re.compile(
    r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"  # an email address
    r"|(?<![A-Za-z0-9])eyJ[\w-]+\.[\w-]*(?:\.[\w-]*){0,3}"  # a token of the user pool, or of a signed link
    r"|\b(?:cart|order)_[0-9a-f]{64}\b"  # a guest's tokens
    r"|(?<![\w.+-])\+[1-9]\d{7,14}\b"  # a phone number (E.164)
    r"|\b(?:[sr]k_(?:test|live)_|whsec_)\w+"  # Stripe's secrets
)
CARD_NUMBER = re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d\b")
"""The end of a resource's name may have as many digits, after a hyphen."""


class _RedactingFormatter(LambdaPowertoolsFormatter):
    def __init__(self) -> None:
        # Powertools would add the invocation's own trace; `trace_id` is the one that it continues.
        super().__init__(json_default=_redacted_text, xray_trace_id=None)

    def serialize(self, log: Any) -> str:
        return super().serialize(redact(log))


def redact(record: Any) -> Any:
    """Return the record without private values; values that JSON does not know are redacted as text."""
    if isinstance(record, dict):
        return {key: BLACK if _is_private(key, value) else redact(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [redact(each) for each in record]
    return _redacted_text(record) if isinstance(record, str) else record


def _redacted_text(value: Any) -> str:
    return CARD_NUMBER.sub(_unless_no_card, PRIVATE_TEXT.sub(BLACK, str(value)))


def _unless_no_card(number: re.Match[str]) -> str:
    """Keep a number whose check digit is not that of a card (ISO/IEC 7812-1, Luhn algorithm)."""
    digits = [int(digit) for digit in reversed(number[0]) if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return number[0] if (sum(digits[::2]) + sum(doubled)) % 10 else BLACK


def _is_private(name: Any, value: Any) -> bool:
    return bool(value) and bool(PRIVATE_NAMES.search(str(name)))


def bind_log_context(**ids: str | None) -> None:
    """What the lines from here on are about; what they were about before is forgotten.

    A line about an order has the order's id as its correlation id, as its events have. Each line has the current
    trace's id.
    """
    log.remove_keys(CONTEXT_KEYS)
    known = {name: value for name, value in (ids | {"trace_id": tracing.current_id()}).items() if value}
    if "order_id" in known:
        known.setdefault("correlation_id", known["order_id"])
    log.append_keys(**known)


_began = False
"""Whether this process has served an invocation before."""


def bind_invocation(context: Any) -> None:
    """Name the invocation in each line from here on: `cold_start` and `function_request_id`, as Powertools does.

    `context` is Lambda's. It is None where a function is called without Lambda.
    """
    global _began
    tracing.continue_trace(None)
    bind_log_context()
    log.append_keys(cold_start=not _began, function_request_id=getattr(context, "aws_request_id", None))
    _began = True


@contextmanager
def timed(message: str) -> Iterator[None]:
    """Log the duration of the work inside when it ends, and the error's name if it fails."""
    failure: dict[str, str] = {}
    began = time.monotonic()
    try:
        yield
    except Exception as error:
        failure["error"] = type(error).__name__
        raise
    finally:
        log.info(message, extra=failure | {"duration_ms": milliseconds_since(began)})


def milliseconds_since(began: float) -> int:
    """`began` is of time.monotonic."""
    return round(1000 * (time.monotonic() - began))


log = Logger(service="storefront", log_uncaught_exceptions=False, logger_formatter=_RedactingFormatter())
