"""The shop's table of contents: the HTTP API, and every other Lambda entry point.

Entry points other than HTTP stand here and not in Blueprints, because Chalice would make a
Blueprint's own module their handler. What triggers them is declared in `infra/template/`.
"""

import os
from typing import TYPE_CHECKING, Any

from chalice import Chalice

from chalicelib import wiring
from chalicelib.platform.log import bind_invocation, bind_log_context, timed
from chalicelib.platform.prepared import prepare

if TYPE_CHECKING:
    from chalicelib.fulfilment.inputs import (
        CancelInput,
        RefundedReturnInput,
        ResumeInput,
        ReturnInput,
        StepInput,
        WaitingStepInput,
    )
    from chalicelib.fulfilment.returns import Returns
    from chalicelib.fulfilment.steps import SagaSteps

API_HANDLER = "app.app"
"""As Chalice names the API's handler in the template that it packages."""

app = Chalice(app_name="storefront")
app.api.binary_types = []

# Every function imports this module, but only the API's needs routes. Lambda sets `_HANDLER`,
# "the handler location configured on the function": https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
# (defined runtime environment variables, reserved). Outside of Lambda, as in `chalice package`, it is absent.
handler = os.environ.get("_HANDLER")
if handler in (None, API_HANDLER):
    from chalicelib import api

    (api.register_when_called if handler else api.register)(app)

Event = dict[str, Any]


@app.middleware("all")
def name_the_invocation(event: Any, get_response: Any) -> Any:
    """In the log. An HTTP request holds Lambda's context under another name than other events.

    The input of a workflow's step names its order.
    """
    bind_invocation(getattr(event, "lambda_context", None) or getattr(event, "context", None))
    order_id = getattr(event, "event", {}).get("order_id")
    if not order_id:
        return get_response(event)
    bind_log_context(order_id=order_id)
    with timed("step ended"):
        return get_response(event)


@app.lambda_function(name="relay_events")
def relay_events(event: Event, context: Any) -> Event:
    """Streams of the tables that hold an outbox → event bus."""
    from chalicelib.events.relay import relay, table_of

    note_published = wiring.outbox(table_of(event)).note_published
    return relay(event, wiring.publisher(), note_published, wiring.unrelayed_events())


@app.lambda_function(name="push_updates")
def push_updates(event: Event, context: Any) -> Event:
    """Orders table stream → who watches the order. Not the relay's work: if it fails, the bus goes on."""
    from chalicelib.order_updates.updates import push_changes
    from chalicelib.wiring import order_updates

    return push_changes(event, order_updates.order_updates(), order_updates.unpushed_updates())


# What a buyer's browser says over its WebSocket.


@app.lambda_function(name="live")
def live(event: Event, context: Any) -> Event:
    from chalicelib.order_updates import routes

    return routes.handle(event)


# What reads a queue.


@app.lambda_function(name="start_fulfilment")
def start_fulfilment(event: Event, context: Any) -> Event:
    """OrderPlaced → the order fulfilment workflow, named by the order."""
    from chalicelib.events import bus

    saga = wiring.fulfilment_workflow()
    return bus.consume(event, lambda placed: saga.start(placed.order_id, {"order_id": placed.order_id}))


@app.lambda_function(name="stop_fulfilment")
def stop_fulfilment(event: Event, context: Any) -> Event:
    """OrderCancelRequested → the waiting saga step, the warehouse, and the undo if there is no saga."""
    from chalicelib.events import bus
    from chalicelib.wiring import fulfilment

    return bus.consume(event, fulfilment.cancellation().stop_fulfilment)


@app.lambda_function(name="start_return")
def start_return(event: Event, context: Any) -> Event:
    """OrderReturnRequested → the order return workflow, named by the return."""
    from chalicelib.events import bus
    from chalicelib.wiring import fulfilment

    return bus.consume(event, fulfilment.returns().start)


@app.lambda_function(name="recover_workflow")
def recover_workflow(event: Event, context: Any) -> Event:
    """A workflow that died → another one that settles what it left."""
    from chalicelib.fulfilment.recovery import WorkflowDied
    from chalicelib.platform import sqs_batch
    from chalicelib.wiring import fulfilment

    return sqs_batch.consume(event, WorkflowDied, fulfilment.recovery().recover_dead)


@app.lambda_function(name="process_warehouse_reply")
def process_warehouse_reply(event: Event, context: Any) -> Event:
    """The warehouse's answers → the order, and the waiting saga step."""
    from chalicelib.platform import sqs_batch
    from chalicelib.shipping.model import WarehouseReply
    from chalicelib.wiring import fulfilment

    return sqs_batch.consume(event, WarehouseReply, fulfilment.cancellation().process_warehouse_reply)


@app.lambda_function(name="send_confirmation")
def send_confirmation(event: Event, context: Any) -> Event:
    """OrderAuthorized → one email to the buyer for each order."""
    from chalicelib.events import bus
    from chalicelib.wiring import consumers

    return bus.consume(event, consumers.email_consumer().confirm)


@app.lambda_function(name="process_stripe_event")
def process_stripe_event(event: Event, context: Any) -> Event:
    """Stripe's events → the payment, and its order."""
    from chalicelib.payments.webhooks import StripeEventRef
    from chalicelib.platform import sqs_batch
    from chalicelib.wiring import fulfilment

    return sqs_batch.consume(event, StripeEventRef, fulfilment.payment_updates().process_stripe_event)


@app.lambda_function(name="send_notifications")
def send_notifications(event: Event, context: Any) -> Event:
    """Orders that ended or wait for their buyer → emails."""
    from chalicelib.events import bus
    from chalicelib.wiring import consumers

    return bus.consume(event, consumers.email_consumer().notify)


# What follows from a completed order, and from a return.


@app.lambda_function(name="earn_points")
def earn_points(event: Event, context: Any) -> Event:
    from chalicelib.events import bus
    from chalicelib.wiring import consumers

    return bus.consume(event, consumers.points_consumer().earn_points)


@app.lambda_function(name="write_invoice")
def write_invoice(event: Event, context: Any) -> Event:
    """Completed orders → invoices; returns and refunds → credit notes; failed refunds → reversals."""
    from chalicelib.events import bus
    from chalicelib.wiring import consumers

    return bus.consume(event, consumers.document_consumer().issue_document)


@app.lambda_function(name="count_sales")
def count_sales(event: Event, context: Any) -> Event:
    from chalicelib.events import bus

    return bus.consume(event, wiring.analytics().count_sales)


@app.lambda_function(name="count_placed")
def count_placed(event: Event, context: Any) -> Event:
    """OrderPlaced → the funnel."""
    from chalicelib.events import bus

    return bus.consume(event, wiring.analytics().count_placed)


@app.lambda_function(name="learn_affinity")
def learn_affinity(event: Event, context: Any) -> Event:
    """What was bought together."""
    from chalicelib.events import bus

    return bus.consume(event, wiring.recommendations().learn_affinity)


@app.lambda_function(name="count_return")
def count_return(event: Event, context: Any) -> Event:
    """OrderReturned, OrderPartlyReturned → revenue and points go back."""
    from chalicelib.events import bus
    from chalicelib.wiring import consumers

    return bus.consume(event, consumers.return_consumer().count_return)


# Products from a file.


@app.lambda_function(name="split_import")
def split_import(event: Event, context: Any) -> Event:
    """An uploaded file → batches of its rows."""
    from chalicelib.platform import sqs_batch
    from chalicelib.product_import.files import Upload
    from chalicelib.wiring import product_import

    return sqs_batch.consume(event, Upload, product_import.splitter().split)


@app.lambda_function(name="import_rows")
def import_rows(event: Event, context: Any) -> Event:
    """Batches of rows → catalog and stock; the last one → CatalogImported."""
    from chalicelib.platform import sqs_batch
    from chalicelib.product_import.model import Batch
    from chalicelib.wiring import product_import

    return sqs_batch.consume(event, Batch, product_import.writer().write)


@app.lambda_function(name="read_import")
def read_import(event: Event, context: Any) -> Event:
    """A small file → the numbers of its batches."""
    from chalicelib.product_import.files import Upload
    from chalicelib.wiring import product_import

    return {"batches": product_import.small_reader().read(Upload.model_validate(event))}


@app.lambda_function(name="prepare_import")
def prepare_import(event: Event, context: Any) -> Event:
    """A large file → the key of its batches."""
    from chalicelib.product_import.files import Upload
    from chalicelib.wiring import product_import

    key = product_import.large_reader().prepare(Upload.model_validate(event))
    return {"batches": key} if key else {}


@app.lambda_function(name="write_batch")
def write_batch(event: Event, context: Any) -> None:
    """A batch of a large file, or the number of one of a small file → catalog and stock; the last one →
    CatalogImported."""
    from chalicelib.product_import.files import Upload
    from chalicelib.product_import.model import Batch
    from chalicelib.wiring import product_import

    if "rows" in event:
        product_import.writer().write(Batch.model_validate(event))
    else:
        product_import.writer().write_numbered(Upload.model_validate(event), event["number"])


# What runs by the clock.


@app.lambda_function(name="sweep_reservations")
def sweep_reservations(event: Event, context: Any) -> Event:
    from chalicelib.fulfilment import sweeper

    return {"released": sweeper.sweep_reservations(wiring.inventory(), wiring.orders())}


@app.lambda_function(name="sweep_workflows")
def sweep_workflows(event: Event, context: Any) -> Event:
    from chalicelib.wiring import fulfilment

    return {"recovered": fulfilment.recovery().sweep_workflows()}


@app.lambda_function(name="republish_events")
def republish_events(event: Event, context: Any) -> Event:
    from chalicelib.events import republish

    return {"published": republish.republish(wiring.outboxes(), wiring.publisher().publish)}


@app.lambda_function(name="reconcile_payments")
def reconcile_payments(event: Event, context: Any) -> Event:
    from chalicelib.payments.reconciliation_report import published
    from chalicelib.wiring import fulfilment

    mismatches = fulfilment.reconciliation().reconcile_payments()
    return {"differences": [published(mismatch).model_dump() for mismatch in mismatches]}


@app.lambda_function(name="write_sales_report")
def write_sales_report(event: Event, context: Any) -> Event:
    """Of yesterday, or of the ISO date that `date` names."""
    from chalicelib.wiring import jobs

    return {"written": jobs.sales_reports().write(event.get("date"))}


@app.lambda_function(name="remind_of_carts")
def remind_of_carts(event: Event, context: Any) -> Event:
    from chalicelib.wiring import jobs

    return {"reminded": jobs.cart_reminders().send()}


# The saga's steps, one for each Task state of statemachine/order_fulfilment.asl.yaml.


def _steps() -> "SagaSteps":
    from chalicelib.wiring import fulfilment

    return fulfilment.saga_steps()


@app.lambda_function(name="reserve_inventory")
def reserve_inventory(event: "StepInput", context: Any) -> None:
    _steps().reserve_inventory(event["order_id"])


@app.lambda_function(name="authorize_payment")
def authorize_payment(event: "StepInput", context: Any) -> None:
    _steps().authorize_payment(event["order_id"])


@app.lambda_function(name="await_buyer")
def await_buyer(event: "WaitingStepInput", context: Any) -> None:
    from chalicelib.wiring import fulfilment

    fulfilment.buyer_confirmation().await_buyer(event["order_id"], event["task_token"])


@app.lambda_function(name="ship_order")
def ship_order(event: "WaitingStepInput", context: Any) -> None:
    _steps().ship_order(event["order_id"], event["task_token"])


@app.lambda_function(name="capture_payment")
def capture_payment(event: "StepInput", context: Any) -> None:
    _steps().capture_payment(event["order_id"])


@app.lambda_function(name="complete_order")
def complete_order(event: "StepInput", context: Any) -> None:
    _steps().complete_order(event["order_id"])


@app.lambda_function(name="refund_payment")
def refund_payment(event: "StepInput", context: Any) -> None:
    _steps().refund_payment(event["order_id"])


@app.lambda_function(name="recall_shipment")
def recall_shipment(event: "StepInput", context: Any) -> None:
    _steps().recall_shipment(event["order_id"])


@app.lambda_function(name="void_payment")
def void_payment(event: "StepInput", context: Any) -> None:
    _steps().void_payment(event["order_id"])


@app.lambda_function(name="release_inventory")
def release_inventory(event: "StepInput", context: Any) -> None:
    _steps().release_inventory(event["order_id"])


@app.lambda_function(name="cancel_order")
def cancel_order(event: "CancelInput", context: Any) -> None:
    _steps().cancel_order(event["order_id"], event["reason"])


@app.lambda_function(name="resume_shipment")
def resume_shipment(event: "ResumeInput", context: Any) -> None:
    """The first step of statemachine/order_undo.asl.yaml; its others are the saga's."""
    from chalicelib.wiring import fulfilment

    fulfilment.recovery().resume_shipment(event["order_id"], event["task_token"], event["reason"])


# The steps of a return, one for each Task state of statemachine/order_return.asl.yaml.


def _returns() -> "Returns":
    from chalicelib.wiring import fulfilment

    return fulfilment.returns()


@app.lambda_function(name="refund_return")
def refund_return(event: "ReturnInput", context: Any) -> Event:
    given = _returns().refund_return(event["order_id"], event["return_id"])
    return {"refunded": given.amount, "shortfall": given.shortfall or ""}


@app.lambda_function(name="restock_return")
def restock_return(event: "ReturnInput", context: Any) -> None:
    _returns().restock_return(event["order_id"], event["return_id"])


@app.lambda_function(name="complete_return")
def complete_return(event: "RefundedReturnInput", context: Any) -> None:
    _returns().complete_return(event["order_id"], event["return_id"], event["refunded"], event.get("shortfall", ""))


# The reporting read model. Chalice does not package these functions: infra/reporting/template.yaml declares them, in a
# stack of its own that a shop can do without.


def project_orders(event: Event, context: Any) -> Event:
    """Events of orders → rows in PostgreSQL."""
    from chalicelib.events import bus
    from chalicelib.wiring import reporting

    bind_invocation(context)
    return bus.consume(event, reporting.projector().project)


def project_adjustments(event: Event, context: Any) -> None:
    """Inventory table stream → stock adjustments in PostgreSQL. A batch that fails is delivered again."""
    from chalicelib.reporting.adjustments import movements_in
    from chalicelib.wiring import reporting

    bind_invocation(context)
    reporting.projector().add_adjustments(movements_in(event))


def answer_report(event: Event, context: Any) -> Event:
    """A report's request → its answer. The API invokes it."""
    from chalicelib.reporting.sql.reports import answer
    from chalicelib.wiring import reporting

    bind_invocation(context)
    return answer(event, reporting.report_queries())


def migrate_reporting(event: Event, context: Any) -> Event:
    """Bring the tables to the newest revision. The deployment calls it."""
    from chalicelib.reporting.sql.migrating import migrate
    from chalicelib.wiring import reporting

    bind_invocation(context)
    return {"revision": reporting.database().run(migrate)}


def rebuild_reporting(event: Event, context: Any) -> Event:
    """Take one step of a rebuild; the input is the step, the answer is the next one."""
    from chalicelib.reporting.rebuild import RebuildStep
    from chalicelib.wiring import reporting

    bind_invocation(context)
    return reporting.rebuild().take(RebuildStep.model_validate(event)).model_dump()


# Of the functions without routes, the saga's steps may have prepared environments: infra/build/releases.py.
if handler not in (None, API_HANDLER):
    prepare(_steps)
