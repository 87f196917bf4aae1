"""The shop's table of contents: the HTTP API, and every other Lambda entry point.

Entry points other than HTTP stand here and not in Blueprints, because Chalice would make a
Blueprint's own module their handler. What triggers them is declared in `infra/template/`.
"""

from typing import Any

from chalice import Chalice

from chalicelib import api
from chalicelib.platform.log import log

app = Chalice(app_name="storefront")
app.api.binary_types = []
api.register(app)

Event = dict[str, Any]


@app.lambda_function(name="relay_events")
def relay_events(event: Event, context: Any) -> Event:
    """Orders table stream → event bus."""
    from chalicelib import wiring
    from chalicelib.events import bus
    from chalicelib.platform import aws
    from chalicelib.platform.settings import settings

    return bus.relay(event, aws.client("events"), settings().event_bus, wiring.orders().event_published)


# What reads a queue.


@app.lambda_function(name="start_fulfilment")
def start_fulfilment(event: Event, context: Any) -> Event:
    """OrderPlaced → the order fulfilment workflow, named by the order."""
    from chalicelib import wiring
    from chalicelib.events import bus

    saga = wiring.fulfilment_workflow()
    return bus.consume(event, lambda placed: saga.start(placed.order_id, {"order_id": placed.order_id}))


@app.lambda_function(name="stop_fulfilment")
def stop_fulfilment(event: Event, context: Any) -> Event:
    """OrderCancelRequested → the waiting saga step, the warehouse, and the undo if there is no saga."""
    from chalicelib.events import bus
    from chalicelib.fulfilment import cancellation

    return bus.consume(event, cancellation.stop_fulfilment)


@app.lambda_function(name="start_return")
def start_return(event: Event, context: Any) -> Event:
    """OrderReturnRequested → the order return workflow, named by the return."""
    from chalicelib.events import bus
    from chalicelib.fulfilment import returns

    return bus.consume(event, returns.start)


@app.lambda_function(name="hear_warehouse")
def hear_warehouse(event: Event, context: Any) -> Event:
    """The warehouse's answers → the order, and the waiting saga step."""
    from chalicelib.fulfilment import cancellation
    from chalicelib.platform import queues
    from chalicelib.shipping.model import WarehouseReply

    return queues.consume(event, WarehouseReply, cancellation.hear_warehouse)


@app.lambda_function(name="hear_stripe")
def hear_stripe(event: Event, context: Any) -> Event:
    """Stripe's events → the payment, and its order."""
    from chalicelib.fulfilment import payment_news
    from chalicelib.payments.webhooks import Notice
    from chalicelib.platform import queues

    return queues.consume(event, Notice, payment_news.hear_stripe)


@app.lambda_function(name="send_notifications")
def send_notifications(event: Event, context: Any) -> Event:
    """Orders that ended → emails."""
    from chalicelib.events import bus
    from chalicelib.notifications import consumer

    return bus.consume(event, consumer.notify)


# What runs by the clock.


@app.lambda_function(name="sweep_reservations")
def sweep_reservations(event: Event, context: Any) -> Event:
    from chalicelib.fulfilment import sweeper

    return {"released": sweeper.sweep_reservations()}


@app.lambda_function(name="reconcile_payments")
def reconcile_payments(event: Event, context: Any) -> Event:
    from dataclasses import asdict

    from chalicelib.fulfilment import reconciliation

    return {"differences": [asdict(difference) for difference in reconciliation.reconcile_payments()]}


# The saga's steps, one for each Task state of statemachine/order_fulfilment.asl.yaml.


def _step(event: Event) -> Any:
    from chalicelib.fulfilment import steps

    log.append_keys(order_id=event["order_id"])
    return steps


@app.lambda_function(name="reserve_inventory")
def reserve_inventory(event: Event, context: Any) -> None:
    _step(event).reserve_inventory(event["order_id"])


@app.lambda_function(name="authorize_payment")
def authorize_payment(event: Event, context: Any) -> None:
    _step(event).authorize_payment(event["order_id"])


@app.lambda_function(name="ship_order")
def ship_order(event: Event, context: Any) -> None:
    _step(event).ship_order(event["order_id"], event["task_token"])


@app.lambda_function(name="send_confirmation")
def send_confirmation(event: Event, context: Any) -> None:
    _step(event).send_confirmation(event["order_id"])


@app.lambda_function(name="capture_payment")
def capture_payment(event: Event, context: Any) -> None:
    _step(event).capture_payment(event["order_id"])


@app.lambda_function(name="complete_order")
def complete_order(event: Event, context: Any) -> None:
    _step(event).complete_order(event["order_id"])


@app.lambda_function(name="refund_payment")
def refund_payment(event: Event, context: Any) -> None:
    _step(event).refund_payment(event["order_id"])


@app.lambda_function(name="recall_shipment")
def recall_shipment(event: Event, context: Any) -> None:
    _step(event).recall_shipment(event["order_id"])


@app.lambda_function(name="void_payment")
def void_payment(event: Event, context: Any) -> None:
    _step(event).void_payment(event["order_id"])


@app.lambda_function(name="release_inventory")
def release_inventory(event: Event, context: Any) -> None:
    _step(event).release_inventory(event["order_id"])


@app.lambda_function(name="cancel_order")
def cancel_order(event: Event, context: Any) -> None:
    _step(event).cancel_order(event["order_id"], event["reason"])


# The steps of a return, one for each Task state of statemachine/order_return.asl.yaml.


@app.lambda_function(name="refund_return")
def refund_return(event: Event, context: Any) -> Event:
    from chalicelib.fulfilment import returns

    return {"refunded": returns.refund_return(event["order_id"], event["return_id"])}


@app.lambda_function(name="restock_return")
def restock_return(event: Event, context: Any) -> None:
    from chalicelib.fulfilment import returns

    returns.restock_return(event["order_id"], event["return_id"])


@app.lambda_function(name="complete_return")
def complete_return(event: Event, context: Any) -> None:
    from chalicelib.fulfilment import returns

    returns.complete_return(event["order_id"], event["return_id"], event["refunded"])
