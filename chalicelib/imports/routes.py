"""Imports over HTTP, for admins."""

from datetime import datetime

from chalice import Blueprint
from pydantic import BaseModel

from chalicelib import wiring
from chalicelib.imports.files import UploadForm
from chalicelib.imports.model import Counts, Format, Import, ImportNotFound, ImportStatus
from chalicelib.platform.http import Call, endpoint

routes = Blueprint(__name__)


class NewImport(BaseModel):
    format: Format


class RowCounts(Counts):
    """Rows of the file. `total` is known as soon as the file has been read."""

    total: int | None


class ImportView(BaseModel):
    """`reason` says why an import FAILED; nothing of its file was written then. `report_url` leads for five minutes
    to a CSV file with every row that failed."""

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
    next_cursor: None = None


@endpoint(
    routes, "POST", "/admin/imports", summary="Import products from a file: where to upload it", access="admin",
    body=NewImport, answer=AskedImport, status=201,
)  # fmt: skip
def ask_import(call: Call, body: NewImport) -> AskedImport:
    asked, form = wiring.imports().ask(body.format)
    return AskedImport(**_view(asked).model_dump(), upload=form)


@endpoint(
    routes, "GET", "/admin/imports/{import_id}", summary="How far an import is", access="admin",
    answer=ImportView, refusals=(ImportNotFound,),
)  # fmt: skip
def get_import(call: Call, import_id: str) -> ImportView:
    return _view(wiring.imports().get(import_id))


@endpoint(
    routes, "GET", "/admin/imports", summary="The latest imports, newest first", access="admin", answer=ImportList,
)  # fmt: skip
def list_imports(call: Call) -> ImportList:
    return ImportList(items=[_view(each) for each in wiring.imports().latest()])


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
