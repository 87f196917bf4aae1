"""Issuing documents, each once and with the next number of its series, and finding them."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.billing.model import (
    BillingBusy,
    Credit,
    CreditNoteMissing,
    Document,
    DocumentKind,
    DocumentNotFound,
    InvoiceNotReady,
    Number,
    credit_note_of,
    file_key,
    invoice_of,
    reversal_of,
)
from chalicelib.billing.rendering import rendered
from chalicelib.billing.store import BillingStore, Stored
from chalicelib.orders.model import Order
from chalicelib.platform.clock import Clock
from chalicelib.platform.documents import Documents
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.ids import OrderId, ReturnId
from chalicelib.platform.log import log
from chalicelib.platform.retries import retry_on_conflict
from chalicelib.platform.shop import Shop

PAGE_SIZE = 20
ATTEMPTS = 30
"""How often a number is tried that another document has taken."""

Make = Callable[[Number, datetime], Document]


class Billing:
    def __init__(self, store: BillingStore, documents: Documents, shop: Shop, clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._shop = shop
        self._clock = clock

    def invoice(self, order: Order) -> Document:
        """Issue the order's invoice, or return the one it has. Raises OrderNotCompleted, BillingBusy."""
        return self._issue(
            DocumentKind.INVOICE, order.id, "", lambda number, now: invoice_of(order, number, now, self._shop)
        )

    def credit(self, order: Order, credit: Credit) -> Document:
        """Issue the credit note for a refund, or return it. Raises OrderNotCompleted, BillingBusy."""
        invoice = str(self.invoice(order).number)
        return self._issue(
            DocumentKind.CREDIT_NOTE,
            order.id,
            credit.reference,
            lambda number, now: credit_note_of(order, credit, invoice, number, now, self._shop),
        )

    def reverse(self, order: Order, reference: str, return_id: ReturnId | None) -> Document:
        """Cancel the credit note of a refund that did not arrive: of the refund itself, or else of its return.

        Raises CreditNoteMissing, BillingBusy.
        """
        credited = [reference, return_id] if return_id else [reference]
        found = next(
            filter(None, (self._store.find(order.id, DocumentKind.CREDIT_NOTE, each) for each in credited)), None
        )
        if found is None:
            raise CreditNoteMissing(f"{order.id} {reference}")
        return self._issue(
            DocumentKind.REVERSAL,
            order.id,
            reference,
            lambda number, now: reversal_of(found.document, reference, number, now, self._shop),
        )

    def of_order(self, order_id: OrderId) -> list[Document]:
        """Return the order's documents that can be read, oldest first."""
        found = [each.document for each in self._store.of_order(order_id) if each.filed]
        kinds = list(DocumentKind)
        return sorted(found, key=lambda each: (each.issued_on, kinds.index(each.number.kind), each.number.sequence))

    def page(self, kind: DocumentKind, year: int | None, cursor: str | None) -> tuple[list[Document], str | None]:
        """Return documents of a series, newest first; without a year, of this one. Raises CursorInvalid."""
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and 0 < len(cursor) < 10):
            raise CursorInvalid
        year = year or self._shop.day_of(self._clock()).year
        documents = self._store.page(kind, year, int(cursor) if cursor else None, PAGE_SIZE)
        last = documents[-1].number.sequence if documents else 1
        return documents, str(last) if last > 1 else None

    def address(self, order_id: OrderId, number: str) -> str:
        """Return a URL that opens the order's document for a short time. Raises DocumentNotFound."""
        if number not in {str(each.number) for each in self.of_order(order_id)}:
            raise DocumentNotFound
        return self._documents.address(file_key(number))

    def invoice_address(self, order_id: OrderId) -> str:
        """Return a URL that opens the order's invoice for a short time. Raises InvoiceNotReady."""
        for each in self.of_order(order_id):
            if each.number.kind == DocumentKind.INVOICE:
                return self._documents.address(file_key(str(each.number)))
        raise InvoiceNotReady

    def _issue(self, kind: DocumentKind, order_id: OrderId, reference: str, make: Make) -> Document:
        """If a run dies between the document and its file, the next run finds the document and writes the file."""
        stored = self._numbered(kind, order_id, reference, make)
        if not stored.filed:
            document = stored.document
            self._documents.write_once(file_key(str(document.number)), rendered(document), "html")
            self._store.note_filed(document)
            log.info("document issued", extra={"document": str(document.number), "order_id": order_id})
        return stored.document

    def _numbered(self, kind: DocumentKind, order_id: OrderId, reference: str, make: Make) -> Stored:
        for _ in retry_on_conflict(ATTEMPTS, base=0.01):
            if found := self._store.find(order_id, kind, reference):
                return found
            now = self._clock()
            year = self._shop.day_of(now).year
            document = make(Number(kind=kind, year=year, sequence=self._store.last(kind, year) + 1), now)
            if self._store.add(document):
                return Stored(document, filed=False)
        raise BillingBusy(f"{kind} of {order_id}")
