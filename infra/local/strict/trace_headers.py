"""Trace headers: X-Ray's header travels from a caller to the functions, messages, events and workflows of its call.

A function that another service invokes for a call continues the call's trace. A function that polls a queue or a
stream has a trace of its own; a message names its sender's in `AWSTraceHeader`. An event travels on under the
`TraceHeader` of its entry, an execution under that of its start. The emulator begins a new trace for each invocation.
"""

import json
import re
import secrets
from contextvars import ContextVar
from typing import Any

from infra.local.strict.rule import Rule

HEADER = b"x-amzn-trace-id"
ROOT = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}")

current: ContextVar[str] = ContextVar("trace_header", default="")
"""The header of the call that this thread works for."""
delivering: ContextVar[bool] = ContextVar("delivering", default=False)
"""Whether this thread puts an event or a notification on queues."""


def install() -> None:
    _read_header()
    _continue_in_functions()
    _continue_in_workflows()
    _mark_messages()
    _mark_events()


def _read_header() -> None:
    from ministack import app as server

    answer = server.app

    async def traced(scope: dict[str, Any], receive: Any, send: Any) -> None:
        given = dict(scope["headers"]).get(HEADER, b"").decode() if scope["type"] == "http" else ""
        with_header = current.set(given)
        try:
            await answer(scope, receive, send)
        finally:
            current.reset(with_header)

    server.app = traced


def _continue_in_functions() -> None:
    from ministack.services import lambda_svc as service

    begin = service._xray_trace_id_for_invocation

    def continued(config: dict[str, Any], inbound: str | None = None) -> Any:
        root = ROOT.search(current.get())
        return f"{root[0]};Parent={secrets.token_hex(8)};Sampled=1" if root else begin(config, inbound)

    service._xray_trace_id_for_invocation = continued


def _continue_in_workflows() -> None:
    from ministack.services import stepfunctions

    start = stepfunctions._start_execution

    def started(call: dict[str, Any]) -> Any:
        """Start an execution, whose thread inherits the context."""
        return _within(call.get("traceHeader", ""), lambda: start(call))

    stepfunctions._start_execution = started


def _mark_messages() -> None:
    from ministack.services import eventbridge, sns, sqs

    attributes, complete = sqs._build_send_sys_attrs, sqs._ensure_msg_fields

    def sent(now: float, given: dict[str, Any]) -> dict[str, Any]:
        return _mark(attributes(now, given))

    def completed(message: dict[str, Any]) -> Any:
        result = complete(message)
        if delivering.get():
            _mark(message["sys"])
        return result

    def delivered(deliver: Any) -> Any:
        def to_queue(*arguments: Any, **named: Any) -> Any:
            token = delivering.set(True)
            try:
                return deliver(*arguments, **named)
            finally:
                delivering.reset(token)

        return to_queue

    sqs._build_send_sys_attrs, sqs._ensure_msg_fields = sent, completed
    eventbridge._dispatch_to_sqs = delivered(eventbridge._dispatch_to_sqs)
    sns._deliver_to_sqs = delivered(sns._deliver_to_sqs)


def _mark_events() -> None:
    """Put each entry under its own header, one by one."""
    from ministack.services import eventbridge

    put = eventbridge._put_events

    def put_events(call: dict[str, Any], *options: Any, **named: Any) -> Any:
        entries = call.get("Entries", [])
        if not any("TraceHeader" in entry for entry in entries) or len(entries) > 10:
            return put(call, *options, **named)
        answers = [
            _within(entry.get("TraceHeader", ""), lambda one=entry: put({**call, "Entries": [one]}, *options, **named))
            for entry in entries
        ]
        bodies = [json.loads(body) for _, _, body in answers]
        failed = sum(body["FailedEntryCount"] for body in bodies)
        results = [result for body in bodies for result in body["Entries"]]
        return eventbridge.json_response({"FailedEntryCount": failed, "Entries": results})

    eventbridge._put_events = put_events


def _mark(attributes: dict[str, Any]) -> dict[str, Any]:
    """Add the header to a message that was sent without one."""
    if current.get():
        attributes.setdefault("AWSTraceHeader", current.get())
    return attributes


def _within(header: str, work: Any) -> Any:
    """Do something for a call with this header, or with the current one if there is none."""
    token = current.set(header or current.get())
    try:
        return work()
    finally:
        current.reset(token)


RULE = Rule(
    "trace_headers",
    "AWS X-Ray developer guide: 'AWS Lambda and AWS X-Ray', 'Amazon SQS and AWS X-Ray', 'Amazon EventBridge and AWS "
    "X-Ray', 'Tracing event-driven applications'; Step Functions API reference: 'StartExecution' (traceHeader)",
    install,
)
