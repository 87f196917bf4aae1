"""Messages of the WebSocket: subscriptions from clients, and updates of orders."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, StringConstraints, ValidationError

from chalicelib.events.envelope import Envelope
from chalicelib.orders.model import Order
from chalicelib.platform import strict_json
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, Malformed, TooLarge, ValidationFailed
from chalicelib.platform.ids import OrderId
from chalicelib.platform.links import is_link

MESSAGE_LIMIT = 8 * 1024
"""Characters. The largest honest message carries an id token of less than three thousand."""

MAX_SUBSCRIPTIONS = 20
"""Orders that one connection may follow."""

CURRENT = "CurrentState"
"""The type of the first message after subscribing; all others are types of events."""


class MessageTooLarge(TooLarge):
    """The message is larger than 8 KiB."""


class MessageNotJson(Malformed):
    """The message is not a JSON object."""


class TooManySubscriptions(Conflict):
    """One connection follows at most 20 orders."""


class Subscribe(BaseModel):
    """`token` is the order's, as given at checkout or by an emailed link, or the customer's id token."""

    model_config = ConfigDict(frozen=True)

    action: Literal["subscribe"]
    order_id: Annotated[OrderId, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    token: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,4096}$")] | None = None

    @property
    def credentials(self) -> tuple[dict[str, str], str | None]:
        """As over HTTP: the headers that say who calls, and the order's token. A JWT that is no link is an id token."""
        if self.token and "." in self.token and not is_link(self.token):
            return {"authorization": f"Bearer {self.token}"}, None
        return {}, self.token


class Update(BaseModel):
    """The state of an order. `version` counts its changes, so that a client can ignore an older update."""

    model_config = ConfigDict(frozen=True)

    order_id: OrderId
    version: int
    type: str
    status: str
    reason: str | None
    at: str


def parsed(text: str) -> Subscribe:
    """Raises MessageTooLarge, MessageNotJson, ValidationFailed, none of which repeats what the message says."""
    if len(text) > MESSAGE_LIMIT:
        raise MessageTooLarge
    try:
        message = strict_json.parse(text)
    except strict_json.JsonValueRefused as refused:
        raise ValidationFailed(refused.message) from None
    except strict_json.JsonRefused:
        raise MessageNotJson from None
    if not isinstance(message, dict):
        raise MessageNotJson
    try:
        return Subscribe.model_validate(message)
    except ValidationError as error:
        wrong = sorted({str(e["loc"][0]) for e in error.errors()})
        raise ValidationFailed(f"Please correct: {', '.join(wrong)}.") from None


def current(order: Order) -> Update:
    return Update(
        order_id=order.id,
        version=order.version,
        type=CURRENT,
        status=order.status,
        reason=order.reason or order.cancellation,
        at=order.history[-1].at,
    )


def change(event: Envelope, version: int) -> Update:
    return Update(
        order_id=event.order_id,
        version=version,
        type=event.type,
        status=event.data["status"],
        reason=event.data["reason"],
        at=event.time,
    )


def problem(code: str, detail: str) -> dict[str, Any]:
    return {"error": {"code": code, "detail": detail}}
