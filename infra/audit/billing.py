"""Invariants of invoices, credit notes and reversals."""

from collections import defaultdict
from collections.abc import Iterator

from infra.audit.books import DELIVERED, Books, Item

Finding = tuple[str, str | None]
Expected = dict[tuple[str, str], int | None]
"""By kind and reference: the total in minor units, or None if another document states it."""

CREDITED = {"PaymentRefundedOutside", "PaymentRefundRetried", "PaymentDisputeLost"}
LOST = "PaymentDisputeLost"
FAILED = "PaymentRefundFailed"


def documents_of_event(event: Item) -> Expected:
    """Return the documents that follow from an event of an order that was completed."""
    returned, movement = event["data"].get("returned"), event["data"].get("movement")
    match event["type"]:
        case "OrderCompleted":
            return {("INVOICE", ""): None}
        case "OrderReturned" | "OrderPartlyReturned":
            refund = int(returned.get("refund", {}).get("amount", 0))
            return {("CREDIT_NOTE", returned["return_id"]): refund} if refund else {}
        case name if name in CREDITED and movement:
            return {("CREDIT_NOTE", movement["reference"]): int(movement["amount"]["amount"])}
        case name if name == FAILED and movement:
            return {("REVERSAL", movement["reference"]): None}
    return {}


def has_document(books: Books, order_id: str, kind: str, reference: str) -> bool:
    """Return whether the document is filed, or not due because the order was never completed."""
    if books.orders.get(order_id, {}).get("status") not in DELIVERED:
        return True
    return any(
        (each["number"]["kind"], each.get("reference", "")) == (kind, reference) and each["filed"]
        for each in books.documents.get(order_id, [])
    )


def documents_are_due(books: Books) -> Iterator[Finding]:
    """A completed order has one invoice with its total, each refund one credit note, and no other order has any"""
    for order_id, order in books.settled.items():
        due: Expected = {}
        if order["status"] in DELIVERED:
            for item in books.events.get(order_id, []):
                due |= documents_of_event(item["event"])
            due |= {("INVOICE", ""): int(order["total"]["amount"])}
        found = [
            (each["number"]["kind"], each.get("reference", ""), int(each["total"]["amount"]))
            for each in books.documents.get(order_id, [])
        ]
        wrong = [each for each in found if (each[0], each[1]) not in due or due[each[:2]] not in (None, each[2])]
        repeated = len(found) - len({each[:2] for each in found})
        yield order_id, f"not due: {wrong}, repeated: {repeated}" if wrong or repeated else None


def credit_notes_are_refunds(books: Books) -> Iterator[Finding]:
    """Credit notes less reversals = refunded amounts and amounts lost to disputes"""
    for order_id, order in books.settled.items():
        events = [item["event"] for item in books.events.get(order_id, [])]
        if order["status"] not in DELIVERED or _is_unfinished(books, order_id, events):
            continue
        sums: dict[str, int] = defaultdict(int)
        for each in books.documents.get(order_id, []):
            sums[each["number"]["kind"]] += int(each["total"]["amount"])
        lost = sum(int(event["data"]["movement"]["amount"]["amount"]) for event in events if event["type"] == LOST)
        refunded = sum(payment.refunded for payment in books.payments.get(order_id, []))
        credited = sums["CREDIT_NOTE"] - sums["REVERSAL"]
        yield (
            order_id,
            None if credited == refunded + lost else f"credited {credited}, refunded and lost {refunded + lost}",
        )


def numbers_have_no_gap(books: Books) -> Iterator[Finding]:
    """Each series of documents is numbered from 1 without a gap, by year"""
    series: dict[str, list[int]] = defaultdict(list)
    for documents in books.documents.values():
        for number in (each["number"] for each in documents):
            series[f"{number['kind']} {int(number['year'])}"].append(int(number["sequence"]))
    for name, numbers in series.items():
        missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
        repeated = len(numbers) - len(set(numbers))
        yield name, f"missing {missing[:10]}, repeated {repeated}" if missing or repeated else None


def _is_unfinished(books: Books, order_id: str, events: list[Item]) -> bool:
    """Return whether a document is pending, or an event does not state the refunded amount and so has none."""
    due = (each for event in events for each in documents_of_event(event))
    is_vague = any(event["type"] == "PaymentRefundedOutside" and not event["data"].get("movement") for event in events)
    return is_vague or not all(has_document(books, order_id, kind, reference) for kind, reference in due)
