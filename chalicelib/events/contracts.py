"""Event contracts: every event of this shop as a typed model. The docstring is the description in the documents.

A contract may gain optional fields. A change that would break a reader of the published contract (a field that is
removed, changes its type or becomes required) needs a new version beside the old one; `make contracts` refuses it
otherwise. Events contain no personal data: a consumer that needs an address reads the order.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError

from chalicelib.events.envelope import Envelope, new_event_id
from chalicelib.platform import tracing
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import iso
from chalicelib.platform.ids import OrderId, ReturnId, Sku
from chalicelib.platform.money import Money


class ContractBroken(Exception):
    """An event does not match the contract of its type and version, or has no contract."""


class EventData(BaseModel):
    model_config = ConfigDict(frozen=True)


class Line(EventData):
    sku: Sku
    quantity: Annotated[int, Field(ge=1)]
    unit_price: Annotated[int, Field(ge=0, description="Minor units of the order's currency.")]


Variant = Literal["a", "b"]
"""Of the shop's one experiment."""


class OrderData(EventData):
    """The order as it is after the change."""

    order_id: OrderId
    status: Annotated[str, Field(examples=["PLACED"])]
    reason: Annotated[str | None, Field(examples=["OUT_OF_STOCK"], description="The cause of a cancellation.")] = None
    total: Money
    country: Annotated[str, Field(description="Destination country: ISO 3166-1 alpha-2.")]
    is_guest: bool
    lines: list[Line]
    variant: Annotated[
        Variant | None, Field(description="The variant of the experiment that the buyer saw, if known.")
    ] = None


class OrderPlaced(OrderData):
    """A buyer placed an order."""


class OrderReserved(OrderData):
    """All units of the order are reserved."""


class OrderActionRequired(OrderData):
    """The buyer's bank wants the buyer to confirm the payment (strong customer authentication)."""


class OrderAuthorized(OrderData):
    """The payment is authorized: the amount is held on the card."""


class OrderShipping(OrderData):
    """The shipment was requested from the warehouse."""


class OrderCancelRequested(OrderData):
    """A cancellation was requested before the order left the warehouse; `reason` names the cause."""


class OrderDispatched(OrderData):
    """The parcel left the warehouse; the order can no longer be cancelled."""


class OrderCompleted(OrderData):
    """The order is shipped, paid and counted as sold."""


class OrderCancelled(OrderData):
    """The order ended without delivery and is fully compensated; `reason` names the cause."""


class Returned(EventData):
    """One return: units by sku, and the refund for them."""

    return_id: ReturnId
    refund: Money
    quantities: dict[Sku, int]
    value: Annotated[Money | None, Field(description="What the items cost, where it is known.")] = None
    shortfall: Annotated[
        str | None, Field(examples=["REFUNDED_BEFORE"], description="Why less than their value was refunded.")
    ] = None


class ReturnEventData(OrderData):
    returned: Returned


class OrderReturnRequested(ReturnEventData):
    """The buyer returns units; they are to be refunded and restocked."""


class OrderPartlyReturned(ReturnEventData):
    """A return was refunded; other units of the order stay with the buyer or are still on their way."""


class OrderReturned(ReturnEventData):
    """All units of the order are returned and refunded."""


class RequestedEmail(EventData):
    """An email about the order, to be sent again. `request_id` is unique to the request."""

    request_id: str
    occasion: Annotated[str, Field(examples=["confirmed"])]
    return_id: Annotated[ReturnId | None, Field(description="The return that the email is about.")] = None


class OrderEmailRequested(OrderData):
    """An operator requested that an email about the order is sent again."""

    requested: RequestedEmail


class OrderClaimed(OrderData):
    """A customer claimed an order that was placed as a guest with their email address."""


class OrderErased(OrderData):
    """The account that owned the order was deleted, and the buyer's personal data were erased from the order."""


class OrderLinkRequested(EventData):
    """A new link to an order was requested. The order may not exist, or belong to another buyer: the consumer
    compares the fingerprint and mails the order's own address."""

    order_id: OrderId
    email_fingerprint: Annotated[str, Field(description="Keyed hash of the order's id and the address given.")]
    client: Annotated[str, Field(description="Keyed hash of the address of the caller.")]


class PaymentMovement(EventData):
    """A movement of money at the payment provider outside the order's own steps."""

    reference: Annotated[str, Field(examples=["re_1", "dp_1"], description="Its id there: one event of a type each.")]
    amount: Money
    return_id: Annotated[ReturnId | None, Field(description="The return that a refund belongs to.")] = None
    outside: Annotated[bool, Field(description="Whether the refund was made outside the shop.")] = False


class PaymentEventData(OrderData):
    movement: PaymentMovement


class PaymentRefundedOutside(OrderData):
    """The payment was refunded, in part or whole, at the payment provider and not through the shop."""

    movement: PaymentMovement | None = None


class PaymentDisputed(OrderData):
    """The card's holder disputes the payment; the bank will decide."""

    movement: PaymentMovement | None = None


class PaymentDisputeWon(PaymentEventData):
    """The bank decided for the shop: what it had withdrawn is reinstated."""


class PaymentDisputeLost(PaymentEventData):
    """The bank gave this amount back to the card's holder; the shop has lost it."""


class PaymentDisputeWithdrawn(PaymentEventData):
    """The dispute ended without a decision; nothing was withdrawn, or all was reinstated."""


class PaymentRefundFailed(PaymentEventData):
    """A refund of the shop failed; the amount is kept until an operator refunds it again."""


class PaymentRefundRetried(PaymentEventData):
    """A refund that had failed was made again, by the refund that `movement` names."""


class LedgerMismatch(EventData):
    """Reconciliation found that the payment provider's books and ours differ."""

    kind: Annotated[str, Field(examples=["CHARGED_TOO_MUCH"])]
    order_id: OrderId | None = None
    payment_intent: str | None = None
    expected: Annotated[int, Field(description="Minor units.")]
    found: Annotated[int, Field(description="Minor units.")]


class OrderSettled(EventData):
    """Everything that follows from a completed order is done: each of these parts, once."""

    order_id: OrderId
    parts: Annotated[list[str], Field(examples=[["AFFINITY", "INVOICE", "POINTS", "SALES"]])]


class CatalogImported(EventData):
    """A file of products was imported. The counts are rows of that file."""

    import_id: str
    total: Annotated[int, Field(ge=1)]
    written: Annotated[int, Field(ge=0, description="New or changed.")]
    unchanged: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Contract:
    """One version of one type of event."""

    data: type[EventData]
    source: str
    version: int = 1

    @property
    def type(self) -> str:
        return self.data.__name__

    @property
    def name(self) -> str:
        return f"{self.type}.v{self.version}"


ORDERS, PAYMENTS, INSIGHTS = "storefront.orders", "storefront.payments", "storefront.insights"
CATALOG = "storefront.catalog"

EVENT_CONTRACTS = (
    Contract(OrderPlaced, ORDERS),
    Contract(OrderReserved, ORDERS),
    Contract(OrderActionRequired, ORDERS),
    Contract(OrderAuthorized, ORDERS),
    Contract(OrderShipping, ORDERS),
    Contract(OrderCancelRequested, ORDERS),
    Contract(OrderDispatched, ORDERS),
    Contract(OrderCompleted, ORDERS),
    Contract(OrderCancelled, ORDERS),
    Contract(OrderReturnRequested, ORDERS),
    Contract(OrderPartlyReturned, ORDERS),
    Contract(OrderReturned, ORDERS),
    Contract(OrderEmailRequested, ORDERS),
    Contract(OrderClaimed, ORDERS),
    Contract(OrderErased, ORDERS),
    Contract(OrderLinkRequested, ORDERS),
    Contract(PaymentRefundedOutside, ORDERS),
    Contract(PaymentDisputed, ORDERS),
    Contract(PaymentDisputeWon, ORDERS),
    Contract(PaymentDisputeLost, ORDERS),
    Contract(PaymentDisputeWithdrawn, ORDERS),
    Contract(PaymentRefundFailed, ORDERS),
    Contract(PaymentRefundRetried, ORDERS),
    Contract(LedgerMismatch, PAYMENTS),
    Contract(CatalogImported, CATALOG),
    Contract(OrderSettled, INSIGHTS),
)

_BY_DATA = {contract.data: contract for contract in EVENT_CONTRACTS}
_BY_NAME = {(contract.type, contract.version): contract for contract in EVENT_CONTRACTS}


def contract_of(event_type: str, version: int) -> Contract:
    """Raises ContractBroken if there is none."""
    contract = _BY_NAME.get((event_type, version))
    if contract is None:
        raise ContractBroken(f"{event_type} version {version} has no contract")
    return contract


def new_event(
    data: EventData,
    about: str,
    at: datetime,
    cause: str | None = None,
    key: str | None = None,
    trace: str | None = None,
) -> Envelope:
    """Return `data` in its envelope: type, version and source are its contract's, `about` is the correlation id and
    `cause` the causation id. With `key` the id is derived, so that the event has the same id each time it is made.
    `trace` is the header of the trace that the event belongs to, if that is not the current one.

    Raise ContractBroken if no contract has this model.
    """
    contract = _BY_DATA.get(type(data))
    if contract is None:
        raise ContractBroken(f"{type(data).__name__} is in no contract")
    return Envelope(
        id=new_event_id(key),
        type=contract.type,
        version=contract.version,
        time=iso(at),
        source=contract.source,
        correlation_id=about,
        causation_id=cause,
        trace_header=tracing.joined(trace, at),
        data=data.model_dump(mode="json"),
    )


def data_of(event: Envelope) -> EventData:
    """Return the event's data as its typed model. Raises ContractBroken."""
    contract = contract_of(event.type, event.version)
    if event.source != contract.source:
        raise ContractBroken(f"{contract.name} comes from {contract.source}, not from {event.source}")
    try:
        return contract.data.model_validate(event.data)
    except ValidationError as error:
        wrong = {".".join(map(str, e["loc"])): e["type"] for e in error.errors()}
        raise ContractBroken(f"{contract.name}: {wrong}") from None
