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
from chalicelib.platform.workflows import Workflow
from chalicelib.product_import.files import ImportFiles, Upload
from chalicelib.product_import.model import SMALL_ROWS, Batch, FileRefused, Import
from chalicelib.product_import.reading import LARGE, USUAL, batches
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
    def __init__(
        self,
        store: ImportStore,
        files: ImportFiles,
        queue: RowsQueue,
        large: Workflow,
        queued_rows: int,
        clock: Clock,
    ) -> None:
        """A file of more than `queued_rows` is left to the workflow `large`."""
        self._store = store
        self._files = files
        self._queue = queue
        self._large = large
        self._queued_rows = queued_rows
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
        measured = _measured(batches_of(self._files, found, upload), self._queued_rows)
        if measured is None:
            self._large.start(found.import_id, {"key": upload.key, "etag": upload.content})
        elif self._store.begin(found.import_id, upload.content, *measured):
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
            measured = _measured(batches_of(self._files, found, upload), SMALL_ROWS)
            if measured is None:
                raise FileRefused(f"A small file holds at most {SMALL_ROWS:,} rows. Import this one without `small`.")
        except FileRefused as refusal:
            self._store.fail(found.import_id, str(refusal), self._clock())
            return []
        _, count = measured
        return list(range(count)) if self._store.begin(found.import_id, upload.content, *measured) else []


class LargeReader:
    """First step of the workflow of large files."""

    def __init__(self, store: ImportStore, files: ImportFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def prepare(self, upload: Upload) -> str | None:
        """Begin the import and return the key of the file with its batches. Return None if the import has ended, or
        ends because its file is refused."""
        found = self._store.get(upload.import_id)
        if found is None or not found.wants(upload.content):
            return None
        total = count = 0

        def counted() -> Iterator[Batch]:
            nonlocal total, count
            for batch in batches_of(self._files, found, upload, LARGE):
                count += 1
                total += batch.size
                yield batch

        try:
            key = self._files.write_batches(found.import_id, counted())
        except FileRefused as refusal:
            self._store.fail(found.import_id, str(refusal), self._clock())
            return None
        return key if self._store.begin(found.import_id, upload.content, total, count) else None


def batches_of(files: ImportFiles, found: Import, upload: Upload, limits: tuple[int, int] = USUAL) -> Iterator[Batch]:
    """Raises FileRefused, maybe after some batches."""
    with files.open(upload) as stream:
        yield from batches(stream, found.format, found.import_id, upload.content, limits)


def _measured(all_batches: Iterable[Batch], most_rows: int) -> tuple[int, int] | None:
    """Return the number of rows and of batches, or None if there are more than `most_rows` rows. Raises FileRefused."""
    total = count = 0
    for batch in all_batches:
        count += 1
        total += batch.size
        if total > most_rows:
            return None
    return total, count
