"""An uploaded file becomes batches, in a queue or as the numbers that the workflow of small files gets.

A file is read twice: the first time only to see that all of it can be read and how many rows there are, so that it is
refused as a whole or not at all, and progress has an end. A repetition splits again; batches that were counted already
are skipped when they are written.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.log import log
from chalicelib.product_import.files import ImportFiles, Upload
from chalicelib.product_import.model import SMALL_ROWS, Batch, FileRefused, Import
from chalicelib.product_import.reading import batches
from chalicelib.product_import.store import ImportStore

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

SEND_LIMIT = 10


class NotQueued(Unavailable):
    """The queue did not take a batch."""


class RowsQueue:
    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, all_batches: Iterable[Batch]) -> None:
        """Raises NotQueued; some may then be in the queue."""
        ahead = iter(all_batches)
        while some := list(islice(ahead, SEND_LIMIT)):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(batch.number), "MessageBody": batch.as_message()} for batch in some
            ]
            if self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed"):
                raise NotQueued


class Splitter:
    def __init__(self, store: ImportStore, files: ImportFiles, queue: RowsQueue, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._queue = queue
        self._clock = clock

    def split(self, upload: Upload) -> None:
        found = self._store.get(upload.import_id)
        if found is None or not found.wants(upload.content):
            log.info("upload passed over", extra={"import_id": upload.import_id})
            return
        try:
            self._split(found, upload)
        except FileRefused as refusal:
            self._store.fail(found.import_id, str(refusal), self._clock())

    def _split(self, found: Import, upload: Upload) -> None:
        total, count = _measured(batches_of(self._files, found, upload))
        if self._store.begin(found.import_id, upload.content, total, count):
            self._queue.send(batches_of(self._files, found, upload))
            self._store.note_split(found.import_id)


class SmallReader:
    """First step of the workflow of small files."""

    def __init__(self, store: ImportStore, files: ImportFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def read(self, upload: Upload) -> list[int]:
        """Begin the import and return the numbers of its batches, counted ones too: the last of them ends the import.
        Return none if the import has ended, or ends because its file is refused."""
        found = self._store.get(upload.import_id)
        if found is None or not found.wants(upload.content):
            return []
        try:
            total, count = _measured(batches_of(self._files, found, upload), at_most=SMALL_ROWS)
        except FileRefused as refusal:
            self._store.fail(found.import_id, str(refusal), self._clock())
            return []
        return list(range(count)) if self._store.begin(found.import_id, upload.content, total, count) else []


def batches_of(files: ImportFiles, found: Import, upload: Upload) -> Iterator[Batch]:
    """Raises FileRefused, maybe after some batches."""
    with files.open(upload) as stream:
        yield from batches(stream, found.format, found.import_id, upload.content)


def _measured(all_batches: Iterable[Batch], at_most: int | None = None) -> tuple[int, int]:
    """Return the number of rows and of batches. Raises FileRefused."""
    total = count = 0
    for batch in all_batches:
        count += 1
        total += len(batch.rows) + len(batch.bad_rows)
        if at_most is not None and total > at_most:
            raise FileRefused(f"A small file holds at most {at_most:,} rows. Import this one without `small`.")
    return total, count
