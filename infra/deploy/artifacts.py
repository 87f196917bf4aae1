"""Artifacts: code and templates in the bucket from which CloudFormation reads them, one bucket for each region."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

SUPERSEDED = {"Key": "superseded", "Value": "true"}
ARCHIVES = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
"""The property that names a resource's archive, by the resource's type."""
DAYS_KEPT = 30
NO_LOCATION = "us-east-1"
"""CreateBucket refuses an empty location there (API reference, CreateBucket: LocationConstraint)."""


class BucketNotOurs(Exception):
    """The bucket of artifacts belongs to another account, or the caller may not use it."""


class Artifacts:
    """The artifacts of one stack. Code that no template uses any more is marked, and deleted after 30 days."""

    def __init__(self, session: boto3.Session, stack: str) -> None:
        self._s3: Any = session.client("s3")
        self._account = session.client("sts").get_caller_identity()["Account"]
        self._region, self._stack = session.region_name, stack
        self.bucket = f"storefront-artifacts-{self._account}-{self._region}"

    def upload(self, template: dict[str, Any], code: Path, progress: Callable[[str], None]) -> str:
        """Upload the code under its hash, and the template that names it. Return the template's address.

        Raises BucketNotOurs.
        """
        self._ensure_bucket()
        located = json.loads(json.dumps(template))
        uploaded: dict[str, dict[str, str]] = {}
        for properties, name in _archives(located):
            source = properties[name]
            if source not in uploaded:
                uploaded[source] = self._upload_code(code / source, progress)
            properties[name] = uploaded[source]
        self._current = {place["Key"] for place in uploaded.values()}
        return self.put_template(located)

    def put_template(self, template: dict[str, Any]) -> str:
        """Upload a template whose code is uploaded already. Return its address."""
        key = f"templates/{self._stack}.json"
        self._put(key, json.dumps(template).encode())
        return self._s3.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": key}).split("?")[0]

    def mark_superseded(self) -> None:
        """Mark the code that the deployed template does not use. A rollback needs it, so call this after a success."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"code/{self._stack}/")
        for key in (each["Key"] for page in pages for each in page.get("Contents", [])):
            if key not in self._current:
                self._s3.put_object_tagging(Bucket=self.bucket, Key=key, Tagging={"TagSet": [SUPERSEDED]})

    def _upload_code(self, path: Path, progress: Callable[[str], None]) -> dict[str, str]:
        """Upload code, unless that was done within a day. Code that is used again loses its mark either way."""
        content = path.read_bytes()
        key = f"code/{self._stack}/{hashlib.sha256(content).hexdigest()}.zip"
        if self._is_fresh(key):
            self._s3.delete_object_tagging(Bucket=self.bucket, Key=key)
        else:
            progress(f"uploading {path.name} ({len(content) / 1e6:.1f} MB)")
            self._put(key, content)
        return {"Bucket": self.bucket, "Key": key}

    def _is_fresh(self, key: str) -> bool:
        try:
            found = self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
                return False
            raise
        return datetime.now(UTC) - found["LastModified"] < timedelta(days=1)

    def _put(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ExpectedBucketOwner=self._account)

    def _ensure_bucket(self) -> None:
        try:
            self._s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self._account)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 403:
                raise BucketNotOurs(
                    f"The bucket {self.bucket} exists, and this account may not use it: it belongs to another account, "
                    "or your credentials do not allow s3:ListBucket."
                ) from None
            if status != 404:
                raise
            self._create_bucket()

    def _create_bucket(self) -> None:
        location = {} if self._region == NO_LOCATION else {"LocationConstraint": self._region}
        self._s3.create_bucket(Bucket=self.bucket, **({"CreateBucketConfiguration": location} if location else {}))
        rules = [
            {
                "ID": "superseded-code",
                "Status": "Enabled",
                "Filter": {"Tag": SUPERSEDED},
                "Expiration": {"Days": DAYS_KEPT},
            },
            {
                "ID": "unfinished-uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
        ]
        self._s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": rules})
        blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        self._s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True)
        )


def _archives(template: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the properties that name an archive, with the property's name. A container image has none."""
    for resource in template["Resources"].values():
        name = ARCHIVES.get(resource["Type"], "")
        if name in resource.get("Properties", {}):
            yield resource["Properties"], name
