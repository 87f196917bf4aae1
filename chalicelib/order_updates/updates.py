"""Stream consumer of live updates: each order's changes in their order, which the bus does not keep."""

from collections.abc import Iterable
from typing import Any, Protocol

from chalicelib.events.contracts import ContractBroken
from chalicelib.events.envelope import Envelope
from chalicelib.events.stream import Rejections, event_of, key_of, position_of
from chalicelib.order_updates.model import Update, change
from chalicelib.platform import tracing
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import bind_log_context, log

Record = dict[str, Any]


class Pushes(Protocol):
    """See OrderUpdates."""

    def watchers(self, order_ids: Iterable[OrderId]) -> dict[OrderId, list[str]]: ...

    def push(self, update: Update, watchers: list[str]) -> None: ...


def push_changes(event: dict[str, Any], pushes: Pushes, rejections: Rejections) -> dict[str, Any]:
    """Push the changes of one stream batch one by one, so that none overtakes another.

    A record that breaks its contract is rejected. Return the partial batch response: the first record that could not
    be pushed, from which Lambda tries again.
    """
    bind_log_context()
    records = event["Records"]
    number = position_of(records[0])
    try:
        read = [(record, _read(record)) for record in records]
        # One read for each change: what an order costs does not depend on how its changes fall into batches.
        watchers = pushes.watchers([each.order_id for _, each in read if isinstance(each, Envelope)])
        for record, each in read:
            number = position_of(record)
            if isinstance(each, ContractBroken):
                rejections.add(record, each)
            elif watchers[each.order_id]:
                tracing.continue_trace(each.trace_header)
                bind_log_context(order_id=each.order_id, event_id=each.id)
                pushes.push(change(each, _version(record)), watchers[each.order_id])
    except Exception:
        log.exception("update not pushed", extra={"from": number})
        return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}


def _read(record: Record) -> Envelope | ContractBroken:
    try:
        return event_of(record)
    except ContractBroken as problem:
        return problem


def _version(record: Record) -> int:
    """The number at the end of the event's key in the outbox: the version of the order that made it."""
    return int(key_of(record)["sk"].rpartition("#")[2])
