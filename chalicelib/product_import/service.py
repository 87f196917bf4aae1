"""What an admin does: ask for an import, and look how far it is."""

import re
import uuid

from chalicelib.platform.clock import Clock
from chalicelib.platform.request_keys import RequestKey
from chalicelib.platform.workflows import Workflow
from chalicelib.product_import.files import ImportFiles, UploadForm
from chalicelib.product_import.model import Format, Import, ImportNotFound, ImportStatus, NotSmall
from chalicelib.product_import.store import ImportStore

PAGE_SIZE = 20
IMPORT_ID = re.compile("imp_[0-9a-f]{32}")


class ProductImports:
    def __init__(self, store: ImportStore, files: ImportFiles, small: Workflow, clock: Clock) -> None:
        """`small` is the workflow of small files."""
        self._store = store
        self._files = files
        self._small = small
        self._clock = clock

    def ask(self, file_format: Format, key: RequestKey | None = None, small: bool = False) -> tuple[Import, UploadForm]:
        """Return a new import, the same one for each key, and where to send its file to.

        Raises IdempotencyConflict.
        """
        import_id = f"imp_{key.id[:32] if key else uuid.uuid4().hex}"
        new = Import(
            import_id=import_id,
            format=file_format,
            status=ImportStatus.WAITING,
            created_at=self._clock(),
            small=small,
        )
        if not self._store.create(new, key.fingerprint if key else None):
            if key:
                key.check(self._store.fingerprint(import_id))
            new = self.get(import_id)
        return new, self._files.upload_form(new)

    def run(self, import_id: str) -> Import:
        """Import the uploaded small file and return the import, which goes on if it takes long. A repetition continues
        an import that has not ended.

        Raises ImportNotFound, NotSmall, FileNotUploaded, WorkflowUnavailable.
        """
        found = self.get(import_id)
        if not found.small:
            raise NotSmall
        if not found.has_ended:
            upload = self._files.uploaded(found)
            self._small.run({"key": upload.key, "etag": upload.content})
        return self.get(import_id)

    def get(self, import_id: str) -> Import:
        """Raises ImportNotFound."""
        found = self._store.get(import_id) if IMPORT_ID.fullmatch(import_id) else None
        if found is None:
            raise ImportNotFound
        return found

    def latest(self, cursor: str | None = None) -> tuple[list[Import], str | None]:
        """Return a page of imports, newest first, and the cursor of the next one. Raises CursorInvalid."""
        return self._store.latest(PAGE_SIZE, cursor)

    def report_url(self, asked: Import) -> str | None:
        """Of the rows that failed, if the import is done and there are any."""
        has_report = asked.status == ImportStatus.DONE and asked.failed
        return self._files.report_url(asked.import_id) if has_report else None
