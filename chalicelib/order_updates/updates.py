"""Stream consumer of live updates: each order's changes in their order, which the bus does not keep."""

from collections.abc import Callable
from typing import Any

from chalicelib.events.contracts import ContractBroken
from chalicelib.events.stream import Rejections, event_of, key_of, position_of
from chalicelib.order_updates.model import Update, change
from chalicelib.platform import tracing
from chalicelib.platform.log import bind_log_context, log


def push_changes(event: dict[str, Any], push: Callable[[Update], None], rejections: Rejections) -> dict[str, Any]:
    """Push the changes of one stream batch one by one, so that none overtakes another.

    A record that breaks its contract is rejected. Return the partial batch response: the first record that could not
    be pushed, from which Lambda tries again.
    """
    for record in event["Records"]:
        try:
            _push(record, push)
        except ContractBroken as problem:
            rejections.add(record, problem)
        except Exception:
            number = position_of(record)
            log.exception("update not pushed", extra={"from": number})
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}


def _push(record: dict[str, Any], push: Callable[[Update], None]) -> None:
    bind_log_context()
    event = event_of(record)
    tracing.continue_trace(event.trace_header)
    bind_log_context(order_id=event.order_id, event_id=event.id)
    push(change(event, _version(record)))


def _version(record: dict[str, Any]) -> int:
    """The number at the end of the event's key in the outbox: the version of the order that made it."""
    return int(key_of(record)["sk"].rpartition("#")[2])
