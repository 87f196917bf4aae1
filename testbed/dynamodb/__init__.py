"""In-memory DynamoDB for simulations: the interface of boto3's resource client at about 20 µs a call.

    database = DynamoDB(clock)
    database.create_table("Orders", properties)             # those of an AWS::DynamoDB::Table
    client = database.client(around=fault_injection)        # instead of boto3.resource("dynamodb").meta.client
    client.put_item(TableName="Orders", Item={...}, ConditionExpression="attribute_not_exists(pk)")
    [record.event() for record in database.table("Orders").stream]

A call is atomic and an index is never late: conflicts, throttles, lost answers and stale reads come from `around`.
Items whose time to live has passed stay. What is not simulated raises NotImplementedError.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from testbed.dynamodb.client import Around, Client, Resource, directly
from testbed.dynamodb.errors import Refusal, client_error
from testbed.dynamodb.stream import StreamRecord
from testbed.dynamodb.table import State, Table
from testbed.dynamodb.transactions import Tokens
from testbed.dynamodb.values import Item

__all__ = ["Around", "Client", "DynamoDB", "Resource", "StreamRecord", "Table", "client_error"]

Snapshot = tuple[dict[str, State], Tokens, int]


class DynamoDB:
    """Tables of one account and region. `clock` is the time of records and of ClientRequestTokens."""

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        region: str = "eu-central-1",
        account: str = "123456789012",
    ) -> None:
        self.clock = clock
        self.tokens: Tokens = {}
        self._region, self._account = region, account
        self._written = 0
        self._tables: dict[str, Table] = {}

    def create_table(self, name: str, properties: Mapping[str, Any]) -> Table:
        """Create a table with the properties that CloudFormation gives an `AWS::DynamoDB::Table`."""
        arn = f"arn:aws:dynamodb:{self._region}:{self._account}:table/{name}/stream/2026-01-01T00:00:00.000"
        self._tables[name] = Table(name, properties, arn, lambda: self.clock(), self._next)
        return self._tables[name]

    def table(self, name: str) -> Table:
        """Return a table. Raises Refusal, as a request for an unknown one is refused."""
        if name not in self._tables:
            raise Refusal("ResourceNotFoundException", "Requested resource not found")
        return self._tables[name]

    def client(self, around: Around | None = None) -> Client:
        """Return a client whose calls are made by `around(operation, tables, call)`.

        `around` may wait, raise before or after `call()`, or return another answer. `client_error` makes AWS's errors.
        """
        return Client(self, around or directly)

    def resource(self, around: Around | None = None) -> Resource:
        """Return what replaces `boto3.resource("dynamodb")`."""
        return Resource(self.client(around))

    def contents(self) -> dict[str, list[Item]]:
        """Return copies of all items by table, always in the same order for the same items."""
        return {name: self._tables[name].contents() for name in sorted(self._tables)}

    def snapshot(self) -> Snapshot:
        """Return the state of all tables, which later writes do not change."""
        return {name: table.state() for name, table in self._tables.items()}, dict(self.tokens), self._written

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a state. A table that was created since is emptied."""
        states, tokens, self._written = snapshot
        self.tokens = dict(tokens)
        for name, table in self._tables.items():
            if name in states:
                table.restore(states[name])
            else:
                table.clear()

    def clear(self) -> None:
        """Empty all tables and streams."""
        self.restore(({}, {}, 0))

    def _next(self) -> int:
        """Return the number of a record: the streams' records are numbered together, in the order of the writes."""
        self._written += 1
        return self._written
