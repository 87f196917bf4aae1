"""Transaction conflicts: while a transaction runs, other writes and transactions on its items are refused.

`DYNAMODB_TRANSACTION_SECONDS` sets how long a transaction takes (default 0.005). In that time another transaction on
one of its items is cancelled with the reason `TransactionConflict`, a single write is a `TransactionConflictException`,
and the same transaction again, by its token, a `TransactionInProgressException`. Reads outside of transactions go on.
"""

import asyncio
import json
import os
from typing import Any

from infra.local.strict.rule import Rule

SECONDS = "DYNAMODB_TRANSACTION_SECONDS"
DEFAULT = "0.005"
SINGLE_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
TRANSACTIONS = {"TransactWriteItems", "TransactGetItems"}
ONGOING = "Transaction is ongoing for the item"


def install() -> None:
    from ministack.services import dynamodb

    answer = dynamodb.handle_request
    duration = float(os.environ.get(SECONDS, DEFAULT))
    written: set[tuple[Any, ...]] = set()
    tokens: set[str] = set()

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in SINGLE_WRITES | TRANSACTIONS:
            return await answer(method, path, headers, body, query)
        call = json.loads(body)
        items = _items(dynamodb, action, call)
        conflicts = [item in written for item in items]
        token = call.get("ClientRequestToken")
        if token in tokens:
            text = "The transaction with the given request token is already in progress."
            return dynamodb.error_response_json("TransactionInProgressException", text, 400)
        if any(conflicts):
            return _cancelled(conflicts) if action in TRANSACTIONS else _refused(dynamodb)
        if action != "TransactWriteItems":
            return await answer(method, path, headers, body, query)
        mine = {item for item in items if item}
        written.update(mine)
        tokens.update({token} - {None})
        try:
            await asyncio.sleep(duration)
            return await answer(method, path, headers, body, query)
        finally:
            written.difference_update(mine)
            tokens.discard(token)

    dynamodb.handle_request = handle_request


def _items(dynamodb: Any, action: str, call: dict[str, Any]) -> list[tuple[Any, ...] | None]:
    """Return the account, table and key of each item of a call, and None for one that cannot be read."""
    from ministack.core.responses import get_account_id, get_region

    parts = call.get("TransactItems", []) if action in TRANSACTIONS else [call]
    found: list[tuple[Any, ...] | None] = []
    for part in parts:
        operation = next(iter(part.values()), {}) if action in TRANSACTIONS else part
        name = str(operation.get("TableName", "")).rpartition("/")[2]
        table = dynamodb._tables.get(name)
        values = operation.get("Key") or operation.get("Item") or {}
        names = [table["pk_name"], table.get("sk_name")] if table else []
        key = [json.dumps(values.get(each)) for each in names if each]
        found.append((get_account_id(), get_region(), name, *key) if key else None)
    return found


def _refused(dynamodb: Any) -> Any:
    return dynamodb.error_response_json("TransactionConflictException", ONGOING, 400)


def _cancelled(conflicts: list[bool]) -> Any:
    reasons = [{"Code": "TransactionConflict", "Message": ONGOING} if each else {"Code": "None"} for each in conflicts]
    codes = ", ".join(reason["Code"] for reason in reasons)
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        "CancellationReasons": reasons,
    }
    return 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


RULE = Rule(
    "transaction_conflicts",
    "Amazon DynamoDB developer guide: 'Amazon DynamoDB Transactions: How it works', Transaction conflict handling",
    install,
)
