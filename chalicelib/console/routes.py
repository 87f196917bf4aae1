"""The operator console over HTTP, for admins: timeline and logs of an order, workflows, system map, and audit."""

from collections.abc import Iterator
from typing import Annotated, Any

from chalice import Blueprint
from pydantic import ConfigDict, Field

from chalicelib import wiring
from chalicelib.console import timeline
from chalicelib.console.auditor import Audit, AuditNotOffered
from chalicelib.console.run_reports import RunReport, RunReportsNotOffered
from chalicelib.console.stack import RUNNING_AT_MOST, WINDOW, Activity
from chalicelib.console.system import Map
from chalicelib.orders.model import Order, OrderNotFound
from chalicelib.orders.operator_actions import OperatorAction
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Timestamp, utc_now
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import OrderId
from chalicelib.platform.workflows import Workflow
from chalicelib.wiring import console as wired
from chalicelib.wiring import operators

routes = Blueprint(__name__)


class Timeline(BaseModel):
    order_id: OrderId
    items: list[timeline.Entry]


class LoggedTimeline(Timeline):
    is_complete: Annotated[bool, Field(description="False if not all lines could be fetched in time.")]


class WorkflowView(BaseModel):
    name: str
    machine: Annotated[str, Field(description="The state machine's own name.")]
    definition: Annotated[dict[str, Any], Field(description="As it is deployed, in the Amazon States Language.")]


class Workflows(BaseModel):
    items: list[WorkflowView]


class AuditRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Annotated[Timestamp | None, Field(description="Count only orders placed since then. All if absent.")] = None


class RunReportList(BaseModel):
    items: list[RunReport]


@endpoint(
    routes, "GET", "/admin/orders/{order_id}/timeline", summary="Get the timeline of an order", access="admin",
    answer=Timeline, refusals=(OrderNotFound,),
)  # fmt: skip
def get_timeline(call: Call, order_id: OrderId) -> Timeline:
    """Return workflow states, events, payment, shipment and emails of one order, oldest first."""
    order = wiring.orders().get(order_id)
    names: dict[str, list[str]] = {
        "fulfilment": [order_id],
        "undo": [order_id],
        "return": [each.id for each in order.returns],
    }
    machines = _workflows()
    runs = [(kind, run) for kind, of in names.items() for name in of for run in machines[kind].runs(name)]
    states = [entry for workflow, run in runs for entry in timeline.of_run(workflow, run)]
    events = wiring.orders().events(order_id)
    actions = operators.operator_actions().of(order_id)
    items = timeline.merged(
        timeline.of_actions(actions),
        timeline.of_versions(events),
        timeline.of_events(events),
        states,
        timeline.of_payment(wiring.payments().of(order_id), order, states),
        timeline.of_shipment(wiring.shipping().of(order_id), order, states),
        timeline.of_emails([*wiring.notifications().sent(order).items(), *_sent_again(order, actions)]),
    )
    return Timeline(order_id=order_id, items=items)


@endpoint(
    routes, "GET", "/admin/orders/{order_id}/logs", summary="Get the log lines of an order as timeline entries",
    access="admin", answer=LoggedTimeline, refusals=(OrderNotFound,),
)  # fmt: skip
def get_order_logs(call: Call, order_id: OrderId) -> LoggedTimeline:
    """Return the log lines that name an order or its payment, as entries of its timeline."""
    order, payment = wiring.orders().get(order_id), wiring.payments().of(order_id)
    words = [order.id, payment.intent_id] if payment and payment.intent_id else [order.id]
    found = wired.function_logs().mentioning(words, *timeline.span(order, utc_now()))
    items = timeline.merged(timeline.of_lines(found.lines))
    return LoggedTimeline(order_id=order_id, items=items, is_complete=found.is_complete)


@endpoint(
    routes, "GET", "/admin/workflows", summary="List the deployed workflows", access="admin", answer=Workflows,
)  # fmt: skip
def list_workflows(call: Call) -> Workflows:
    """Return the deployed state machines with their definitions in the Amazon States Language."""
    return Workflows(
        items=[
            WorkflowView(name=name, machine=workflow.machine, definition=workflow.definition)
            for name, workflow in _workflows().items()
        ]
    )


@endpoint(
    routes, "GET", "/admin/system", summary="Get the map of the deployed stack", access="admin",
    answer=Map,
)  # fmt: skip
def get_system(call: Call) -> Map:
    """Return the parts of the deployed stack and the connections between them, derived from its template."""
    return wired.stack().map()


@endpoint(
    routes, "GET", "/admin/system/activity", summary="Get the current activity of the deployed stack", access="admin",
    answer=Activity,
)  # fmt: skip
def get_activity(call: Call) -> Activity:
    """Return the workflow executions that run now and the functions' recent invocations."""
    parts = wired.stack().map().parts
    by_name = {workflow.machine: workflow for workflow in _workflows().values()}
    machines = {part.id: by_name[part.name] for part in parts if part.kind == "workflow" and part.name in by_name}
    return Activity(
        window_minutes=int(WINDOW.total_seconds() // 60),
        running={part_id: workflow.running(RUNNING_AT_MOST) for part_id, workflow in machines.items()},
        functions=wired.meters().invocations([part for part in parts if part.kind == "function"]),
    )


@endpoint(
    routes, "POST", "/admin/audit", summary="Check every invariant of money and stock", access="admin",
    body=AuditRequest, body_required=False, answer=Audit, refusals=(AuditNotOffered,),
)  # fmt: skip
def run_audit(call: Call, body: AuditRequest) -> Audit:
    """Check every invariant of money and stock. `since` selects the orders whose progress is reported."""
    return wired.auditor().audit(body.since)


@endpoint(
    routes, "GET", "/admin/run-reports", summary="List the reports of the test bed", access="admin",
    answer=RunReportList, refusals=(RunReportsNotOffered,),
)  # fmt: skip
def list_run_reports(call: Call) -> RunReportList:
    """Return the latest 20 reports that `make simulate` and `make chaos` uploaded, newest first."""
    return RunReportList(items=wired.run_reports().latest())


def _sent_again(order: Order, actions: list[OperatorAction]) -> Iterator[tuple[str, str]]:
    """Yield the emails that operators had sent again: occasion, and time."""
    for action in actions:
        if email := action.email:
            at = wiring.notifications().sent_again(order, email.occasion, email.return_id, action.id)
            yield from [(email.occasion, at)] if at else []


def _workflows() -> dict[str, Workflow]:
    return {
        "fulfilment": wiring.fulfilment_workflow(),
        "undo": wiring.compensation_workflow(),
        "return": wiring.return_workflow(),
    }
