"""Client: the methods of `boto3.resource("dynamodb").meta.client`, and of a resource's tables."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from botocore.exceptions import ParamValidationError

from testbed.dynamodb import batches, reads, transactions, writes
from testbed.dynamodb.errors import Refusal
from testbed.dynamodb.table import Table

RETURNING = frozenset({"ReturnValues"})
PAGING = {"PageSize", "MaxItems"}

Answer = dict[str, Any]
Around = Callable[[str, tuple[str, ...], Callable[[], Any]], Any]
"""Is given the operation, its tables and the call, which raises ClientError. Returns its answer, or another one."""


class Database(Protocol):
    """What a client needs of the database."""

    tokens: transactions.Tokens
    clock: Callable[[], Any]

    def table(self, name: str) -> Table: ...


def directly(operation: str, tables: tuple[str, ...], call: Callable[[], Any]) -> Any:
    return call()


class Client:
    """Takes and gives plain values, as the client of a boto3 resource does. `around` is called with every call."""

    def __init__(self, database: Database, around: Around = directly) -> None:
        self._database = database
        self._tables = database.table
        self.around = around

    def get_item(self, **given: Any) -> Answer:
        return self._call("GetItem", _table(given), lambda: reads.get(self._tables, given))

    def put_item(self, **given: Any) -> Answer:
        return self._call(
            "PutItem", _table(given), lambda: writes.made(writes.put(self._tables, given, RETURNING), "ALL_OLD")
        )

    def delete_item(self, **given: Any) -> Answer:
        return self._call(
            "DeleteItem", _table(given), lambda: writes.made(writes.delete(self._tables, given, RETURNING), "ALL_OLD")
        )

    def update_item(self, **given: Any) -> Answer:
        returned = ("ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
        return self._call(
            "UpdateItem", _table(given), lambda: writes.made(writes.update(self._tables, given, RETURNING), *returned)
        )

    def query(self, **given: Any) -> Answer:
        return self._call("Query", _table(given), lambda: reads.query(self._tables, given))

    def scan(self, **given: Any) -> Answer:
        return self._call("Scan", _table(given), lambda: reads.scan(self._tables, given))

    def batch_get_item(self, **given: Any) -> Answer:
        return self._call("BatchGetItem", _batched(given), lambda: batches.get(self._tables, given))

    def batch_write_item(self, **given: Any) -> Answer:
        return self._call("BatchWriteItem", _batched(given), lambda: batches.write(self._tables, given))

    def transact_write_items(self, **given: Any) -> Answer:
        named = (each.get("TableName", "") for action in given.get("TransactItems", []) for each in action.values())
        tables, database = tuple(dict.fromkeys(named)), self._database

        def call() -> Answer:
            transactions.transact(database.table, database.tokens, database.clock, given)
            return {}

        return self._call("TransactWriteItems", tables, call)

    def describe_table(self, *, TableName: str) -> Answer:
        table = self._tables(TableName)
        kept = ("AttributeDefinitions", "GlobalSecondaryIndexes", "KeySchema", "StreamSpecification")
        described = {name: table.properties[name] for name in kept if name in table.properties}
        return {"Table": {"TableName": TableName, "TableStatus": "ACTIVE", "ItemCount": len(table.rows), **described}}

    def get_paginator(self, operation_name: str) -> "Paginator":
        return Paginator({"query": self.query, "scan": self.scan}[operation_name])

    def _call(self, operation: str, tables: tuple[str, ...], work: Callable[[], Answer]) -> Answer:
        def call() -> Answer:
            try:
                answer = work()
            except Refusal as refusal:
                raise refusal.error(operation) from None
            answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "RetryAttempts": 0}
            return answer

        answer: Answer = self.around(operation, tables, call)
        return answer


def _table(given: Mapping[str, Any]) -> tuple[str, ...]:
    if "TableName" not in given:
        raise ParamValidationError(report='Missing required parameter in input: "TableName"')
    return (given["TableName"],)


def _batched(given: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(given.get("RequestItems", ()))


class Paginator:
    def __init__(self, read: Callable[..., Answer]) -> None:
        self._read = read

    def paginate(self, **given: Any) -> Iterator[Answer]:
        """Yield the pages, of at most `PageSize` items that are read and `MaxItems` items in all."""
        config = given.pop("PaginationConfig", {})
        if others := config.keys() - PAGING:
            raise NotImplementedError(f"{', '.join(sorted(others))}: not simulated")
        if "PageSize" in config:
            given["Limit"] = config["PageSize"]
        return self._pages(given, config.get("MaxItems"))

    def _pages(self, given: Answer, rest: int | None) -> Iterator[Answer]:
        while True:
            page = self._read(**given)
            if rest is not None:
                page["Items"] = page["Items"][:rest]
                rest -= len(page["Items"])
            yield page
            if "LastEvaluatedKey" not in page or rest == 0:
                return
            given = {**given, "ExclusiveStartKey": page["LastEvaluatedKey"]}


class Resource:
    """What `boto3.resource("dynamodb")` returns, as far as it is simulated: `Table` and `meta.client`."""

    def __init__(self, client: Client) -> None:
        self.meta = Meta(client)

    def Table(self, name: str) -> "TableResource":
        return TableResource(self.meta.client, name)


class Meta:
    def __init__(self, client: Client) -> None:
        self.client = client


class TableResource:
    """A table of a resource: the client's methods without the table's name."""

    def __init__(self, client: Client, name: str) -> None:
        self.meta = Meta(client)
        self.name = self.table_name = name

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        if name not in ("get_item", "put_item", "update_item", "delete_item", "query", "scan"):
            raise AttributeError(name)
        method = getattr(self.meta.client, name)
        return lambda **given: method(TableName=self.name, **given)

    def batch_writer(self) -> "BatchWriter":
        return BatchWriter(self)


class BatchWriter:
    """Writes at once what boto3 would gather into batches."""

    def __init__(self, table: TableResource) -> None:
        self._table = table

    def __enter__(self) -> "BatchWriter":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def put_item(self, Item: Mapping[str, Any]) -> None:
        self._write({"PutRequest": {"Item": Item}})

    def delete_item(self, Key: Mapping[str, Any]) -> None:
        self._write({"DeleteRequest": {"Key": Key}})

    def _write(self, action: Mapping[str, Any]) -> None:
        self._table.meta.client.batch_write_item(RequestItems={self._table.name: [action]})
