"""Missing object: who may not list the bucket gets 403 AccessDenied for a missing key, not `NoSuchKey`."""

from typing import Any

from infra.local.strict.rule import Rule


def install() -> None:
    from ministack.core import iam_evaluator
    from ministack.core.router import extract_access_key_id, extract_region
    from ministack.services import s3

    enforce = iam_evaluator.enforce  # without the recording of calls: a refusal here is not a refused call

    def may_list(bucket: str, headers: Any, query: Any) -> bool:
        key = extract_access_key_id(headers, query)
        call = (key, "s3:ListBucket", "s3", extract_region(headers, query))
        if not key or enforce(*call, resource_arn=f"arn:aws:s3:::{bucket}"):
            return False
        iam_evaluator.enforce(*call, resource_arn=f"arn:aws:s3:::{bucket}")  # a use of the permission
        return True

    def hidden(read: Any) -> Any:
        def reading(bucket: str, key: str, headers: Any = None, query: Any = None) -> Any:
            result = read(bucket, key, headers, query)
            missing = result[0] == 404 and s3._ensure_bucket(bucket) is not None
            if not missing or may_list(bucket, headers or {}, query or {}):
                return result
            status, refusal, body = s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}")
            return status, refusal, body if read is get else b""

        return reading

    get, head = s3._get_object, s3._head_object
    s3._get_object, s3._head_object = hidden(get), hidden(head)


RULE = Rule("missing_object", "Amazon S3 API reference: 'GetObject' and 'HeadObject', Permissions", install)
