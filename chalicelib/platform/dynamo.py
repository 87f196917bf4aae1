"""What the stores share: writing under contention, reading DynamoDB's refusals, and a table with one item per order."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeAlias, TypeVar, overload

from botocore.exceptions import ClientError
from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.ids import OrderId
from chalicelib.platform.retries import retry_on_conflict

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from chalicelib.platform.dynamodb_client import BatchWrites, DynamoDB, KeysOfTable


class Versioned(BaseModel):
    """What is kept one per order. `version` counts the changes; the store raises it."""

    model_config = ConfigDict(frozen=True)

    order_id: OrderId
    version: int = 1


Item = TypeVar("Item", bound=Versioned)

Call = ParamSpec("Call")
Answer = TypeVar("Answer")

Write: TypeAlias = "TransactWriteItemTypeDef"
"""One write of a transaction, which a room may hand to another one: neither needs to know the other's table."""

Found = TypeVar("Found", covariant=True)
First = TypeVar("First")
Second = TypeVar("Second")
Third = TypeVar("Third")


@dataclass(frozen=True)
class Read(Generic[Found]):
    """A read of a table's items by key, and what to return of those that exist. A room may hand it to another one,
    as a `Write`: `read_together` makes several in one request.
    """

    table: str
    keys: list[dict[str, str]]
    parsed: Callable[[list[dict[str, Any]]], Found]
    consistent: bool = True


CONFLICT = "TransactionConflictException"
"""A single write met a transaction: Amazon DynamoDB developer guide, "Transaction conflict handling in DynamoDB".
A throttled write is retried by botocore, whose pauses leave no time for more."""
CONTENTION = {"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"}
"""Reasons of a cancelled transaction that say nothing about the items: API reference, `TransactWriteItems`, errors.
botocore does not look at them."""
REFUSED = "ConditionalCheckFailed"
BATCH_GET_LIMIT = 100
TRANSACTION_LIMIT = 100
BATCH_WRITE_LIMIT = 25
CONTENTION_ATTEMPTS = 12
"""With full jitter they pause for two seconds on average and four at most, below every function's time limit."""

NEW = "attribute_not_exists(order_id)"
UNCHANGED = "version = :version"


class TableBusy(Unavailable):
    """The table refused a write for lasting contention; a later attempt will succeed."""


def patiently(write: Callable[Call, Answer], *args: Call.args, **request: Call.kwargs) -> Answer:
    """Make one write and return its answer. Retry it while it is refused for contention.

    Raises TableBusy, or the ClientError that refused it for another reason, such as a condition.
    """
    for _ in retry_on_conflict(CONTENTION_ATTEMPTS):
        try:
            return write(*args, **request)
        except ClientError as error:
            if not _is_contention(error):
                raise
            contention = error
    raise TableBusy(contention.response["Error"]["Code"]) from contention


def transact(dynamodb: "DynamoDB", writes: list[Write]) -> list[int]:
    """Write all or nothing. Return the positions of the writes that their conditions refused: none if all are written.

    Raises TableBusy.
    """
    return list(refusals(dynamodb, writes))


def refusals(dynamodb: "DynamoDB", writes: list[Write]) -> dict[int, dict[str, Any] | None]:
    """Write all or nothing. Return the writes that their conditions refused, by position, each with its item.

    The item is None if there is none, or if the write does not ask for it (`ReturnValuesOnConditionCheckFailure`).
    Raises TableBusy.
    """
    try:
        patiently(dynamodb.transact_write_items, TransactItems=writes)
    except ClientError as error:
        refused = {position: each for position, each in enumerate(_reasons(error)) if each.get("Code") == REFUSED}
        if not refused:
            raise
        return {position: _found(each.get("Item")) for position, each in refused.items()}
    return {}


def _found(item: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an item of an error as plain values. boto3 converts those of answers only."""
    from boto3.dynamodb.types import TypeDeserializer

    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()} if item else None


@overload
def read_together(dynamodb: "DynamoDB", *reads: *tuple[Read[First]]) -> tuple[First]: ...
@overload
def read_together(dynamodb: "DynamoDB", *reads: *tuple[Read[First], Read[Second]]) -> tuple[First, Second]: ...
@overload
def read_together(
    dynamodb: "DynamoDB", *reads: *tuple[Read[First], Read[Second], Read[Third]]
) -> tuple[First, Second, Third]: ...
def read_together(dynamodb: "DynamoDB", *reads: Read[Any]) -> tuple[Any, ...]:
    """Return what each read of another table returns, in one request for up to 100 keys.

    Items are read one by one, not as a snapshot. Raises TableBusy, and what `parsed` of a read raises.
    """
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    keys = [(read, key) for read in reads for key in read.keys]
    for start in range(0, len(keys), BATCH_GET_LIMIT):
        _get_all(dynamodb, keys[start : start + BATCH_GET_LIMIT], found)
    return tuple(read.parsed(found[read.table]) for read in reads)


def _get_all(
    dynamodb: "DynamoDB", keys: list[tuple[Read[Any], dict[str, str]]], found: dict[str, list[dict[str, Any]]]
) -> None:
    """Add the items that exist to `found`, by table. Ask again for keys that DynamoDB did not get to.

    Raises TableBusy.
    """
    request: dict[str, KeysOfTable] = {}
    for read, key in keys:
        request.setdefault(read.table, {"Keys": [], "ConsistentRead": read.consistent})["Keys"].append(key)
    for _ in retry_on_conflict(CONTENTION_ATTEMPTS):
        answer = dynamodb.batch_get_item(RequestItems=request)
        for table, items in answer["Responses"].items():
            found[table] += items
        # In the form of a request: API reference, `BatchGetItem`, UnprocessedKeys.
        request = answer["UnprocessedKeys"]
        if not request:
            return
    raise TableBusy("UnprocessedKeys")


def batch_put(dynamodb: "DynamoDB", table: str, items: list[dict[str, Any]]) -> None:
    """Store items of distinct keys, unconditionally and in any order. Raises TableBusy, with some of them stored."""
    for first in range(0, len(items), BATCH_WRITE_LIMIT):
        asked: BatchWrites = {
            table: [{"PutRequest": {"Item": item}} for item in items[first : first + BATCH_WRITE_LIMIT]]
        }
        for _ in retry_on_conflict(CONTENTION_ATTEMPTS):
            asked = dynamodb.batch_write_item(RequestItems=asked)["UnprocessedItems"]
            if not asked:
                break
        else:
            raise TableBusy("UnprocessedItems")


def condition_failed(error: ClientError) -> bool:
    """Whether a single write was refused by its own condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def is_accepted(write: Callable[Call, object], *args: Call.args, **request: Call.kwargs) -> bool:
    """Make one conditional write. Return False if its own condition refused it. Raises TableBusy."""
    try:
        patiently(write, *args, **request)
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def _is_contention(error: ClientError) -> bool:
    """Whether contention alone is to blame. A condition that failed beside it decides, however often it is retried."""
    blamed = {reason.get("Code", "None") for reason in _reasons(error)} - {"None"}
    return error.response["Error"]["Code"] == CONFLICT or bool(blamed and blamed <= CONTENTION)


def _reasons(error: ClientError) -> list[dict[str, Any]]:
    """One reason for each write of a cancelled transaction, with the code `None` for those that were not to blame."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    return [dict(reason) for reason in error.response.get("CancellationReasons", [])]


def plain(value: Any) -> Any:
    """DynamoDB's Decimals back to whole numbers, for what has no model: every number that we keep is one."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, Decimal) else value


class PerOrderStore(Generic[Item]):
    """One item per order, changed only in the `version` that was read."""

    model: type[Item]

    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, order_id: OrderId) -> Item | None:
        answer = self._db.get_item(TableName=self._table, Key={"order_id": order_id}, ConsistentRead=True)
        return self.model.model_validate(answer["Item"]) if "Item" in answer else None

    def get_all(self, order_ids: list[OrderId]) -> dict[OrderId, Item]:
        """Return the items of these orders that have one. Raises TableBusy."""
        keys: list[dict[str, str]] = [{"order_id": order_id} for order_id in order_ids]
        return read_together(self._db, Read(self._table, keys, self._by_order))[0]

    def _by_order(self, items: list[dict[str, Any]]) -> dict[OrderId, Item]:
        return {item["order_id"]: self.model.model_validate(item) for item in items}

    def reading(self, order_id: OrderId) -> Read[Item | None]:
        """Return the read of what `get` returns."""
        return Read(self._table, [{"order_id": order_id}], self._one)

    def _one(self, items: list[dict[str, Any]]) -> Item | None:
        return self.model.model_validate(items[0]) if items else None

    def create(self, item: Item) -> bool:
        """False if this order has an item already."""
        return self._put(item, ConditionExpression=NEW)

    def replace(self, old: Item, **changes: Any) -> Item | None:
        """The item as it is now, or None if it was changed since `old` was read."""
        new = old.model_copy(update={**changes, "version": old.version + 1})
        was_unchanged = {":version": old.version}
        return new if self._put(new, ConditionExpression=UNCHANGED, ExpressionAttributeValues=was_unchanged) else None

    def _put(self, item: Item, **condition: Any) -> bool:
        item_of_table = item.model_dump(exclude_none=True)
        return is_accepted(self._db.put_item, TableName=self._table, Item=item_of_table, **condition)
