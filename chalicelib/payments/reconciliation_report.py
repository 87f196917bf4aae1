"""Making mismatches known: an event each, and a report in the bucket."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from chalicelib.events import bus
from chalicelib.events.contracts import PAYMENTS, LedgerMismatch
from chalicelib.events.envelope import Envelope
from chalicelib.payments.reconciliation import Mismatch
from chalicelib.platform import sheets
from chalicelib.platform.clock import iso
from chalicelib.platform.shop import shop


class ReconciliationReport:
    def __init__(self, events_client: Any, bus_name: str, s3: Any, bucket: str) -> None:
        self._events = events_client
        self._bus_name = bus_name
        self._s3 = s3
        self._bucket = bucket

    def publish(self, mismatch: Mismatch, at: datetime) -> None:
        bus.publish([_event(mismatch, at)], self._events, self._bus_name)

    def report(self, mismatches: list[Mismatch], at: datetime) -> str:
        """Write a CSV with one line for each mismatch; return its key: the shop's day, and the moment in UTC."""
        key = f"reconciliation/{shop().day_of(at)}/{at.astimezone(UTC):%Y-%m-%dT%H%M%S.%fZ}.csv"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=_csv(mismatches), ContentType=sheets.MEDIA_TYPE)
        return key


def _csv(mismatches: list[Mismatch]) -> bytes:
    rows = (_published(mismatch).model_dump().values() for mismatch in mismatches)
    return sheets.written(list(LedgerMismatch.model_fields), rows).encode()


def _published(mismatch: Mismatch) -> LedgerMismatch:
    return LedgerMismatch(
        kind=mismatch.kind,
        order_id=mismatch.order_id,
        payment_intent=mismatch.payment_id,
        expected=mismatch.expected,
        found=mismatch.found,
    )


def _event(mismatch: Mismatch, at: datetime) -> Envelope:
    return Envelope(
        id=f"evt_{hashlib.sha256(mismatch.id.encode()).hexdigest()[:32]}",
        type=LedgerMismatch.__name__,
        version=1,
        time=iso(at),
        source=PAYMENTS,
        correlation_id=mismatch.order_id or mismatch.payment_id or mismatch.id,
        causation_id=None,
        data=_published(mismatch).model_dump(mode="json"),
    )
