"""Reports of the test bed: lists the pages that `make simulate` and `make chaos` uploaded, for the lab."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.documents import Documents
from chalicelib.platform.errors import NotFound

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PREFIX = "testbed/"
SHOWN = 20


class RunReportsNotOffered(NotFound):
    """This stage has no lab."""


class RunReport(BaseModel):
    name: Annotated[str, Field(examples=["chaos-4711.html"])]
    written_at: str
    url: Annotated[
        str,
        Field(
            description="Address of the page, which works for five minutes.",
            examples=["https://reports.s3.eu-west-1.amazonaws.com/testbed/chaos-4711.html?X-Amz-Expires=300"],
        ),
    ]


class RunReports:
    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._documents = Documents(s3, bucket)

    def latest(self) -> list[RunReport]:
        """Return the latest reports, newest first. Raises RunReportsNotOffered."""
        if not self._bucket:
            raise RunReportsNotOffered
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PREFIX)
        found = [each for page in pages for each in page.get("Contents", [])]
        newest = sorted(found, key=lambda each: (each["LastModified"], each["Key"]), reverse=True)[:SHOWN]
        return [
            RunReport(
                name=each["Key"].removeprefix(PREFIX),
                written_at=each["LastModified"].isoformat(),
                url=self._documents.address(each["Key"]),
            )
            for each in newest
        ]
