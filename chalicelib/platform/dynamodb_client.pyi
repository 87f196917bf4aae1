"""Types of the DynamoDB client that `aws.dynamodb` returns. Only a type checker reads this file.

The client belongs to a boto3 resource: it takes conditions that are built with boto3 and plain Python values, and it
returns plain values. The stubs of types-boto3 describe that for a table, whose requests lack the table's name.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, Protocol, TypedDict, Unpack, overload

from types_boto3_dynamodb.literals import ReturnValuesOnConditionCheckFailureType
from types_boto3_dynamodb.type_defs import (
    DeleteItemInputTableDeleteItemTypeDef,
    GetItemInputTableGetItemTypeDef,
    PaginatorConfigTypeDef,
    PutItemInputTablePutItemTypeDef,
    QueryInputTableQueryTypeDef,
    ScanInputTableScanTypeDef,
    TransactWriteItemsInputTypeDef,
    UpdateItemInputTableUpdateItemTypeDef,
)

Item = dict[str, Any]
"""An item as it is stored; the store that reads it parses it."""

class GetItem(GetItemInputTableGetItemTypeDef):
    TableName: str

class PutItem(PutItemInputTablePutItemTypeDef):
    TableName: str

class UpdateItem(UpdateItemInputTableUpdateItemTypeDef):
    TableName: str

class DeleteItem(DeleteItemInputTableDeleteItemTypeDef):
    TableName: str

class Query(QueryInputTableQueryTypeDef):
    TableName: str

class PagedQuery(Query):
    PaginationConfig: NotRequired[PaginatorConfigTypeDef]

class Scan(ScanInputTableScanTypeDef):
    TableName: str

class PagedScan(Scan):
    PaginationConfig: NotRequired[PaginatorConfigTypeDef]

class Expressions(TypedDict):
    """What an update in a transaction changes, and on which condition."""

    UpdateExpression: str
    ConditionExpression: NotRequired[str]
    ExpressionAttributeNames: NotRequired[Mapping[str, str]]
    ExpressionAttributeValues: NotRequired[Mapping[str, Any]]
    ReturnValuesOnConditionCheckFailure: NotRequired[ReturnValuesOnConditionCheckFailureType]

class KeysOfTable(TypedDict):
    Keys: list[dict[str, str]]
    ConsistentRead: bool

class BatchFound(TypedDict):
    Responses: dict[str, list[Item]]
    UnprocessedKeys: dict[str, KeysOfTable]

class PutRequest(TypedDict):
    Item: Item

class BatchWrite(TypedDict):
    PutRequest: PutRequest

BatchWrites = dict[str, list[BatchWrite]]
"""By table."""

class BatchWritten(TypedDict):
    UnprocessedItems: BatchWrites

class Found(TypedDict):
    Item: NotRequired[Item]

class Changed(TypedDict):
    """`Attributes` is present if ReturnValues asked for it."""

    Attributes: NotRequired[Item]

class Page(TypedDict):
    Items: list[Item]
    LastEvaluatedKey: NotRequired[Item]

class QueryPaginator(Protocol):
    def paginate(self, **request: Unpack[PagedQuery]) -> Iterable[Page]: ...

class ScanPaginator(Protocol):
    def paginate(self, **request: Unpack[PagedScan]) -> Iterable[Page]: ...

class DynamoDB(Protocol):
    def get_item(self, **request: Unpack[GetItem]) -> Found: ...
    def batch_get_item(self, *, RequestItems: dict[str, KeysOfTable]) -> BatchFound: ...
    def batch_write_item(self, *, RequestItems: BatchWrites) -> BatchWritten: ...
    def put_item(self, **request: Unpack[PutItem]) -> Changed: ...
    def update_item(self, **request: Unpack[UpdateItem]) -> Changed: ...
    def delete_item(self, **request: Unpack[DeleteItem]) -> Changed: ...
    def query(self, **request: Unpack[Query]) -> Page: ...
    def scan(self, **request: Unpack[Scan]) -> Page: ...
    def transact_write_items(self, **request: Unpack[TransactWriteItemsInputTypeDef]) -> Mapping[str, Any]: ...
    @overload
    def get_paginator(self, operation_name: Literal["query"], /) -> QueryPaginator: ...
    @overload
    def get_paginator(self, operation_name: Literal["scan"], /) -> ScanPaginator: ...
