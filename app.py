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
    from chalicelib.platform import aws, events
    from chalicelib.platform.settings import settings

    return events.relay(event, aws.client("events"), settings().event_bus)


@app.lambda_function(name="start_fulfilment")
def start_fulfilment(event: Event, context: Any) -> Event:
    """Fulfilment queue → saga."""
    from chalicelib import wiring
    from chalicelib.platform import queues

    return queues.consume(event, lambda body: wiring.saga().start(queues.envelope(body)))


@app.lambda_function(name="hear_warehouse")
def hear_warehouse(event: Event, context: Any) -> Event:
    """Warehouse replies queue → the waiting saga step."""
    from chalicelib import wiring
    from chalicelib.platform import queues
    from chalicelib.shipping.model import WarehouseReply

    return queues.consume(event, lambda body: wiring.shipping().hear(WarehouseReply.model_validate_json(body)))


@app.lambda_function(name="send_notifications")
def send_notifications(event: Event, context: Any) -> Event:
    """Notifications queue → emails."""
    from chalicelib.notifications import consumer
    from chalicelib.platform import queues

    return queues.consume(event, lambda body: consumer.notify(queues.envelope(body)))


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
