"""The bucket of the imports: uploads under `uploads/`, small ones under `uploads/small/`, and beside them the reports
under `reports/`, and the batches of large files under `batches/`."""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from pydantic import AliasChoices, AliasPath, Field

from chalicelib.platform import sheets
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.log import log
from chalicelib.product_import.model import FILE_LIMIT, SMALL_FILE, BadRow, Batch, FileNotUploaded, FileRefused, Import

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

UPLOAD_SECONDS = 15 * 60
REPORT_SECONDS = 5 * 60
"""So long an address may be used."""
NOT_THERE = {"NoSuchKey", "PreconditionFailed", "412", "404", "AccessDenied", "403"}
"""Without the permission to list the bucket, a missing file is AccessDenied (GetObject, S3 API reference)."""
READ_AHEAD = 256 * 1024


class Upload(BaseModel):
    """A new file, as S3 reports it through EventBridge, or as the workflow of small files names it. `content` is the
    file's MD5, as S3 computes it."""

    key: str = Field(validation_alias=AliasChoices(AliasPath("detail", "object", "key"), "key"))
    content: str = Field(validation_alias=AliasChoices(AliasPath("detail", "object", "etag"), "etag"))

    @property
    def import_id(self) -> str:
        return self.key.rpartition("/")[2].partition(".")[0]


class UploadForm(BaseModel):
    """Send a `multipart/form-data` POST to `url`: these fields, and then the file as the field `file`."""

    url: str
    fields: dict[str, str]


class ImportFiles:
    def __init__(self, s3: "S3Client", bucket: str) -> None:
        """`s3` signs addresses that others open."""
        self._s3 = s3
        self._bucket = bucket

    def upload_form(self, new: Import) -> UploadForm:
        """For one file of at most FILE_LIMIT bytes, or SMALL_FILE bytes if it is small, within 15 minutes."""
        form = self._s3.generate_presigned_post(
            self._bucket,
            new.key,
            Conditions=[["content-length-range", 0, SMALL_FILE if new.small else FILE_LIMIT]],
            ExpiresIn=UPLOAD_SECONDS,
        )
        return UploadForm.model_validate(form)

    def uploaded(self, asked: Import) -> Upload:
        """Return the file of an import as it is now. Raises FileNotUploaded."""
        try:
            found = self._s3.head_object(Bucket=self._bucket, Key=asked.key)
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_THERE:
                raise FileNotUploaded from None
            raise
        return Upload.model_validate({"key": asked.key, "etag": found["ETag"].strip('"')})

    def open(self, upload: Upload) -> BinaryIO:
        """For reading from its beginning. Raises FileRefused if it is no longer the reported file."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=upload.key, IfMatch=f'"{upload.content}"')
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in NOT_THERE:
                log.warning("uploaded file not there", extra={"code": code, "key": upload.key})
                raise FileRefused("The file was replaced or removed before all of it was read.") from None
            raise
        # The stubs of StreamingBody lack methods of the base class io.IOBase.
        return io.BufferedReader(cast(io.RawIOBase, answer["Body"]), READ_AHEAD)

    def write_batches(self, import_id: str, all_batches: Iterable[Batch]) -> str:
        """Write batches as JSON Lines, in parts as they come, and return their key. Raises what `all_batches` raises;
        nothing is written then."""
        key = f"batches/{import_id}.jsonl"
        lines = cast(BinaryIO, io.BufferedReader(_Lines(batch.as_message() for batch in all_batches)))
        self._s3.upload_fileobj(lines, self._bucket, key, Config=TransferConfig(use_threads=False))
        return key

    def write_report(self, import_id: str, bad_rows: Iterable[BadRow]) -> None:
        text = sheets.written(["line", "sku", "problem"], ([row.line, row.sku, row.problem] for row in bad_rows))
        self._s3.put_object(
            Bucket=self._bucket, Key=_report(import_id), Body=text.encode(), ContentType=sheets.MEDIA_TYPE
        )

    def report_url(self, import_id: str) -> str:
        """Opens for five minutes."""
        report = {"Bucket": self._bucket, "Key": _report(import_id)}
        return self._s3.generate_presigned_url("get_object", Params=report, ExpiresIn=REPORT_SECONDS)


class _Lines(io.RawIOBase):
    """Texts as the lines of a file, each made when it is read."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._chunks = (f"{text}\n".encode() for text in texts)
        self._ahead = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._ahead = self._ahead or next(self._chunks, b"")
        size = min(len(buffer), len(self._ahead))
        buffer[:size], self._ahead = self._ahead[:size], self._ahead[size:]
        return size


def _report(import_id: str) -> str:
    return f"reports/{import_id}.csv"
