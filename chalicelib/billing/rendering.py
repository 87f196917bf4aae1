"""A document as an HTML page: a pure function of what was issued."""

from html import escape

from chalicelib.billing.model import Cause, Document, DocumentKind, DocumentLine
from chalicelib.orders.numbers import number_of
from chalicelib.platform.money import decimal_text
from chalicelib.platform.pages import money, page, table
from chalicelib.platform.shop import Seller

TITLE = {
    DocumentKind.INVOICE: "Invoice",
    DocumentKind.CREDIT_NOTE: "Credit note",
    DocumentKind.REVERSAL: "Reversal of a credit note",
}
CLOSING = {
    DocumentKind.INVOICE: "Paid by card. Thank you for buying from us.",
    DocumentKind.CREDIT_NOTE: "The amount goes back to the card that was used for the payment.",
    DocumentKind.REVERSAL: "The refund did not arrive, so its credit note is cancelled.",
}
LOST = "The card's bank decided that the payment goes back to the card's holder."


def rendered(document: Document) -> str:
    """Return the page. All text is escaped, and no script runs in it."""
    number, name = str(document.number), TITLE[document.number.kind]
    closing = LOST if document.cause == Cause.DISPUTE_LOST else CLOSING[document.number.kind]
    return page(
        f"{name} {number} – {document.shop_name}",
        f"<h1>{name} {number}</h1>\n{_facts(document)}\n"
        f"<h2>From</h2>\n{_paragraphs(_seller(document.seller))}\n"
        f"<h2>To</h2>\n{_paragraphs(document.buyer)}\n"
        f'{_amounts(document)}\n<p class="quiet">{escape(closing)}</p>',
    )


def _facts(document: Document) -> str:
    notes = [
        f"Issued on {document.issued_on} · Supplied on {document.supplied_on} (time zone {document.time_zone})",
        f"Order {number_of(document.order_id)}",
    ]
    if document.refers_to:
        of = "credit note" if document.number.kind == DocumentKind.REVERSAL else "invoice"
        notes.append(f"Refers to {of} {document.refers_to}")
    return "\n".join(f'<p class="quiet">{escape(text)}</p>' for text in notes)


def _seller(seller: Seller) -> list[str]:
    address = seller.address
    place = [address.line1, address.line2, f"{address.postal_code} {address.city}", address.country]
    return [seller.legal_name, *(line for line in place if line), f"VAT ID {seller.vat_id}", seller.email]


def _amounts(document: Document) -> str:
    currency = document.total.currency
    rows = [_row(line, currency) for line in document.lines]
    rows += [
        [f"Contains {tax.name} {tax.rate} % of {money(tax.net, currency)}", "", "", money(tax.tax, currency)]
        for tax in document.taxes
    ]
    total = f"{decimal_text(document.total.amount, currency)} {currency}"
    heads = ["Product", "Quantity", f"Each, {currency}", f"Amount, {currency}"]
    return table(heads, rows, ["Total", "", "", total])


def _row(line: DocumentLine, currency: str) -> list[str]:
    each = "" if line.unit_price is None else money(line.unit_price, currency)
    return [line.name, "" if line.quantity is None else str(line.quantity), each, money(line.amount, currency)]


def _paragraphs(lines: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)
