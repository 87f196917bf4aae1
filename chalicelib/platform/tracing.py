"""Trace context: the X-Ray trace of the current work, as the header that calls, messages and events carry.

Lambda gives each invocation a header, and botocore sends it with every call. Two gaps are left: a DynamoDB stream
carries no header, and an invocation for a queue has a trace of its own, which X-Ray only links to the sender's. So an
event keeps the header of the work that wrote it, and the consumer of a message continues the sender's trace.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html (tracing header)
"""

import os
import re
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

HEADER = "X-Amzn-Trace-Id"
INVOCATION = "_X_AMZN_TRACE_ID"
"""Lambda's variable with the header of the invocation. Its value changes with each one, so it is no setting."""

ROOT = re.compile(r"(?:^|;)Root=(1-([0-9a-f]{8})-[0-9a-f]{24})(?:;|$)")
PASSED_ON = re.compile(r"(?:^|;)((?:Parent=[0-9a-f]{16}|Sampled=[01]))(?=;|$)")
LINEAGE = re.compile(r"(?:^|;)(Lineage=[^;]+)")
"""Lambda counts by it how often a chain of calls came back to a function, and stops endless ones."""

OPEN_FOR = timedelta(days=7)
"""How long X-Ray accepts segments for a trace: https://docs.aws.amazon.com/general/latest/gr/xray.html"""

_continued: ContextVar[str | None] = ContextVar("continued", default=None)


def continue_trace(header: str | None) -> None:
    """Make the trace of this header the current one; None is the invocation's own."""
    _continued.set(_cleaned(header))


def current() -> str | None:
    """Return the current trace header. None without tracing."""
    return _continued.get() or _cleaned(os.environ.get(INVOCATION))


def current_id() -> str | None:
    return id_of(current())


def joined(header: str | None, at: datetime) -> str | None:
    """Return the header for work on something whose trace began with `header`.

    It is the current one if that is of the same trace, or if the trace is too old for more segments.
    """
    now = current()
    began = ROOT.search(header or "")
    if began is None or began[1] == id_of(now):
        return now
    is_open = at - datetime.fromtimestamp(int(began[2], 16), at.tzinfo) < OPEN_FOR
    return header if is_open else now


def id_of(header: str | None) -> str | None:
    """Return the trace id, which is the same for all work of one trace."""
    found = ROOT.search(header or "")
    return found[1] if found else None


def send_header(params: dict[str, Any], **_: Any) -> None:
    """Send the continued trace with a call to AWS: a `before-call` handler of botocore, whose own handler sends the
    invocation's trace if there is no header."""
    if continued := _continued.get():
        lineage = LINEAGE.search(os.environ.get(INVOCATION, ""))
        params["headers"][HEADER] = f"{continued};{lineage[1]}" if lineage else continued


def _cleaned(header: str | None) -> str | None:
    """Return what is passed on of a header. A caller may write anything into it, and an entry of EventBridge takes 500
    characters."""
    if id_of(header) is None:
        return None
    return ";".join((f"Root={id_of(header)}", *PASSED_ON.findall(header or "")))
