"""Documents in S3: invoices and credit notes for buyers, reports for the shop's people."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

URL_SECONDS = 300
"""How long an address of a document works."""


class Documents:
    """`bucket` is private; a permitted reader gets an address that works for a short time."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, key: str, text: str, kind: str) -> None:
        """Write a document, or replace it. `kind` is the media type's second half."""
        self._s3.put_object(**self._object(key, text, kind))

    def write_bytes(self, key: str, content: bytes, media_type: str) -> None:
        """Write a document that is no text, or replace it."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=media_type)

    def write_once(self, key: str, text: str, kind: str) -> None:
        """Write a document unless there is one: what was issued stays as it is."""
        try:
            self._s3.put_object(**self._object(key, text, kind), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise

    def address(self, key: str) -> str:
        """Return a URL for a browser, for URL_SECONDS."""
        return self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=URL_SECONDS
        )

    def _object(self, key: str, text: str, kind: str) -> dict[str, Any]:
        content_type = f"text/{kind}; charset=utf-8"
        return {"Bucket": self._bucket, "Key": key, "Body": text.encode(), "ContentType": content_type}
