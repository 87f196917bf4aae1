"""Dead-letter queue model: queues, dead letters, and the rules for redrives and replays. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, NotFound, UnprocessableRequest
from chalicelib.platform.ids import OrderId


class QueueUnknown(NotFound):
    """There is no queue of this name. `GET /admin/queues` lists them."""


class DeadLetterNotFound(NotFound):
    """There is no such dead letter in this queue, or another request is handling it right now."""


class ReplayUnknown(NotFound):
    """There is no replay with this id."""


class ReplayWindowInvalid(UnprocessableRequest):
    """Events can be replayed from one time to a later one, not in the future, and as long as they are kept."""


class EventTypeUnknown(UnprocessableRequest):
    """There is no event of this type."""


class NoMatchingRule(Conflict):
    """No rule matches events of this type, so a replay would reach no consumer."""


class ReplaysBusy(Conflict):
    """As many replays as may run at once are running. Try again when one has ended."""


class NoFailedRefund(Conflict):
    """No refund of this order has failed, or it has been retried already."""


class CannotRedrive(Exception):
    """The dead letter lacks what a redrive needs; it stays in its queue."""


class Queue(BaseModel):
    """`url` is None for a queue that holds only dead letters, such as parked orders."""

    model_config = ConfigDict(frozen=True)

    url: str | None = None
    dead_letters: str


class Rule(BaseModel):
    """A rule of the bus, and the event types that it matches."""

    model_config = ConfigDict(frozen=True)

    arn: str
    types: list[str]


class Parts(BaseModel):
    """The queues and rules that an admin may operate, by name: an allow-list, derived from the template."""

    model_config = ConfigDict(frozen=True)

    queues: dict[str, Queue]
    rules: list[Rule]

    def queue(self, name: str) -> Queue:
        """Raises QueueUnknown."""
        if name not in self.queues:
            raise QueueUnknown
        return self.queues[name]

    def rules_for(self, event_type: str) -> list[str]:
        """Return the ARNs of the rules that match this type. Raises NoMatchingRule."""
        found = [rule.arn for rule in self.rules if event_type in rule.types]
        if not found:
            raise NoMatchingRule
        return found


def queue_name(logical_id: str) -> str:
    """Return the name under which a queue is operated: `WarehouseRepliesQueue` becomes `warehouse-replies`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", logical_id.removesuffix("Queue")).lower()


class Context(BaseModel):
    """The names and ids in a dead letter, and no personal data."""

    event_type: str | None = None
    event_id: str | None = None
    order_id: OrderId | None = None
    execution: str | None = None
    reason: str | None = None


NAME = re.compile(r"[\w.:/-]{1,200}")
"""The form of ids, types, ARNs and error names. Other values in their place are not shown."""


class DeadLetter(BaseModel):
    """A message in a dead-letter queue. Times are Unix milliseconds; `attributes` are the sender's; `group` is the
    message group in a FIFO queue."""

    id: str
    body: str
    attributes: dict[str, Any] = {}
    group: str | None = None
    sent: int
    first_received: int | None = None
    receive_count: int

    @property
    def content(self) -> dict[str, Any]:
        """Its body, or the message inside an SNS notification. Empty if that is not a JSON object."""
        content = _object(self.body)
        return _object(content["Message"]) if content.get("Type") == "Notification" else content

    def attribute(self, name: str) -> str | None:
        text: str | None = self.attributes.get(name, {}).get("StringValue")
        return text

    @property
    def context(self) -> Context:
        content, detail = self.content, _under(self.content, "detail")
        lambdas, failure = _under(content, "requestContext"), _under(content, "failure")
        return Context(
            event_type=_name(detail.get("type"), content.get("detail-type"), content.get("action")),
            event_id=_name(detail.get("id"), content.get("event_id")),
            order_id=_order_id(_under(detail, "data").get("order_id"), content.get("order_id")),
            execution=_name(content.get("execution")),
            reason=_name(
                self.attribute("ERROR_CODE"),
                failure.get("Error"),
                _under(content, "responsePayload").get("errorType"),
                lambdas.get("condition"),
                None if content else "NotReadable",
            ),
        )


def _object(text: Any) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _under(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _name(*candidates: Any) -> str | None:
    return next((each for each in candidates if isinstance(each, str) and NAME.fullmatch(each)), None)


def _order_id(*candidates: Any) -> OrderId | None:
    name = _name(*candidates)
    return OrderId(name) if name else None


def checked_window(start: datetime, end: datetime, now: datetime, kept: timedelta) -> None:
    """Check the time span of a replay. Raises ReplayWindowInvalid, which names the field."""
    wrong = {}
    if end > now:
        wrong["to"] = "It is in the future."
    if start >= end:
        wrong["from"] = "It must be before `to`."
    elif start < now - kept:
        wrong["from"] = f"Events are kept for {kept.days} days."
    if wrong:
        raise ReplayWindowInvalid("Please correct the named fields.", wrong)
