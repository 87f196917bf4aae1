"""Order totals: how many orders a list holds and what they were placed for, up to a limit.

DynamoDB counts by reading. The two indexes hold the total, which never changes, beside the keys: 5,000 orders are about
75 read units. So a list does not count itself at each look, and not without an end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from chalicelib.orders.store import INDEX_KEYS, Span
from chalicelib.platform.money import Money

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

MOST_COUNTED = 5000


@dataclass(frozen=True)
class Totals:
    """`sums` are one for each currency. Where `is_complete` is false, there are more than `count` orders."""

    count: int
    sums: list[Money]
    is_complete: bool


class OrderTotals:
    def __init__(self, dynamodb: "DynamoDB", table: str, most: int = MOST_COUNTED) -> None:
        self._db = dynamodb
        self._table = table
        self._most = most

    def of(self, index: str, values: Iterable[str], span: Span) -> Totals:
        """Count the orders of all these values of an index. Eventually consistent."""
        counted: list[dict[str, Any]] = []
        for value in values:
            if room := self._most + 1 - len(counted):
                counted += islice(self._totals(index, value, span, room), room)
        is_complete = len(counted) <= self._most
        sums = Counter[str]()
        for total in counted[: self._most]:
            sums[total["currency"]] += int(total["amount"])
        amounts = [Money(amount=amount, currency=currency) for currency, amount in sorted(sums.items())]
        return Totals(min(len(counted), self._most), amounts, is_complete)

    def _totals(self, index: str, value: str, span: Span, most: int) -> Iterator[dict[str, Any]]:
        """Yield totals. A query stops at `most` orders: without, it reads 1 MB, however few of them are counted."""
        condition = Key(INDEX_KEYS[index]).eq(value) & Key("placed_at").between(span.since, span.until)
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=condition,
            ProjectionExpression="#total",
            ExpressionAttributeNames={"#total": "total"},
            PaginationConfig={"PageSize": most},
        )
        return (item["total"] for page in pages for item in page["Items"])
