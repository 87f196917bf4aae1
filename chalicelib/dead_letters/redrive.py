"""Redrive: do the work of dead letters again. Most are sent to their source queue; `SPECIAL` lists the exceptions."""

import json
from collections.abc import Callable

from chalicelib import wiring
from chalicelib.dead_letters.model import CannotRedrive, DeadLetter
from chalicelib.dead_letters.queue import Handled
from chalicelib.events import republish
from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment.recovery import first_name
from chalicelib.orders.model import OrderNotFound
from chalicelib.platform import aws
from chalicelib.wiring import dead_letters as wired
from chalicelib.wiring import fulfilment


def redrive(name: str, wanted: list[str] | None, sent_until: int | None = None) -> Handled:
    """Redrive the dead letters with these ids, or as many as one call can handle of those sent until then (Unix ms).

    Raises QueueUnknown.
    """
    queue = wired.operated().queue(name)
    dead_letters = wired.dead_letter_queue()

    def send_back(dead_letter: DeadLetter) -> None:
        if queue.url is None:
            raise CannotRedrive("it came from no queue")
        if not OUTDATED.get(name, _never)(dead_letter):
            dead_letters.send(queue.url, dead_letter)

    return dead_letters.handle(queue.dead_letters, wanted, SPECIAL.get(name, send_back), sent_until)


def _never(dead_letter: DeadLetter) -> bool:
    return False


def _is_not_to_be_shipped(dead_letter: DeadLetter) -> bool:
    """Return whether this asks to ship an order that was since recalled, refused, cancelled or dispatched."""
    request = dead_letter.content
    if request.get("action") != "ship":
        return False
    order_id = request.get("order_id", "")
    try:
        return bool(wiring.orders().get(order_id).cancellation) or not wiring.shipping().is_requested(order_id)
    except OrderNotFound:
        return True


OUTDATED: dict[str, Callable[[DeadLetter], bool]] = {"warehouse": _is_not_to_be_shipped}
"""By queue: which of its dead letters need no more work. They are deleted and not sent."""


def settle(dead_letter: DeadLetter) -> None:
    """Recover a parked order, or start a parked return again. A step that was done already is a no-op.

    Raises CannotRedrive.
    """
    execution = dead_letter.content.get("execution")
    if not isinstance(execution, str) or execution.count(":") != 7:
        raise CannotRedrive("no execution")
    machine, name = execution.split(":")[6:]
    returns = wiring.return_workflow()
    if machine == returns.machine:
        returns.restart(first_name(name), returns.input_of(name))
    elif machine in (wiring.fulfilment_workflow().machine, wiring.undo_workflow().machine):
        fulfilment.recovery().settle(first_name(name))
    else:
        raise CannotRedrive("no workflow of ours")


def _republish(dead_letter: DeadLetter) -> None:
    """Publish every unpublished event: this dead letter names a position in a stream, not an event."""
    republish.republish(wiring.outboxes(), wiring.publisher().publish)


def _drop(dead_letter: DeadLetter) -> None:
    """Do nothing: a page that missed an update has polled since."""


def _publish_again(dead_letter: DeadLetter) -> None:
    """Publish the same event to every rule that matches it, also those that received it. Raises CannotRedrive."""
    if "detail" not in dead_letter.content:
        raise CannotRedrive("no event")
    envelope = Envelope.model_validate(dead_letter.content["detail"])
    wiring.publisher().publish(envelope)


def _run_again(dead_letter: DeadLetter) -> None:
    """Run a scheduled job that could not start or failed permanently. Raises CannotRedrive."""
    context = dead_letter.content.get("requestContext")
    given = dead_letter.content.get("requestPayload", {}) if context else dead_letter.content
    job = (context or {}).get("functionArn") or dead_letter.attribute("TARGET_ARN")
    if not job:
        raise CannotRedrive("no function")
    arn = job.removesuffix(":$LATEST")
    aws.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps(given).encode())


SPECIAL: dict[str, Callable[[DeadLetter], None]] = {
    "parked-orders": settle,
    "unrelayed-events": _republish,
    "undelivered-events": _publish_again,
    "undelivered-copies": _publish_again,
    "missed-jobs": _run_again,
    "unqueued-updates": _drop,
}
