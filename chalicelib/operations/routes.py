"""Operating the shop over HTTP, for admins."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from chalice import Blueprint
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib import wiring
from chalicelib.events.contracts import EVENT_CONTRACTS
from chalicelib.operations import redrive, refunds, timeline
from chalicelib.operations.letters import AT_ONCE, Depth
from chalicelib.operations.model import (
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
from chalicelib.operations.replays import Replay
from chalicelib.operations.stack import RUNNING_AT_MOST, WINDOW, Activity
from chalicelib.operations.system import Map
from chalicelib.orders.model import OrderNotFound
from chalicelib.platform.clock import Timestamp, iso, utc_now
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.request_keys import (
    IDEMPOTENCY_KEY,
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    RequestInProgress,
    request_key,
)
from chalicelib.platform.settings import settings
from chalicelib.platform.workflows import Workflow

routes = Blueprint(__name__)

QUEUES_AT_ONCE = 8


class QueueView(BaseModel):
    name: str
    messages: Annotated[Depth | None, Field(description="None where there is nothing but what was given up.")]
    dead_letters: Depth


class Queues(BaseModel):
    items: list[QueueView]


class LetterView(BaseModel):
    id: str
    sent_at: str
    first_received_at: str | None
    receive_count: int
    context: Context


class DeadLetterQueue(BaseModel):
    queue: str
    items: Annotated[list[LetterView], Field(description="Up to ten of them, which stay where they are.")]


class RedriveRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message_ids: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] | None,
        Field(min_length=1, max_length=AT_ONCE, description=f"Up to {AT_ONCE} of all if absent."),
    ] = None
    sent_until: Annotated[
        Timestamp | None,
        Field(
            description="Without ids: leave out dead letters that were sent later. Absent means now, so that what "
            "fails and is parked again is not redriven again. To go on after an incomplete answer, send its value."
        ),
    ] = None


class Redriven(BaseModel):
    """`failed` says by id what went wrong; those letters stay. `left` is how many lie there now, about."""

    queue: str
    redriven: list[str]
    failed: dict[str, str]
    left: int
    complete: Annotated[bool, Field(description="False if time ran out before all that was asked for was tried.")]
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
        Field(description="Only to the rules that take this type; they get the other types that they take as well."),
    ] = None


class Timeline(BaseModel):
    order_id: str
    items: list[timeline.Entry]


class LoggedTimeline(Timeline):
    is_complete: Annotated[bool, Field(description="False if there was more to find than could be fetched in time.")]


class WorkflowView(BaseModel):
    name: str
    machine: Annotated[str, Field(description="The state machine's own name.")]
    definition: Annotated[dict[str, Any], Field(description="As it is deployed, in the Amazon States Language.")]


class Workflows(BaseModel):
    items: list[WorkflowView]


@endpoint(
    routes, "GET", "/admin/queues", summary="Every queue: how much waits, and what was given up", access="admin",
    answer=Queues,
)  # fmt: skip
def list_queues(call: Call) -> Queues:
    queues = sorted(wiring.operated().queues.items())
    urls = [url for _, queue in queues for url in (queue.url, queue.dead_letters) if url]
    with ThreadPoolExecutor(QUEUES_AT_ONCE) as pool:
        depths = dict(zip(urls, pool.map(wiring.letters().depth, urls), strict=True))
    return Queues(
        items=[
            QueueView(
                name=name, messages=depths[queue.url] if queue.url else None, dead_letters=depths[queue.dead_letters]
            )
            for name, queue in queues
        ]
    )


@endpoint(
    routes, "GET", "/admin/queues/{name}/messages", summary="Look at dead letters of a queue", access="admin",
    answer=DeadLetterQueue, refusals=(QueueUnknown,),
)  # fmt: skip
def peek_at_letters(call: Call, name: str) -> DeadLetterQueue:
    queue = wiring.operated().queue(name)
    return DeadLetterQueue(queue=name, items=[_letter(letter) for letter in wiring.letters().peek(queue.dead_letters)])


@endpoint(
    routes, "POST", "/admin/queues/{name}/redrive", summary="Do the work of dead letters again", access="admin",
    headers=(IDEMPOTENCY_KEY,), body=RedriveRequest, body_required=False, answer=Redriven,
    refusals=(QueueUnknown, IdempotencyKeyInvalid, IdempotencyConflict, RequestInProgress),
)  # fmt: skip
def redrive_letters(call: Call, name: str, body: RedriveRequest) -> Redriven:
    key = request_key(call, "redrive", [name, body.model_dump(mode="json")])
    return wiring.answers().once(key, lambda: _redriven(name, body), Redriven)


def _redriven(name: str, body: RedriveRequest) -> Redriven:
    queue = wiring.operated().queue(name)
    until = body.sent_until or utc_now()
    handled = redrive.redrive(name, body.message_ids, int(until.timestamp() * 1000))
    return Redriven(
        queue=name,
        redriven=handled.done,
        failed=handled.failed,
        left=wiring.letters().depth(queue.dead_letters).waiting,
        complete=handled.complete,
        sent_until=iso(until),
    )


@endpoint(
    routes, "DELETE", "/admin/queues/{name}/messages/{message_id}", summary="Drop a dead letter", access="admin",
    answer=Dropped, refusals=(QueueUnknown, DeadLetterNotFound),
)  # fmt: skip
def drop_letter(call: Call, name: str, message_id: str) -> Dropped:
    queue = wiring.operated().queue(name)
    handled = wiring.letters().handle(queue.dead_letters, [message_id], lambda letter: None)
    if not handled.done:
        raise DeadLetterNotFound
    return Dropped(queue=name, dropped=message_id)


@endpoint(
    routes, "POST", "/admin/replays", summary="Publish the events of a span of time again", access="admin",
    status=202, headers=(IDEMPOTENCY_KEY,), body=ReplayRequest, answer=Replay,
    refusals=(
        ReplayWindowInvalid, EventTypeUnknown, NoMatchingRule, ReplaysBusy, IdempotencyKeyInvalid, IdempotencyConflict,
    ),
)  # fmt: skip
def start_replay(call: Call, body: ReplayRequest) -> Replay:
    key = request_key(call, "replay", body.model_dump(mode="json"))
    start, end = body.start.astimezone(UTC), body.end.astimezone(UTC)
    checked_window(start, end, utc_now(), timedelta(days=settings().event_archive_days))
    rules = _rules(body.detail_type) if body.detail_type is not None else None
    return wiring.replays().start(start, end, rules, key)


@endpoint(
    routes, "GET", "/admin/replays/{replay_id}", summary="How a replay stands", access="admin",
    answer=Replay, refusals=(ReplayUnknown,),
)  # fmt: skip
def get_replay(call: Call, replay_id: str) -> Replay:
    return wiring.replays().get(replay_id)


class RefundsRetried(BaseModel):
    order_id: str
    workflows: Annotated[list[str], Field(description="What makes the refunds again: returns, or the order's undo.")]


@endpoint(
    routes, "POST", "/admin/orders/{order_id}/refunds", summary="Make the failed refunds of an order again",
    access="admin", status=202, answer=RefundsRetried, refusals=(OrderNotFound, NoFailedRefund),
)  # fmt: skip
def retry_refunds(call: Call, order_id: str) -> RefundsRetried:
    return RefundsRetried(order_id=order_id, workflows=refunds.retry_refunds(order_id))


@endpoint(
    routes, "GET", "/admin/orders/{order_id}/timeline", summary="All that happened to an order", access="admin",
    answer=Timeline, refusals=(OrderNotFound,),
)  # fmt: skip
def get_timeline(call: Call, order_id: str) -> Timeline:
    order = wiring.orders().get(order_id)
    names = {"fulfilment": [order_id], "undo": [order_id], "return": [each.id for each in order.returns]}
    machines = _workflows()
    runs = [(kind, run) for kind, of in names.items() for name in of for run in machines[kind].runs(name)]
    states = [entry for workflow, run in runs for entry in timeline.of_run(workflow, run)]
    events = wiring.orders().events(order_id)
    items = timeline.merged(
        timeline.of_versions(events),
        timeline.of_events(events),
        states,
        timeline.of_payment(wiring.payments().of(order_id), order, states),
        timeline.of_shipment(wiring.shipping().of(order_id), order, states),
        timeline.of_emails(wiring.notifications().sent(order)),
    )
    return Timeline(order_id=order_id, items=items)


@endpoint(
    routes, "GET", "/admin/orders/{order_id}/logs", summary="What was logged of an order, as entries of its timeline",
    access="admin", answer=LoggedTimeline, refusals=(OrderNotFound,),
)  # fmt: skip
def get_order_logs(call: Call, order_id: str) -> LoggedTimeline:
    order, payment = wiring.orders().get(order_id), wiring.payments().of(order_id)
    words = [order.id, payment.intent_id] if payment and payment.intent_id else [order.id]
    found = wiring.function_logs().mentioning(words, *timeline.span(order, utc_now()))
    items = timeline.merged(timeline.of_lines(found.lines))
    return LoggedTimeline(order_id=order_id, items=items, is_complete=found.is_complete)


@endpoint(
    routes, "GET", "/admin/workflows", summary="The workflows that are deployed", access="admin", answer=Workflows,
)  # fmt: skip
def list_workflows(call: Call) -> Workflows:
    return Workflows(
        items=[
            WorkflowView(name=name, machine=workflow.machine, definition=workflow.definition)
            for name, workflow in _workflows().items()
        ]
    )


@endpoint(
    routes, "GET", "/admin/system", summary="The deployed stack's parts, and what flows between them", access="admin",
    answer=Map,
)  # fmt: skip
def get_system(call: Call) -> Map:
    return wiring.stack().map()


@endpoint(
    routes, "GET", "/admin/system/activity", summary="What the stack's parts are doing right now", access="admin",
    answer=Activity,
)  # fmt: skip
def get_activity(call: Call) -> Activity:
    parts = wiring.stack().map().parts
    by_name = {workflow.machine: workflow for workflow in _workflows().values()}
    machines = {part.id: by_name[part.name] for part in parts if part.kind == "workflow" and part.name in by_name}
    return Activity(
        window_minutes=int(WINDOW.total_seconds() // 60),
        running={part_id: workflow.running(RUNNING_AT_MOST) for part_id, workflow in machines.items()},
        functions=wiring.meters().invocations([part for part in parts if part.kind == "function"]),
    )


def _workflows() -> dict[str, Workflow]:
    return {
        "fulfilment": wiring.fulfilment_workflow(),
        "undo": wiring.undo_workflow(),
        "return": wiring.return_workflow(),
    }


def _rules(event_type: str) -> list[str]:
    """Raises EventTypeUnknown, NoMatchingRule."""
    if event_type not in {contract.type for contract in EVENT_CONTRACTS}:
        raise EventTypeUnknown(fields={"detail_type": "There is no event of this type."})
    return wiring.operated().rules_for(event_type)


def _letter(letter: DeadLetter) -> LetterView:
    return LetterView(
        id=letter.id,
        sent_at=_moment(letter.sent),
        first_received_at=_moment(letter.first_received) if letter.first_received else None,
        receive_count=letter.receive_count,
        context=letter.context,
    )


def _moment(milliseconds: int) -> str:
    return iso(datetime.fromtimestamp(milliseconds / 1000, UTC))
