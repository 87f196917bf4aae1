"""Invariants of money that moves after the checkout: disputes, refunds made outside the shop, failed refunds."""

from collections.abc import Iterator

from infra.audit.books import DELIVERED, Books, Item

Finding = tuple[str, str | None]
CLOSED = {"VOIDED", "DECLINED", "REFUNDED", "CHARGED_BACK"}
"""A payment with one of these statuses holds no money."""


def kept_is_owed(books: Books) -> Iterator[Finding]:
    """Captured less refunded and lost to disputes = the price of what was delivered and not returned"""
    for order_id, order in books.settled.items():
        kept = sum(payment.kept for payment in books.payments.get(order_id, []))
        owed = _owed(order, books.records.get(order_id, {}))
        yield order_id, None if kept == owed else f"{order['status']}: kept {kept}, owed {owed}"


def _owed(order: Item, record: Item) -> int:
    """Return the amount that the shop may keep: delivered minus returned, plus refunds that failed."""
    came_back = sum(int(each.get("value", each["refund"])["amount"]) for each in order.get("returns", []))
    delivered = int(order["total"]["amount"]) if order["status"] in DELIVERED else 0
    failed = sum(int(each["amount"]) for each in order.get("failed_refunds", []))
    return max(0, delivered + failed - came_back - int(record.get("refunded_outside", 0)) - int(record.get("lost", 0)))


def others_movements_are_recorded(books: Books) -> Iterator[Finding]:
    """The payment record has the same captured, refunded and lost amounts as the provider"""
    for order_id in books.settled:
        payments, record = books.payments.get(order_id, []), books.records.get(order_id, {})
        names = ("captured", "refunded", "refunded_outside", "lost")
        ours = {name: int(record.get(name, 0)) for name in names}
        theirs = {name: sum(getattr(payment, name) for payment in payments) for name in names}
        yield order_id, None if ours == theirs else f"recorded {ours}, at the provider {theirs}"


def every_refund_arrives(books: Books) -> Iterator[Finding]:
    """Each refund of the shop arrived, or was retried"""
    for payments in books.payments.values():
        for payment in payments:
            lost = [reference for reference in payment.failed_refunds if reference not in payment.refunds]
            yield payment.id, f"failed and not retried: {', '.join(sorted(lost))}" if lost else None


def closed_payments_hold_nothing(books: Books) -> Iterator[Finding]:
    """A payment that is recorded as voided, declined, refunded or charged back holds no money"""
    for order_id, record in books.records.items():
        held = sum(payment.held for payment in books.payments.get(order_id, []))
        is_wrong = held and record.get("status") in CLOSED
        yield order_id, f"{record['status']}, and {held} still held" if is_wrong else None
