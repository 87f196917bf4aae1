"""The imports table: an import, and of each batch what became of it.

| item   | import_id (key) | part (key)    |
|--------|-----------------|---------------|
| import | `imp_…`         | `IMPORT`      |
| batch  | `imp_…`         | `BATCH#{n:06}`|

The numbers of the counted batches are a set on the import itself, so that one conditional write adds a batch's rows
to the counts and its number to the set: no batch is counted twice. Index `latest` lists the imports by time.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import ClientError

from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.dynamo import condition_failed, is_accepted
from chalicelib.product_import.model import BadRow, Counts, Import, ImportStatus

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item, Query

KEPT = timedelta(days=90)
IMPORT = "IMPORT"
BATCHES = "BATCH#"

NEW = Attr("part").not_exists()
EXISTS = Attr("part").exists()
WAITING, RUNNING = Attr("status").eq(ImportStatus.WAITING), Attr("status").eq(ImportStatus.RUNNING)
NOT_SPLIT = Attr("is_split").not_exists()


def import_key(import_id: str) -> dict[str, str]:
    return {"import_id": import_id, "part": IMPORT}


def batch_key(import_id: str, number: int) -> dict[str, str]:
    return {"import_id": import_id, "part": f"{BATCHES}{number:06}"}


class ImportStore:
    def __init__(self, dynamodb: "DynamoDB", table: str, clock: Clock) -> None:
        self._db = dynamodb
        self._table = table
        self._clock = clock

    def create(self, new: Import, fingerprint: str | None = None) -> bool:
        """Store a new import, and what was asked for where that may be asked again. False if there is one."""
        item = import_key(new.import_id) | {
            "listed": IMPORT,
            "format": new.format,
            "status": new.status,
            "created_at": iso(new.created_at),
            "expires_at": int((new.created_at + KEPT).timestamp()),
            **({"small": True} if new.small else {}),
            **({"fingerprint": fingerprint} if fingerprint else {}),
            **Counts().model_dump(),
        }
        is_over = Attr("expires_at").lte(int(self._clock().timestamp()))
        return is_accepted(self._db.put_item, TableName=self._table, Item=item, ConditionExpression=NEW | is_over)

    def fingerprint(self, import_id: str) -> str:
        """Return what an import was asked for; empty where nothing was kept."""
        fingerprint: str = self._item(import_key(import_id)).get("fingerprint", "")
        return fingerprint

    def get(self, import_id: str) -> Import | None:
        """Return the import, or None if there is none or if it has expired, however late TTL deletes it."""
        item = self._item(import_key(import_id))
        is_current = item and int(item["expires_at"]) > int(self._clock().timestamp())
        return Import.model_validate(item) if is_current else None

    def latest(self, size: int, cursor: str | None = None) -> tuple[list[Import], str | None]:
        """Return imports, newest first, and the cursor of older ones. Raises CursorInvalid."""
        listed = {"listed": IMPORT, "part": IMPORT}
        query: Query = {
            "TableName": self._table,
            "IndexName": "latest",
            "KeyConditionExpression": Key("listed").eq(IMPORT),
            "ScanIndexForward": False,
            "Limit": size,
        }
        if cursor:
            query["ExclusiveStartKey"] = decoded(cursor, listed, "import_id", "created_at")
        answer = self._db.query(**query)
        found = [self.get(item["import_id"]) for item in answer["Items"]]
        return [each for each in found if each], encoded(answer.get("LastEvaluatedKey"))

    def begin(self, import_id: str, content: str, total: int, batches: int) -> bool:
        """RUNNING, and how much there is to do. False if it has ended, or if another file was taken for it."""
        again = RUNNING & NOT_SPLIT & Attr("content").eq(content)
        values = {"status": ImportStatus.RUNNING, "content": content, "total": total, "batches": batches}
        return self._set(import_key(import_id), values, WAITING | again)

    def note_split(self, import_id: str) -> None:
        """All its batches are in the queue."""
        self._set(import_key(import_id), {"is_split": True}, EXISTS)

    def fail(self, import_id: str, reason: str, at: datetime) -> bool:
        values = {"status": ImportStatus.FAILED, "reason": reason, "ended_at": iso(at)}
        return self._set(import_key(import_id), values, WAITING | RUNNING)

    def end(self, import_id: str, at: datetime) -> bool:
        """False if it has ended before."""
        return self._set(import_key(import_id), {"status": ImportStatus.DONE, "ended_at": iso(at)}, RUNNING)

    def decide(self, import_id: str, number: int, changing: list[int], expires_at: datetime) -> list[int]:
        """Return which lines of a batch change something. The first decision holds when the batch is repeated."""
        key = batch_key(import_id, number)
        item: Item = {**key, "changing": changing, "expires_at": int(expires_at.timestamp())}
        if is_accepted(self._db.put_item, TableName=self._table, Item=item, ConditionExpression=NEW):
            return changing
        return [int(line) for line in self._item(key)["changing"]]

    def note_bad_rows(self, import_id: str, number: int, bad_rows: list[BadRow]) -> None:
        values = {"bad_rows": [row.model_dump() for row in bad_rows]}
        self._set(batch_key(import_id, number), values, EXISTS)

    def bad_rows(self, import_id: str) -> Iterator[BadRow]:
        """Of all batches, in the order of the file."""
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=Key("import_id").eq(import_id) & Key("part").begins_with(BATCHES),
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield from sorted(map(BadRow.model_validate, item.get("bad_rows", [])), key=lambda row: row.line)

    def count(self, import_id: str, number: int, counts: Counts) -> Import | None:
        """Adds a batch to the counts, once. The import as it is now; None if there is none."""
        adding = {"written": counts.written, "unchanged": counts.unchanged, "failed": counts.failed}
        try:
            answer = self._db.update_item(
                TableName=self._table,
                Key=import_key(import_id),
                UpdateExpression="ADD #counted :number, #written :written, #unchanged :unchanged, #failed :failed",
                ConditionExpression=EXISTS & (Attr("counted").not_exists() | ~Attr("counted").contains(number)),
                ExpressionAttributeNames={f"#{name}": name for name in ("counted", *adding)},
                ExpressionAttributeValues={":number": {number}, **{f":{name}": n for name, n in adding.items()}},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if condition_failed(error):
                return self.get(import_id)
            raise
        return Import.model_validate(answer["Attributes"])

    def _item(self, key: dict[str, str]) -> "Item":
        return self._db.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})

    def _set(self, key: dict[str, str], values: dict[str, Any], condition: ConditionBase) -> bool:
        """False if the condition does not hold."""
        return is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key=key,
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
