"""Where documents are kept: invoices for buyers, reports for the shop's people."""

from typing import Any

INVOICE_URL_SECONDS = 300


class Documents:
    """`bucket` is private; whoever may read a document gets an address that works for a short time."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, key: str, text: str, kind: str) -> None:
        """`kind` is the media type's second half. Writing the same again changes nothing."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), ContentType=f"text/{kind}; charset=utf-8")

    def address(self, key: str) -> str:
        """A URL for a browser, for INVOICE_URL_SECONDS."""
        return self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=INVOICE_URL_SECONDS
        )


def invoice_key(order_id: str) -> str:
    return f"invoices/{order_id}.html"
