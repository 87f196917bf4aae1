"""Composition of the dead-letter queue operations: only their routes import this."""

from functools import cache

from chalicelib import wiring
from chalicelib.dead_letters.actions import ParkedWorkflows, ShippingRequests, SpecialActions
from chalicelib.dead_letters.model import Parts
from chalicelib.dead_letters.queue import DeadLetterQueue
from chalicelib.dead_letters.redrive import Redrives
from chalicelib.dead_letters.refunds import RefundRetries
from chalicelib.dead_letters.replays import Replays
from chalicelib.platform import aws
from chalicelib.platform.settings import settings
from chalicelib.wiring import fulfilment


def operated() -> Parts:
    """Return the allow-list; the parameter is read again every five minutes."""
    return Parts.model_validate_json(aws.parameter(settings().operated_parts_parameter)())


@cache
def dead_letter_queue() -> DeadLetterQueue:
    return DeadLetterQueue(aws.sqs())


@cache
def replays() -> Replays:
    return Replays(aws.events(), settings().event_archive_arn, settings().event_bus_arn)


@cache
def refund_retries() -> RefundRetries:
    return RefundRetries(wiring.orders(), wiring.return_workflow(), wiring.compensation_workflow())


@cache
def redrives() -> Redrives:
    parked = ParkedWorkflows(
        fulfilment.recovery(), wiring.fulfilment_workflow(), wiring.compensation_workflow(), wiring.return_workflow()
    )
    actions = SpecialActions(parked, wiring.outboxes(), wiring.publisher().publish, aws.aws_lambda())
    outdated = {"warehouse": ShippingRequests(wiring.orders(), wiring.shipping()).is_outdated}
    return Redrives(operated, dead_letter_queue(), actions.by_queue, outdated)
