"""What it means to do a dead letter's work again. For most: the same message, on the queue that it came from."""

import json
from collections.abc import Callable

from chalicelib import wiring
from chalicelib.events import bus, republish
from chalicelib.events.envelope import Envelope
from chalicelib.fulfilment import recovery
from chalicelib.fulfilment.recovery import first_name
from chalicelib.operations.letters import Handled
from chalicelib.operations.model import CannotRedrive, DeadLetter
from chalicelib.orders.model import OrderNotFound
from chalicelib.platform import aws
from chalicelib.platform.settings import settings


def redrive(name: str, wanted: list[str] | None, sent_until: int | None = None) -> Handled:
    """Redrive the dead letters with these ids, or as many as one call can do of those sent until then (Unix ms).

    Raises QueueUnknown.
    """
    queue = wiring.operated().queue(name)
    letters = wiring.letters()

    def send_back(letter: DeadLetter) -> None:
        if queue.url is None:
            raise CannotRedrive("it came from no queue")
        if not OUTDATED.get(name, _never)(letter):
            letters.send(queue.url, letter)

    return letters.handle(queue.dead_letters, wanted, SPECIAL.get(name, send_back), sent_until)


def _never(letter: DeadLetter) -> bool:
    return False


def _is_not_to_be_shipped(letter: DeadLetter) -> bool:
    """A request to ship what was recalled, refused or cancelled since, or has been dispatched."""
    request = letter.content
    if request.get("action") != "ship":
        return False
    order_id = request.get("order_id", "")
    try:
        return bool(wiring.orders().get(order_id).cancellation) or not wiring.shipping().is_requested(order_id)
    except OrderNotFound:
        return True


OUTDATED: dict[str, Callable[[DeadLetter], bool]] = {"warehouse": _is_not_to_be_shipped}
"""By queue: which of its dead letters have nothing left to do. They are deleted and not sent."""


def settle(letter: DeadLetter) -> None:
    """A parked order is recovered, a parked return begun again. Each step is a no-op where it was done already.

    Raises CannotRedrive.
    """
    execution = letter.content.get("execution")
    if not isinstance(execution, str) or execution.count(":") != 7:
        raise CannotRedrive("no execution")
    machine, name = execution.split(":")[6:]
    returns = wiring.return_workflow()
    if machine == returns.machine:
        returns.restart(first_name(name), returns.input_of(name))
    elif machine in (wiring.fulfilment_workflow().machine, wiring.undo_workflow().machine):
        recovery.settle(first_name(name))
    else:
        raise CannotRedrive("no workflow of ours")


def _republish(letter: DeadLetter) -> None:
    """The letter names a place in a stream and not an event, so everything that waits is published."""
    republish.republish()


def _let_be(letter: DeadLetter) -> None:
    """The pages that were not told have asked since: nothing is left to do."""


def _publish_again(letter: DeadLetter) -> None:
    """The event as it was. Every rule that takes it gets it, also those that had it. Raises CannotRedrive."""
    if "detail" not in letter.content:
        raise CannotRedrive("no event")
    envelope = Envelope.model_validate(letter.content["detail"])
    bus.publish([envelope], aws.client("events"), settings().event_bus)


def _run_again(letter: DeadLetter) -> None:
    """A job that could not be started, or that failed for good. Raises CannotRedrive."""
    context = letter.content.get("requestContext")
    given = letter.content.get("requestPayload", {}) if context else letter.content
    job = (context or {}).get("functionArn") or letter.told("TARGET_ARN")
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
    "unqueued-updates": _let_be,
}
