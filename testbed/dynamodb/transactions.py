"""Transactions: all writes or none. Reference: API reference, "TransactWriteItems"."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from testbed.dynamodb import writes
from testbed.dynamodb.errors import Refusal, cancelled, invalid
from testbed.dynamodb.requests import Request
from testbed.dynamodb.table import Mismatch, Row
from testbed.dynamodb.values import size_of
from testbed.dynamodb.writes import Tables, Write

ACTIONS: dict[str, Callable[[Tables, Mapping[str, Any]], Write]] = {
    "Put": writes.put,
    "Update": writes.update,
    "Delete": writes.delete,
    "ConditionCheck": writes.check,
}
TRANSACTION = frozenset({"TransactItems", "ClientRequestToken"})
ACTIONS_AT_MOST = 100
SIZE_LIMIT = 4 * 1024 * 1024
TOKEN_LENGTH = 36
TOKEN_KEPT = timedelta(minutes=10)

Reason = dict[str, Any]
Tokens = dict[str, tuple[datetime, Any]]
"""Requests by their token, and when they were carried out."""


def transact(tables: Tables, tokens: Tokens, now: Callable[[], datetime], given: Mapping[str, Any]) -> None:
    """Carry out a transaction, or nothing if a request with its token was carried out in the last ten minutes."""
    actions = Request(given, TRANSACTION, ("TransactItems",)).given["TransactItems"]
    if not 1 <= len(actions) <= ACTIONS_AT_MOST:
        bound = "less than or equal to 100" if actions else "greater than or equal to 1"
        wrong = "Value at 'transactItems' failed to satisfy constraint: Member must have length"
        raise invalid(f"1 validation error detected: {wrong} {bound}")
    prepared = [_prepared(tables, action) for action in actions]
    token = given.get("ClientRequestToken")
    if token is None or not _is_repeated(token, tokens, now(), actions):
        _carry_out(prepared)
        if token is not None:
            tokens[token] = now(), _remembered(actions)


def _prepared(tables: Tables, action: Mapping[str, Any]) -> Write | Mismatch:
    if len(action) != 1:
        raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    [(name, given)] = action.items()
    try:
        return ACTIONS[name](tables, given)
    except Mismatch as mismatch:
        return mismatch


def _is_repeated(token: str, tokens: Tokens, now: datetime, actions: Any) -> bool:
    if len(token) > TOKEN_LENGTH:
        wrong = "Value at 'clientRequestToken' failed to satisfy constraint"
        raise invalid(f"1 validation error detected: {wrong}: Member must have length less than or equal to 36")
    at, known = tokens.get(token, (None, None))
    if at is None or now - at >= TOKEN_KEPT:
        return False
    if known != _remembered(actions):
        text = "Request token already in use for another request with a different payload"
        raise Refusal("IdempotentParameterMismatchException", text)
    return True


def _remembered(value: Any) -> Any:
    """Return a copy of a request that stays as it is, and equals that of an equal request."""
    if isinstance(value, Mapping):
        return {name: _remembered(each) for name, each in value.items()}
    return [_remembered(each) for each in value] if isinstance(value, (list, tuple)) else value


def _carry_out(prepared: list[Write | Mismatch]) -> None:
    _refuse_second_write(prepared)
    _cancel_for([each if isinstance(each, Mismatch) else None for each in prepared])
    prepared_writes = [each for each in prepared if isinstance(each, Write)]
    results = [_result(write) for write in prepared_writes]
    _cancel_for([result if isinstance(result, Refusal) else None for result in results])
    rows = [result for result in results if isinstance(result, Row)]
    if sum(row.bound for row in rows) > SIZE_LIMIT and sum(size_of(row.item) for row in rows) > SIZE_LIMIT:
        raise invalid("Transaction request exceeds the 4MB transaction size limit")
    for write, result in zip(prepared_writes, results, strict=True):
        if write.writes:
            assert not isinstance(result, Refusal)
            write.table.write(write.primary, result)


def _result(write: Write) -> Row | Refusal | None:
    if refusal := write.refusal():
        return refusal
    try:
        return write.compute(write.old)
    except Refusal as refusal:
        return refusal


def _refuse_second_write(prepared: list[Write | Mismatch]) -> None:
    targets = [(write.table.name, write.primary) for write in prepared if isinstance(write, Write)]
    if len(set(targets)) < len(targets):
        raise invalid("Transaction request cannot include multiple operations on one item")


def _cancel_for(refusals: list[Refusal | None]) -> None:
    """Raise the refusal of the transaction if one of its actions is refused."""
    if any(refusals):
        raise cancelled([_reason(refusal) for refusal in refusals])


def _reason(refusal: Refusal | None) -> Reason:
    if refusal is None:
        return {"Code": "None"}
    if refusal.code == "ValidationException":
        return {"Code": "ValidationError", "Message": refusal.message}
    return {"Code": "ConditionalCheckFailed", "Message": refusal.message, **refusal.fields}
