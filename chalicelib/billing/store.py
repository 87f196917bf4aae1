"""The billing table: the counters of the series, and the documents of each order.

| item                | pk                     | sk                   | attributes                              |
|---------------------|------------------------|----------------------|-----------------------------------------|
| the last number     | `SERIES#{kind}#{year}` | `LAST`               | `last`                                  |
| an order's document | `ORDER#{id}`           | `{kind}#{reference}` | `document`, `series`, `sequence`, `filed` |

`document` is as it was issued, `filed` says that its file was written, and the index `by-series` lists a series.
One transaction raises the counter from the value that was read and writes the document, which must not exist. So a
number is taken only together with its document, none is left out, and an order has one document of a kind for each
reference, however often it is asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.billing.model import Document, DocumentKind, Number
from chalicelib.platform.dynamo import patiently, plain, transact
from chalicelib.platform.ids import OrderId

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import PutTypeDef, UpdateTypeDef

    from chalicelib.platform.dynamodb_client import DynamoDB, Item

Attributes = dict[str, str]

BY_SERIES = "by-series"
NEW = "attribute_not_exists(pk)"
UNCHANGED = "#last = :before"


@dataclass(frozen=True)
class Stored:
    """A document, and whether its file was written."""

    document: Document
    filed: bool


def counter_key(kind: DocumentKind, year: int) -> Attributes:
    return {"pk": f"SERIES#{_series(kind, year)}", "sk": "LAST"}


def document_key(order_id: OrderId, kind: DocumentKind, reference: str) -> Attributes:
    return {"pk": f"ORDER#{order_id}", "sk": f"{kind}#{reference}"}


class BillingStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def last(self, kind: DocumentKind, year: int) -> int:
        """Return the last number that was taken, 0 if none was."""
        return int(self._item(counter_key(kind, year)).get("last", 0))

    def find(self, order_id: OrderId, kind: DocumentKind, reference: str) -> Stored | None:
        item = self._item(document_key(order_id, kind, reference))
        return _stored(item) if item else None

    def add(self, document: Document) -> bool:
        """Write a document and take its number. Raises TableBusy.

        Return False if another one was faster: the next number, or this document.
        """
        number = document.number
        item: Item = document_key(document.order_id, number.kind, document.reference) | {
            "series": _series(number.kind, number.year),
            "sequence": number.sequence,
            "document": document.model_dump(mode="json", exclude_none=True),
        }
        new: PutTypeDef = {"TableName": self._table, "Item": item, "ConditionExpression": NEW}
        return not transact(self._db, [{"Update": self._taken(number)}, {"Put": new}])

    def note_filed(self, document: Document) -> None:
        """Note that the document's file was written; from now on it can be read."""
        patiently(
            self._db.update_item,
            TableName=self._table,
            Key=document_key(document.order_id, document.number.kind, document.reference),
            UpdateExpression="SET filed = :yes",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":yes": True},
        )

    def of_order(self, order_id: OrderId) -> list[Stored]:
        """Return all documents of an order, by kind and reference."""
        answer = self._db.query(
            TableName=self._table, KeyConditionExpression=Key("pk").eq(f"ORDER#{order_id}"), ConsistentRead=True
        )
        return [_stored(item) for item in answer["Items"]]

    def page(self, kind: DocumentKind, year: int, before: int | None, size: int) -> list[Document]:
        """Return up to `size` documents of a series, newest first, with a sequence below `before`."""
        condition = Key("series").eq(_series(kind, year))
        answer = self._db.query(
            TableName=self._table,
            IndexName=BY_SERIES,
            KeyConditionExpression=condition if before is None else condition & Key("sequence").lt(before),
            ScanIndexForward=False,
            Limit=size,
        )
        return [_stored(item).document for item in answer["Items"]]

    def _taken(self, number: Number) -> "UpdateTypeDef":
        before = number.sequence - 1
        return {
            "TableName": self._table,
            "Key": counter_key(number.kind, number.year),
            "UpdateExpression": "SET #last = :now",
            "ConditionExpression": UNCHANGED if before else NEW,
            "ExpressionAttributeNames": {"#last": "last"},
            "ExpressionAttributeValues": {":now": number.sequence} | ({":before": before} if before else {}),
        }

    def _item(self, key: Attributes) -> "Item":
        return self._db.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})


def _series(kind: DocumentKind, year: int) -> str:
    return f"{kind}#{year}"


def _stored(item: "Item") -> Stored:
    return Stored(Document.model_validate(plain(item["document"])), bool(item.get("filed")))
