"""Audit function: the auditor as a Lambda function for the lab. It only reads."""

import os
from datetime import datetime
from functools import cache
from typing import Any

import boto3

from infra.audit.auditor import Auditor, Verdict
from infra.audit.books import Reader
from infra.audit.stage import reader_of
from infra.audit.tally import tally

MAX_VIOLATIONS = 20
"""Violations returned per invariant; all are counted."""
SECOND_LOOK_SECONDS = 1


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Audit the shop; tally the orders placed since the event's `since`, or all."""
    since = datetime.fromisoformat(event["since"]) if event.get("since") else None
    auditor = Auditor(_reader())
    verdicts = auditor.verdicts(SECOND_LOOK_SECONDS)
    return {
        "read_at": auditor.books.read_at.isoformat(),
        "promises": [_view(verdict) for verdict in verdicts],
        "orders": tally(auditor.books, since),
    }


@cache
def _reader() -> Reader:
    return reader_of(boto3.Session(), os.environ["STACK_NAME"], os.environ["STRIPE_API_BASE"])


def _view(verdict: Verdict) -> dict[str, Any]:
    violations = [{"subject": subject, "text": text} for subject, text in verdict.violations.items()]
    return {
        "promise": verdict.invariant,
        "checked": verdict.checked,
        "violated": len(violations),
        "violations": violations[:MAX_VIOLATIONS],
    }
