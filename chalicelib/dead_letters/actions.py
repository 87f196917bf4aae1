"""Redrive actions: what a redrive does with dead letters that it does not send to their source queue."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.dead_letters.model import CannotRedrive, DeadLetter
from chalicelib.events.envelope import Envelope
from chalicelib.events.outbox import Outbox
from chalicelib.events.republish import republish
from chalicelib.fulfilment.recovery import Recovery, first_name
from chalicelib.orders.model import OrderNotFound
from chalicelib.orders.service import Orders
from chalicelib.platform.ids import OrderId
from chalicelib.shipping.service import Shipping

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

Action = Callable[[DeadLetter], None]


class ShippingRequests:
    def __init__(self, orders: Orders, shipping: Shipping) -> None:
        self._orders = orders
        self._shipping = shipping

    def is_outdated(self, dead_letter: DeadLetter) -> bool:
        """Return whether this asks to ship an order that was since recalled, refused, cancelled or dispatched."""
        request = dead_letter.content
        if request.get("action") != "ship":
            return False
        order_id = request.get("order_id", "")
        try:
            return bool(self._orders.get(order_id).cancellation) or not self._shipping.is_requested(order_id)
        except OrderNotFound:
            return True


class ParkedWorkflow(Protocol):
    @property
    def machine(self) -> str: ...

    def restart(self, name: str, given: dict[str, str]) -> None: ...

    def input_of(self, name: str) -> dict[str, str]: ...


class ParkedWorkflows:
    def __init__(
        self,
        recovery: Recovery,
        fulfilment_workflow: ParkedWorkflow,
        compensation_workflow: ParkedWorkflow,
        return_workflow: ParkedWorkflow,
    ) -> None:
        self._recovery = recovery
        self._order_machines = (fulfilment_workflow.machine, compensation_workflow.machine)
        self._return_workflow = return_workflow

    def settle(self, dead_letter: DeadLetter) -> None:
        """Recover a parked order, or start a parked return again. A step that was done already is a no-op.

        Raises CannotRedrive.
        """
        execution = dead_letter.content.get("execution")
        if not isinstance(execution, str) or execution.count(":") != 7:
            raise CannotRedrive("no execution")
        machine, name = execution.split(":")[6:]
        if machine == self._return_workflow.machine:
            self._return_workflow.restart(first_name(name), self._return_workflow.input_of(name))
        elif machine in self._order_machines:
            self._recovery.settle(OrderId(first_name(name)))
        else:
            raise CannotRedrive("no workflow of ours")


class SpecialActions:
    def __init__(
        self,
        parked: ParkedWorkflows,
        outboxes: Sequence[Outbox],
        publish: Callable[[Envelope], None],
        aws_lambda: "LambdaClient",
    ) -> None:
        self._outboxes = outboxes
        self._publish = publish
        self._lambda = aws_lambda
        self.by_queue: dict[str, Action] = {
            "parked-orders": parked.settle,
            "unrelayed-events": self._republish,
            "undelivered-events": self._publish_again,
            "undelivered-copies": self._publish_again,
            "missed-jobs": self._run_again,
            "unpushed-updates": self._drop,
        }

    def _republish(self, dead_letter: DeadLetter) -> None:
        """Publish every unpublished event: this dead letter names a position in a stream, not an event."""
        republish(self._outboxes, self._publish)

    def _publish_again(self, dead_letter: DeadLetter) -> None:
        """Publish the same event to every rule that matches it, also those that received it. Raises CannotRedrive."""
        if "detail" not in dead_letter.content:
            raise CannotRedrive("no event")
        self._publish(Envelope.model_validate(dead_letter.content["detail"]))

    def _run_again(self, dead_letter: DeadLetter) -> None:
        """Run a scheduled job that could not start or failed permanently. Raises CannotRedrive."""
        context = dead_letter.content.get("requestContext")
        given = dead_letter.content.get("requestPayload", {}) if context else dead_letter.content
        job = (context or {}).get("functionArn") or dead_letter.attribute("TARGET_ARN")
        if not job:
            raise CannotRedrive("no function")
        arn = job.removesuffix(":$LATEST")
        self._lambda.invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps(given).encode())

    def _drop(self, dead_letter: DeadLetter) -> None:
        """Do nothing: a page that missed an update has polled since."""
