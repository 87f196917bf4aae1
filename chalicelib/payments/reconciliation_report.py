"""Making mismatches known: an event each, and a report in the bucket."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.events.contracts import LedgerMismatch, new_event
from chalicelib.events.envelope import Envelope
from chalicelib.payments.reconciliation import Mismatch
from chalicelib.platform import sheets
from chalicelib.platform.shop import shop

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class Publisher(Protocol):
    def publish(self, *events: Envelope) -> None: ...


class ReconciliationReport:
    def __init__(self, publisher: Publisher, s3: "S3Client", bucket: str) -> None:
        self._publisher = publisher
        self._s3 = s3
        self._bucket = bucket

    def publish(self, mismatch: Mismatch, at: datetime) -> None:
        self._publisher.publish(_event(mismatch, at))

    def report(self, mismatches: list[Mismatch], at: datetime) -> str:
        """Write a CSV with one line for each mismatch; return its key: the shop's day, and the time in UTC."""
        key = f"reconciliation/{shop().day_of(at)}/{at.astimezone(UTC):%Y-%m-%dT%H%M%S.%fZ}.csv"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=_csv(mismatches), ContentType=sheets.MEDIA_TYPE)
        return key


def _csv(mismatches: list[Mismatch]) -> bytes:
    rows = (published(mismatch).model_dump().values() for mismatch in mismatches)
    return sheets.written(list(LedgerMismatch.model_fields), rows).encode()


def published(mismatch: Mismatch) -> LedgerMismatch:
    """Return the mismatch as readers of the event and of the report get it."""
    return LedgerMismatch(
        kind=mismatch.kind,
        order_id=mismatch.order_id,
        payment_intent=mismatch.payment_id,
        expected=mismatch.expected,
        found=mismatch.found,
    )


def _event(mismatch: Mismatch, at: datetime) -> Envelope:
    about = mismatch.order_id or mismatch.payment_id or mismatch.id
    return new_event(published(mismatch), about=about, at=at, key=mismatch.id)
