"""What it means to do a dead letter's work again. For most: the same message, on the queue that it came from."""

import json
from collections.abc import Callable
from itertools import pairwise

from chalicelib import wiring
from chalicelib.events import bus
from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment import steps
from chalicelib.operations import outbox
from chalicelib.operations.letters import Handled
from chalicelib.operations.model import CannotRedrive, Letter
from chalicelib.orders.model import Order, OrderNotFound, Reason
from chalicelib.payments.model import PaymentStatus
from chalicelib.platform import aws
from chalicelib.platform.settings import settings
from chalicelib.shipping.model import ShipmentStatus

FORWARD = "CompleteOrder"
"""After this step's predecessor, goods and money have moved: an order parked here is completed, not undone."""


def redrive(name: str, wanted: list[str] | None, sent_until: int | None = None) -> Handled:
    """Redrive the dead letters with these ids, or as many as one call can do of those sent until then (Unix ms).

    Raises QueueUnknown.
    """
    queue = wiring.operated().queue(name)
    letters = wiring.letters()

    def send_back(letter: Letter) -> None:
        if queue.url is None:
            raise CannotRedrive("it came from no queue")
        if not OUTDATED.get(name, _never)(letter):
            letters.send(queue.url, letter)

    return letters.handle(queue.dead_letters, wanted, SPECIAL.get(name, send_back), sent_until)


def _never(letter: Letter) -> bool:
    return False


def _is_not_to_be_shipped(letter: Letter) -> bool:
    """A request to ship what was recalled, refused or cancelled since, or has been dispatched."""
    request = letter.content
    if request.get("action") != "ship":
        return False
    order_id = request.get("order_id", "")
    try:
        return bool(wiring.orders().get(order_id).cancellation) or not wiring.shipping().is_requested(order_id)
    except OrderNotFound:
        return True


OUTDATED: dict[str, Callable[[Letter], bool]] = {"warehouse": _is_not_to_be_shipped}
"""By queue: which of its dead letters have nothing left to do. They are deleted and not sent."""


def settle(letter: Letter) -> None:
    """A parked order or return: its workflow anew, from a state that can bear it. Each step is a no-op where it was
    done already. Raises CannotRedrive."""
    execution = letter.content.get("execution")
    if not isinstance(execution, str) or execution.count(":") != 7:
        raise CannotRedrive("no execution")
    machine, name = execution.split(":")[6:]
    returns = wiring.return_workflow()
    if machine == returns.machine:
        returns.start_anew(_first_name(name), returns.input_of(name))
    elif machine == wiring.fulfilment_workflow().machine and _parked_in(name) == FORWARD:
        steps.complete_order(name)
    elif machine in (wiring.fulfilment_workflow().machine, wiring.undo_workflow().machine):
        _undo(_first_name(name))
    else:
        raise CannotRedrive("no workflow of ours")


def _parked_in(name: str) -> str | None:
    """The state that a saga could not leave in any other way than into ParkOrder."""
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in wiring.fulfilment_workflow().history(name)
        if "stateEnteredEventDetails" in event
    ]
    return next((state for state, after in pairwise(entered) if after == "ParkOrder"), None)


def _undo(order_id: str) -> None:
    """Unless it has ended meanwhile."""
    order = wiring.orders().get(order_id)
    if order.is_over:
        return
    wiring.undo_workflow().start_anew(order_id, {"order_id": order_id, "reason": _reason(order)})


def _reason(order: Order) -> Reason:
    """Why the saga had begun to undo it, as our own records tell."""
    payment, shipment = wiring.payments().of(order.id), wiring.shipping().of(order.id)
    if order.cancellation:
        return order.cancellation
    if payment and (payment.decline_code or payment.status == PaymentStatus.DECLINED):
        return Reason.PAYMENT_DECLINED
    if shipment and shipment.status == ShipmentStatus.REFUSED:
        return Reason.SHIPPING_FAILED
    return Reason.FULFILMENT_FAILED


def _first_name(name: str) -> str:
    """Without the number of the repetition."""
    return name.partition("-")[0]


def _republish(letter: Letter) -> None:
    """The letter names a place in a stream and not an event, so everything that waits is published."""
    outbox.republish()


def _let_be(letter: Letter) -> None:
    """The pages that were not told have asked since: nothing is left to do."""


def _publish_again(letter: Letter) -> None:
    """The event as it was. Every rule that takes it gets it, also those that had it. Raises CannotRedrive."""
    if "detail" not in letter.content:
        raise CannotRedrive("no event")
    envelope = Envelope.model_validate(letter.content["detail"])
    bus.publish([envelope], aws.client("events"), settings().event_bus)


def _run_again(letter: Letter) -> None:
    """A job that could not be started, or that failed for good. Raises CannotRedrive."""
    context = letter.content.get("requestContext")
    given = letter.content.get("requestPayload", {}) if context else letter.content
    job = (context or {}).get("functionArn") or letter.told("TARGET_ARN")
    if not job:
        raise CannotRedrive("no function")
    arn = job.removesuffix(":$LATEST")
    aws.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps(given).encode())


SPECIAL: dict[str, Callable[[Letter], None]] = {
    "parked-orders": settle,
    "unrelayed-events": _republish,
    "undelivered-events": _publish_again,
    "undelivered-copies": _publish_again,
    "missed-jobs": _run_again,
    "unqueued-updates": _let_be,
}
