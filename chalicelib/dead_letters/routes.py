"""Dead-letter queue operations over HTTP, for admins: queues, redrive, replays, and refund retries."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated

from chalice import Blueprint
from pydantic import ConfigDict, Field, StringConstraints

from chalicelib import wiring
from chalicelib.dead_letters.model import (
    Context,
    DeadLetter,
    DeadLetterNotFound,
    EventTypeUnknown,
    NoFailedRefund,
    NoMatchingRule,
    QueueUnknown,
    ReplaysBusy,
    ReplayUnknown,
    ReplayWindowInvalid,
    checked_window,
)
from chalicelib.dead_letters.queue import AT_ONCE, Depth
from chalicelib.dead_letters.replays import Replay
from chalicelib.events.contracts import EVENT_CONTRACTS
from chalicelib.orders.model import OrderNotFound
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Timestamp, iso, utc_now
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import OrderId
from chalicelib.platform.request_keys import (
    IDEMPOTENCY_KEY,
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    RequestInProgress,
    request_key,
)
from chalicelib.platform.settings import settings
from chalicelib.wiring import dead_letters as wired

routes = Blueprint(__name__)

QUEUES_AT_ONCE = 8


class QueueView(BaseModel):
    name: str
    messages: Annotated[Depth | None, Field(description="None where the queue holds only dead letters.")]
    dead_letters: Depth


class Queues(BaseModel):
    items: list[QueueView]


class DeadLetterView(BaseModel):
    id: str
    sent_at: str
    first_received_at: str | None
    receive_count: int
    context: Context


class DeadLetters(BaseModel):
    queue: str
    items: Annotated[list[DeadLetterView], Field(description="Up to ten. Reading them leaves them in the queue.")]


class RedriveRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message_ids: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] | None,
        Field(min_length=1, max_length=AT_ONCE, description=f"Up to {AT_ONCE} of all if absent."),
    ] = None
    sent_until: Annotated[
        Timestamp | None,
        Field(
            description="Without ids: leave out dead letters that were sent later. Defaults to now, so that a message "
            "that fails again is not redriven again. To continue after an incomplete answer, send its value."
        ),
    ] = None


class Redriven(BaseModel):
    """`failed` is the error by id; those dead letters stay. `left` is about how many the queue holds now."""

    queue: str
    redriven: list[str]
    failed: dict[str, str]
    left: int
    complete: Annotated[bool, Field(description="False if time ran out before every requested dead letter was tried.")]
    sent_until: Annotated[str, Field(description="Dead letters that were sent later were left out.")]


class Dropped(BaseModel):
    queue: str
    dropped: str


class ReplayRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start: Annotated[Timestamp, Field(alias="from", description="ISO 8601, with an offset or Z.")]
    end: Annotated[Timestamp, Field(alias="to", description="Later than `from`, and not in the future.")]
    detail_type: Annotated[
        str | None,
        StringConstraints(max_length=128),
        Field(description="Replay only to rules that match this type; they receive their other types too."),
    ] = None


@endpoint(
    routes, "GET", "/admin/queues", summary="List queues with their depth and dead letters", access="admin",
    answer=Queues,
)  # fmt: skip
def list_queues(call: Call) -> Queues:
    """Return every queue with the number of messages that wait, are in flight, or are dead letters."""
    queues = sorted(wired.operated().queues.items())
    urls = [url for _, queue in queues for url in (queue.url, queue.dead_letters) if url]
    with ThreadPoolExecutor(QUEUES_AT_ONCE) as pool:
        depths = dict(zip(urls, pool.map(wired.dead_letter_queue().depth, urls), strict=True))
    return Queues(
        items=[
            QueueView(
                name=name, messages=depths[queue.url] if queue.url else None, dead_letters=depths[queue.dead_letters]
            )
            for name, queue in queues
        ]
    )


@endpoint(
    routes, "GET", "/admin/queues/{name}/messages", summary="List dead letters of a queue", access="admin",
    answer=DeadLetters, refusals=(QueueUnknown,),
)  # fmt: skip
def list_dead_letters(call: Call, name: str) -> DeadLetters:
    """Return up to ten dead letters of a queue. They stay in the dead-letter queue."""
    queue = wired.operated().queue(name)
    return DeadLetters(
        queue=name,
        items=[_dead_letter(dead_letter) for dead_letter in wired.dead_letter_queue().peek(queue.dead_letters)],
    )


@endpoint(
    routes, "POST", "/admin/queues/{name}/redrive", summary="Redrive dead letters of a queue", access="admin",
    headers=(IDEMPOTENCY_KEY,), body=RedriveRequest, body_required=False, answer=Redriven,
    refusals=(QueueUnknown, IdempotencyKeyInvalid, IdempotencyConflict, RequestInProgress),
)  # fmt: skip
def redrive_dead_letters(call: Call, name: str, body: RedriveRequest) -> Redriven:
    """Send dead letters to their queue again, by id or all of them. Processing them is idempotent. An incomplete
    response is continued by sending its `sent_until`.
    """
    key = request_key(call, "redrive", [name, body.model_dump(mode="json")])
    return wiring.answers().once(key, lambda: _redriven(name, body), Redriven)


def _redriven(name: str, body: RedriveRequest) -> Redriven:
    queue = wired.operated().queue(name)
    until = body.sent_until or utc_now()
    handled = wired.redrives().redrive(name, body.message_ids, int(until.timestamp() * 1000))
    return Redriven(
        queue=name,
        redriven=handled.done,
        failed=handled.failed,
        left=wired.dead_letter_queue().depth(queue.dead_letters).waiting,
        complete=handled.complete,
        sent_until=iso(until),
    )


@endpoint(
    routes, "DELETE", "/admin/queues/{name}/messages/{message_id}", summary="Drop a dead letter", access="admin",
    answer=Dropped, refusals=(QueueUnknown, DeadLetterNotFound),
)  # fmt: skip
def drop_dead_letter(call: Call, name: str, message_id: str) -> Dropped:
    """Delete a dead letter without processing it."""
    queue = wired.operated().queue(name)
    handled = wired.dead_letter_queue().handle(queue.dead_letters, [message_id], lambda dead_letter: None)
    if not handled.done:
        raise DeadLetterNotFound
    return Dropped(queue=name, dropped=message_id)


@endpoint(
    routes, "POST", "/admin/replays", summary="Replay the events of a time span", access="admin",
    status=202, headers=(IDEMPOTENCY_KEY,), body=ReplayRequest, answer=Replay,
    refusals=(
        ReplayWindowInvalid, EventTypeUnknown, NoMatchingRule, ReplaysBusy, IdempotencyKeyInvalid, IdempotencyConflict,
    ),
)  # fmt: skip
def start_replay(call: Call, body: ReplayRequest) -> Replay:
    """Publish the archived events of a time span again. Consumers are idempotent, so nothing happens twice."""
    key = request_key(call, "replay", body.model_dump(mode="json"))
    start, end = body.start.astimezone(UTC), body.end.astimezone(UTC)
    checked_window(start, end, utc_now(), timedelta(days=settings().event_archive_days))
    rules = _rules(body.detail_type) if body.detail_type is not None else None
    return wired.replays().start(start, end, rules, key)


@endpoint(
    routes, "GET", "/admin/replays/{replay_id}", summary="Get the state of a replay", access="admin",
    answer=Replay, refusals=(ReplayUnknown,),
)  # fmt: skip
def get_replay(call: Call, replay_id: str) -> Replay:
    """Return the state of a replay in EventBridge."""
    return wired.replays().get(replay_id)


class RefundsRetried(BaseModel):
    order_id: OrderId
    workflows: Annotated[
        list[str], Field(description="The workflows that retry the refunds: returns, or the order's undo.")
    ]


@endpoint(
    routes, "POST", "/admin/orders/{order_id}/refunds", summary="Retry the failed refunds of an order",
    access="admin", status=202, answer=RefundsRetried, refusals=(OrderNotFound, NoFailedRefund),
)  # fmt: skip
def retry_refunds(call: Call, order_id: OrderId) -> RefundsRetried:
    """Start the workflows that make the failed refunds of an order again."""
    return RefundsRetried(order_id=order_id, workflows=wired.refund_retries().start(order_id))


def _rules(event_type: str) -> list[str]:
    """Raises EventTypeUnknown, NoMatchingRule."""
    if event_type not in {contract.type for contract in EVENT_CONTRACTS}:
        raise EventTypeUnknown(fields={"detail_type": "There is no event of this type."})
    return wired.operated().rules_for(event_type)


def _dead_letter(dead_letter: DeadLetter) -> DeadLetterView:
    return DeadLetterView(
        id=dead_letter.id,
        sent_at=_time(dead_letter.sent),
        first_received_at=_time(dead_letter.first_received) if dead_letter.first_received else None,
        receive_count=dead_letter.receive_count,
        context=dead_letter.context,
    )


def _time(milliseconds: int) -> str:
    return iso(datetime.fromtimestamp(milliseconds / 1000, UTC))
