"""Imports over HTTP, for admins."""

from datetime import datetime
from typing import Annotated

from chalice import Blueprint
from pydantic import StringConstraints

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.request_keys import IDEMPOTENCY_KEY, IdempotencyConflict, IdempotencyKeyInvalid, request_key
from chalicelib.product_import.files import UploadForm
from chalicelib.product_import.model import (
    Counts,
    FileNotUploaded,
    Format,
    Import,
    ImportNotFound,
    ImportStatus,
    NotSmall,
)
from chalicelib.wiring import product_import as wiring

routes = Blueprint(__name__)


class NewImport(BaseModel):
    """`small` announces a file of at most 200,000 bytes and 500 rows, which is imported when it is run."""

    format: Format
    small: bool = False


class RowCounts(Counts):
    """Rows of the file. `total` is known as soon as the file has been read."""

    total: int | None


class ImportView(BaseModel):
    """`reason` says why an import FAILED; nothing of its file was written then, unless the file was replaced meanwhile.
    `report_url` leads for five minutes to a CSV file with every row that failed."""

    import_id: str
    format: Format
    status: ImportStatus
    reason: str | None
    rows: RowCounts
    report_url: str | None
    created_at: datetime
    ended_at: datetime | None


class AskedImport(ImportView):
    upload: UploadForm


class ImportList(BaseModel):
    items: list[ImportView]
    next_cursor: str | None


class ImportQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None


@endpoint(
    routes, "POST", "/admin/imports", summary="Create a product import", access="admin",
    headers=(IDEMPOTENCY_KEY,), body=NewImport, answer=AskedImport, status=201,
    refusals=(IdempotencyKeyInvalid, IdempotencyConflict),
)  # fmt: skip
def ask_import(call: Call, body: NewImport) -> AskedImport:
    """Create an import and return a form for the upload of its file. The import starts after the upload; that of a
    small file starts when it is run, or else some minutes later."""
    key = request_key(call, "import", body.model_dump(exclude_defaults=True))
    asked, form = wiring.imports().ask(body.format, key, body.small)
    return AskedImport(**_view(asked).model_dump(), upload=form)


@endpoint(
    routes, "POST", "/admin/imports/{import_id}/run", summary="Run a product import", access="admin",
    answer=ImportView, refusals=(ImportNotFound, NotSmall, FileNotUploaded),
)  # fmt: skip
def run_import(call: Call, import_id: str) -> ImportView:
    """Import the small file that was uploaded, and return the import after ten seconds at most. If it has not ended by
    then, it goes on: get it again. A repeated call does nothing twice."""
    return _view(wiring.imports().run(import_id))


@endpoint(
    routes, "GET", "/admin/imports/{import_id}", summary="Get a product import", access="admin",
    answer=ImportView, refusals=(ImportNotFound,),
)  # fmt: skip
def get_import(call: Call, import_id: str) -> ImportView:
    """Return the status and row counts of an import, and a link to its error report."""
    return _view(wiring.imports().get(import_id))


@endpoint(
    routes, "GET", "/admin/imports", summary="List product imports", access="admin",
    query=ImportQuery, answer=ImportList, refusals=(CursorInvalid,),
)  # fmt: skip
def list_imports(call: Call, query: ImportQuery) -> ImportList:
    """Return the imports of the last 90 days, newest first."""
    imports, next_cursor = wiring.imports().latest(query.cursor)
    return ImportList(items=[_view(each) for each in imports], next_cursor=next_cursor)


def _view(shown: Import) -> ImportView:
    return ImportView(
        import_id=shown.import_id,
        format=shown.format,
        status=shown.status,
        reason=shown.reason,
        rows=RowCounts(total=shown.total, **shown.model_dump(include=set(Counts.model_fields))),
        report_url=wiring.imports().report_url(shown),
        created_at=shown.created_at,
        ended_at=shown.ended_at,
    )
