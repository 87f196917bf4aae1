"""Invoices, credit notes and reversals: what stands on each, and how it is numbered.

An invoice is issued once for each completed order. A credit note takes back a part of it: for a return, a refund that
was made at the payment provider, or a dispute that was lost. A reversal cancels a credit note whose refund did not
arrive. An issued document never changes.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.orders.model import Order, Status
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, NotFound, Unavailable
from chalicelib.platform.ids import OrderId, ReturnId, Sku
from chalicelib.platform.money import Money
from chalicelib.platform.shop import Seller, Shop
from chalicelib.pricing.model import Adjustment
from chalicelib.shipping.address import address_lines


class InvoiceNotReady(Conflict):
    """There is no invoice for this order. It is issued when the order is completed."""


class DocumentNotFound(NotFound):
    """This order has no such document."""


class BillingBusy(Unavailable):
    """Many documents are being numbered right now; retry later."""


class OrderNotCompleted(Unavailable):
    """The order may still be completed, and has no invoice that a credit note could refer to."""


class CreditNoteMissing(Unavailable):
    """There is no credit note yet that this reversal could refer to."""


class DocumentKind(StrEnum):
    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    REVERSAL = "REVERSAL"


PREFIX = {DocumentKind.INVOICE: "INV", DocumentKind.CREDIT_NOTE: "CN", DocumentKind.REVERSAL: "RV"}
"""Each kind is a series of its own, and each series begins with 1 every year."""


class Cause(StrEnum):
    """Why a credit note or a reversal was issued."""

    RETURN = "RETURN"
    REFUND = "REFUND"
    DISPUTE_LOST = "DISPUTE_LOST"
    REFUND_FAILED = "REFUND_FAILED"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class DocumentLine(_Frozen):
    """`name` is the one at purchase. Amounts are minor units; a deduction is below zero."""

    name: str
    quantity: int | None = None
    unit_price: int | None = None
    amount: int


class TaxLine(_Frozen):
    """A tax that the total contains, in minor units."""

    name: str
    rate: Annotated[str, Field(description="Percent, as it is written.", examples=["19"])]
    net: int
    tax: int


class Number(_Frozen):
    """`sequence` counts from 1 without a gap, by kind and year of the shop's time zone."""

    kind: DocumentKind
    year: int
    sequence: int

    def __str__(self) -> str:
        return f"{PREFIX[self.kind]}-{self.year}-{self.sequence:06}"


class Document(_Frozen):
    """A document as it was issued.

    `reference` names what it is for, once for each order and kind: a return, or a refund or dispute at the payment
    provider. `refers_to` is the number of the invoice or credit note that it changes. `supplied_on` is the day of
    completion. Days are those of `time_zone`.
    """

    number: Number
    order_id: OrderId
    reference: str = ""
    cause: Cause | None = None
    refers_to: str | None = None
    issued_on: date
    supplied_on: date
    time_zone: str
    seller: Seller
    shop_name: str
    buyer: tuple[str, ...]
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxLine, ...] = ()
    total: Money


class Credit(_Frozen):
    """What a credit note is for. `quantities` are those of a return, by sku."""

    reference: str
    amount: int
    cause: Cause
    quantities: dict[Sku, int] = {}


def file_key(number: str) -> str:
    """Return where the document with this number is kept in the documents' bucket."""
    return f"invoices/{number}.html"


def completed_at(order: Order) -> datetime | None:
    """Return when the order was completed, or None if it never was."""
    return next((datetime.fromisoformat(each.at) for each in order.history if each.status == Status.COMPLETED), None)


def invoice_of(order: Order, number: Number, now: datetime, shop: Shop) -> Document:
    """Return the invoice of a completed order, issued now. Raises OrderNotCompleted."""
    lines = [
        DocumentLine(
            name=line.name, quantity=line.quantity, unit_price=line.unit_price.amount, amount=line.total.amount
        )
        for line in order.lines
    ]
    return _document(order, number, now, shop, [*lines, *_adjusted(order.adjustments)], order.total)


def credit_note_of(order: Order, credit: Credit, invoice: str, number: Number, now: datetime, shop: Shop) -> Document:
    """Return the credit note for a refund of the order, which has this invoice."""
    total = Money(amount=credit.amount, currency=order.total.currency)
    document = _document(order, number, now, shop, _credited(order, credit), total)
    facts = {"reference": credit.reference, "cause": credit.cause, "refers_to": invoice}
    return document.model_copy(update=facts)


def reversal_of(credit_note: Document, reference: str, number: Number, now: datetime, shop: Shop) -> Document:
    """Return the document that cancels a credit note whose refund did not arrive."""
    facts = {
        "number": number,
        "reference": reference,
        "cause": Cause.REFUND_FAILED,
        "refers_to": str(credit_note.number),
        "issued_on": shop.day_of(now),
        "time_zone": shop.time_zone,
        "seller": shop.seller,
        "shop_name": shop.name,
    }
    return credit_note.model_copy(update=facts)


def _document(
    order: Order, number: Number, now: datetime, shop: Shop, lines: Iterable[DocumentLine], total: Money
) -> Document:
    completed = completed_at(order)
    if completed is None:
        raise OrderNotCompleted(order.id)
    return Document(
        number=number,
        order_id=order.id,
        issued_on=shop.day_of(now),
        supplied_on=shop.day_of(completed),
        time_zone=shop.time_zone,
        seller=shop.seller,
        shop_name=shop.name,
        buyer=tuple(address_lines(order.shipping_address)),
        lines=tuple(lines),
        total=total,
    )


def _credited(order: Order, credit: Credit) -> list[DocumentLine]:
    """The returned items, their part of the adjustments and what was refunded for them before; or the refund as one
    line."""
    items = [
        DocumentLine(
            name=line.name,
            quantity=credit.quantities[line.sku],
            unit_price=line.unit_price.amount,
            amount=line.unit_price.times(credit.quantities[line.sku]).amount,
        )
        for line in order.lines
        if line.sku in credit.quantities
    ]
    if not items:
        return [DocumentLine(name=WORDS[credit.cause], amount=credit.amount)]
    items += _adjusted(order.adjustments_of(ReturnId(credit.reference)))
    if difference := credit.amount - sum(line.amount for line in items):
        items.append(DocumentLine(name="Refunded before", amount=difference))
    return items


def _adjusted(adjustments: Iterable[Adjustment]) -> list[DocumentLine]:
    return [DocumentLine(name=each.label, amount=each.amount) for each in adjustments]


WORDS = {
    Cause.RETURN: "Items returned",
    Cause.REFUND: "Refund",
    Cause.DISPUTE_LOST: "Payment reversed by the card's bank",
    Cause.REFUND_FAILED: "The refund did not arrive",
}
