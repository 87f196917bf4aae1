"""Invoices and credit notes over HTTP: for the order's owner, and as a list for admins."""

from datetime import date
from typing import Annotated

from chalice import Blueprint
from pydantic import Field, StringConstraints

from chalicelib import wiring
from chalicelib.billing.model import Cause, Document, DocumentKind, DocumentNotFound, InvoiceNotReady
from chalicelib.orders.numbers import number_of
from chalicelib.orders.service import NOT_OPENED
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.documents import URL_SECONDS
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.headers import ORDER_TOKEN
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import OrderId, OrderNumber
from chalicelib.platform.money import Money
from chalicelib.platform.shop import shop

routes = Blueprint(__name__)


class DocumentView(BaseModel):
    number: Annotated[str, Field(examples=["INV-2030-000001"], description="Gap-free by kind and year.")]
    kind: DocumentKind
    order_id: OrderId
    order_number: Annotated[OrderNumber, Field(examples=["7K3M-9XQ2"])]
    issued_on: Annotated[date, Field(description="In the shop's time zone.")]
    total: Money
    cause: Annotated[Cause | None, Field(description="Of a credit note or a reversal.")]
    refers_to: Annotated[str | None, Field(description="The invoice or credit note that it changes.")]


class OrderDocuments(BaseModel):
    items: Annotated[list[DocumentView], Field(description="Oldest first.")]
    next_cursor: None = None


class DocumentPage(BaseModel):
    items: Annotated[list[DocumentView], Field(description="Newest first.")]
    next_cursor: str | None
    time_zone: Annotated[str, Field(description="Of the days and years.", examples=["Europe/Berlin"])]


class DocumentQuery(BaseModel):
    kind: DocumentKind = DocumentKind.INVOICE
    year: Annotated[int | None, Field(ge=2000, le=9999, description="This year if absent.")] = None
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


class DocumentLink(BaseModel):
    url: Annotated[str, Field(description="An HTML document. Anyone with this address can read it for a short time.")]
    expires_in_seconds: int


@endpoint(
    routes, "GET", "/orders/{order_id}/documents", summary="List an order's documents",
    headers=(ORDER_TOKEN,), answer=OrderDocuments, refusals=NOT_OPENED,
)  # fmt: skip
def list_order_documents(call: Call, order_id: OrderId) -> OrderDocuments:
    """Return an order's invoice, credit notes and reversals, oldest first. Guests send the order token."""
    owned = _owned(call, order_id)
    return OrderDocuments(items=[_view(document) for document in wiring.billing().of_order(owned)])


@endpoint(
    routes, "GET", "/orders/{order_id}/documents/{number}", summary="Get a link to an order's document",
    headers=(ORDER_TOKEN,), answer=DocumentLink, refusals=(*NOT_OPENED, DocumentNotFound),
)  # fmt: skip
def get_order_document(call: Call, order_id: OrderId, number: str) -> DocumentLink:
    """Return a link to one document of an order. The link expires after a few minutes."""
    return _link(wiring.billing().address(_owned(call, order_id), number))


@endpoint(
    routes, "GET", "/orders/{order_id}/invoice", summary="Get a link to an order's invoice",
    headers=(ORDER_TOKEN,), answer=DocumentLink, refusals=(*NOT_OPENED, InvoiceNotReady),
)  # fmt: skip
def get_invoice(call: Call, order_id: OrderId) -> DocumentLink:
    """Return a link to an order's invoice. It exists shortly after the order is completed."""
    return _link(wiring.billing().invoice_address(_owned(call, order_id)))


@endpoint(
    routes, "GET", "/admin/documents", summary="List invoices, credit notes or reversals",
    access="admin", query=DocumentQuery, answer=DocumentPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_documents(call: Call, query: DocumentQuery) -> DocumentPage:
    """Return the shop's documents of one kind and year, newest first."""
    documents, next_cursor = wiring.billing().page(query.kind, query.year, query.cursor)
    return DocumentPage(
        items=[_view(document) for document in documents], next_cursor=next_cursor, time_zone=shop().time_zone
    )


def _owned(call: Call, order_id: OrderId) -> OrderId:
    """Return the order's id if the caller may see the order. Raise one of NOT_OPENED if not."""
    return wiring.orders().get_for(call.caller, call.headers.get(ORDER_TOKEN.lower()), order_id).id


def _link(url: str) -> DocumentLink:
    return DocumentLink(url=url, expires_in_seconds=URL_SECONDS)


def _view(document: Document) -> DocumentView:
    return DocumentView(
        number=str(document.number),
        kind=document.number.kind,
        order_id=document.order_id,
        order_number=number_of(document.order_id),
        issued_on=document.issued_on,
        total=document.total,
        cause=document.cause,
        refers_to=document.refers_to,
    )
