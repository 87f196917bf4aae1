"""Bucket creation: an empty `CreateBucketConfiguration` is malformed XML.

The emulator checks the location constraint itself, so `tests/strict` holds that as well.
"""

from typing import Any

from infra.local.strict.rule import Rule


def install() -> None:
    from ministack.services import s3

    create = s3._create_bucket

    def checked(name: str, body: bytes, *others: Any, **settings: Any) -> Any:
        if body.strip() and not list(s3.fromstring(body)):
            text = "The XML you provided was not well-formed or did not validate against our published schema"
            return s3._error("MalformedXML", text, 400, f"/{name}")
        return create(name, body, *others, **settings)

    s3._create_bucket = checked


RULE = Rule("create_bucket", "Amazon S3 API reference: 'CreateBucket', 'Error responses' (MalformedXML)", install)
