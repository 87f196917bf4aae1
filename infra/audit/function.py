"""The audit as a Lambda function, for the lab: the same promises, and how orders went meanwhile. It only reads."""

import os
from datetime import datetime
from functools import cache
from typing import Any

import boto3

from infra.audit.auditor import Auditor, Verdict
from infra.audit.books import Reader
from infra.audit.stage import reader_of
from infra.audit.tally import tally

TOLD = 20
"""So many violations of one promise are told, and all are counted."""
SECOND_LOOK_SECONDS = 1


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`since` in the event: how the orders went that were placed since then."""
    since = datetime.fromisoformat(event["since"]) if event.get("since") else None
    auditor = Auditor(_reader())
    verdicts = auditor.verdicts(SECOND_LOOK_SECONDS)
    return {
        "read_at": auditor.books.read_at.isoformat(),
        "promises": [_told(verdict) for verdict in verdicts],
        "orders": tally(auditor.books, since),
    }


@cache
def _reader() -> Reader:
    return reader_of(boto3.Session(), os.environ["STACK_NAME"], os.environ["STRIPE_API_BASE"])


def _told(verdict: Verdict) -> dict[str, Any]:
    violations = [{"subject": subject, "text": text} for subject, text in verdict.violations.items()]
    return {
        "promise": verdict.promise,
        "checked": verdict.checked,
        "violated": len(violations),
        "violations": violations[:TOLD],
    }
