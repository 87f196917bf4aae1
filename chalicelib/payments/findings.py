"""Making differences known: an event each, and a report in the bucket."""

import hashlib
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from chalicelib.events import bus
from chalicelib.events.contracts import PAYMENTS, BooksDiffer
from chalicelib.events.envelope import Envelope
from chalicelib.payments.reconciliation import Difference
from chalicelib.platform import sheets
from chalicelib.platform.clock import iso
from chalicelib.platform.shop import shop


class Findings:
    def __init__(self, events_client: Any, bus_name: str, s3: Any, bucket: str) -> None:
        self._events = events_client
        self._bus_name = bus_name
        self._s3 = s3
        self._bucket = bucket

    def publish(self, difference: Difference, at: datetime) -> None:
        bus.publish([_event(difference, at)], self._events, self._bus_name)

    def report(self, differences: list[Difference], at: datetime) -> str:
        """Write a CSV with one line for each difference; return its key: the shop's day, and the moment in UTC."""
        key = f"reconciliation/{shop().day_of(at)}/{at.astimezone(UTC):%Y-%m-%dT%H%M%S.%fZ}.csv"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=_csv(differences), ContentType=sheets.MEDIA_TYPE)
        return key


def _csv(differences: list[Difference]) -> bytes:
    columns = [field.name for field in fields(Difference)]
    return sheets.written(columns, (asdict(difference).values() for difference in differences)).encode()


def _event(difference: Difference, at: datetime) -> Envelope:
    return Envelope(
        id=f"evt_{hashlib.sha256(difference.id.encode()).hexdigest()[:32]}",
        type=BooksDiffer.__name__,
        version=1,
        time=iso(at),
        source=PAYMENTS,
        correlation_id=difference.order_id or difference.payment_intent or difference.id,
        causation_id=None,
        data=BooksDiffer(**asdict(difference)).model_dump(mode="json"),
    )
