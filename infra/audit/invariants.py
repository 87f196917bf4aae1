"""Invariants: one function each, with the invariant as its docstring. It yields each subject that it checks, with a
text that describes the violation, or None."""

from collections import Counter
from collections.abc import Callable, Iterator

from infra.audit.billing import (
    credit_notes_are_refunds,
    documents_are_due,
    documents_of_event,
    has_document,
    numbers_have_no_gap,
)
from infra.audit.books import DELIVERED, ENDED, Books, Item, is_settled, shard_number
from infra.audit.money import (
    closed_payments_hold_nothing,
    every_refund_arrives,
    kept_is_owed,
    others_movements_are_recorded,
)

Finding = tuple[str, str | None]
Invariant = Callable[[Books], Iterator[Finding]]

STATUS_OF = {
    "OrderPlaced": "PLACED",
    "OrderReserved": "RESERVED",
    "OrderActionRequired": "ACTION_REQUIRED",
    "OrderAuthorized": "AUTHORIZED",
    "OrderShipping": "SHIPPING",
    "OrderCompleted": "COMPLETED",
    "OrderCancelled": "CANCELLED",
    "OrderReturned": "RETURNED",
}
"""Status by event type. Other events do not change the status."""

PUBLICATION_SECONDS = 600
"""Time within which an event must be published: twice the period of the job that publishes what the relay left."""

DELIVERY_SECONDS = PUBLICATION_SECONDS + 1800
"""Time within which an event must have its effects: afterwards, its message is in a dead-letter queue.

A consumer that fails once tries again only when the visibility timeout ends, after one minute or two.
"""

WAKING_SECONDS = 60
"""Time within which a saga must react when it is resumed or its time limit has passed."""


def stock_is_conserved(books: Books) -> Iterator[Finding]:
    """Per sku, available + reserved + sold = received on each counter, none is negative, and none is left out"""
    counters = {stock["sku"]: int(stock.get("counters", 1)) for stock in books.stocks if not shard_number(stock)}
    for stock in books.stocks:
        counts = {name: int(stock[name]) for name in ("available", "reserved", "sold", "received")}
        is_right = counts["available"] + counts["reserved"] + counts["sold"] == counts["received"]
        is_lost = shard_number(stock) >= counters.get(stock["sku"], 0) and any(counts.values())
        problem = f"shard {shard_number(stock)} is not read: {counts}" if is_lost else str(counts)
        yield stock["sku"], None if is_right and min(counts.values()) >= 0 and not is_lost else problem


def stock_belongs_to_orders(books: Books) -> Iterator[Finding]:
    """Per sku, the counters of reserved and sold units equal the reservations and returns; reserved ones per shard"""
    reserved, claimed = books.reserved(), books.sold()
    sold: Counter[str] = Counter()
    for stock in books.stocks:
        sku, number = stock["sku"], shard_number(stock)
        sold[sku] += int(stock["sold"])
        counted, expected = int(stock["reserved"]), reserved[sku, number]
        yield sku, None if counted == expected else f"reserved on shard {number} are {counted}, but claimed {expected}"
    for sku, counted in sold.items():
        yield sku, None if counted == claimed[sku] else f"sold are {counted}, but claimed {claimed[sku]}"


def money_moves_in_order(books: Books) -> Iterator[Finding]:
    """Refunded and lost ≤ captured ≤ authorized"""
    for payment in (payment for payments in books.payments.values() for payment in payments):
        is_right = 0 <= payment.refunded + payment.lost <= payment.captured <= payment.authorized
        yield payment.id, None if is_right else str(payment)


def charged_at_most_once(books: Books) -> Iterator[Finding]:
    """At most one effective charge per order"""
    for order_id in books.orders:
        charges = [payment for payment in books.payments.get(order_id, []) if payment.captured]
        yield order_id, None if len(charges) <= 1 else f"charged {len(charges)} times"


def nobody_else_pays(books: Books) -> Iterator[Finding]:
    """Every payment that holds or keeps money belongs to an order"""
    for order_id, payments in books.payments.items():
        for payment in payments if order_id not in books.orders else []:
            yield payment.id, None if not payment.held and not payment.kept else f"for {order_id}: {payment}"


def shipped_is_paid(books: Books) -> Iterator[Finding]:
    """No order with a price ships without capture, and no order completes unless it is shipped and its stock sold"""
    for order_id, order in books.settled.items():
        captured = sum(payment.captured for payment in books.payments.get(order_id, []))
        shipment = books.shipments.get(order_id)
        is_sold = books.reservations.get(order_id, {}).get("status") == "SOLD"
        was_delivered = order["status"] in DELIVERED
        is_paid = captured or not was_delivered or not int(order["total"]["amount"])
        is_right = (shipment == "DISPATCHED") == was_delivered == is_sold and is_paid
        yield order_id, None if is_right else f"{order['status']}: {shipment}, captured {captured}, sold {is_sold}"


def warehouse_agrees(books: Books) -> Iterator[Finding]:
    """The warehouse dispatched no unknown or cancelled order, and dispatched every delivered order"""
    for order_id, status in books.warehouse.items():
        order = books.orders.get(order_id, {"status": "unknown"})
        is_out = status == "DISPATCHED" and order["status"] in ("unknown", "CANCELLED")
        is_missing = status != "DISPATCHED" and order["status"] in DELIVERED
        yield order_id, f"{order['status']}, but {status} at the warehouse" if is_out or is_missing else None


def cancelled_holds_nothing(books: Books) -> Iterator[Finding]:
    """A cancelled order holds no stock, no authorization and no money"""
    for order_id, order in books.orders.items():
        if order["status"] == "CANCELLED":
            payments = books.payments.get(order_id, [])
            stock = books.reservations.get(order_id, {}).get("status", "RELEASED")
            money = sum(payment.held + payment.kept for payment in payments)
            yield order_id, None if stock == "RELEASED" and not money else f"stock is {stock}, money {money}"


def settled_holds_no_money(books: Books) -> Iterator[Finding]:
    """No authorization remains for an order that has ended"""
    for order_id in books.settled:
        held = sum(payment.held for payment in books.payments.get(order_id, []))
        yield order_id, None if not held else f"{held} still held"


def abandoned_cannot_be_confirmed(books: Books) -> Iterator[Finding]:
    """No payment of an order that has ended can still be confirmed by its buyer"""
    for order_id in books.settled:
        open_ones = [payment.id for payment in books.payments.get(order_id, []) if payment.awaits_buyer]
        yield order_id, None if not open_ones else f"{', '.join(open_ones)} still wait for the buyer"


def no_buyer_is_awaited_for_too_long(books: Books) -> Iterator[Finding]:
    """No order waits for its buyer's confirmation longer than its time limit"""
    for order_id, order in books.orders.items():
        asked = next((moment["at"] for moment in order["history"] if moment["status"] == "ACTION_REQUIRED"), None)
        if asked:
            is_late = books.age_seconds(asked) > books.buyer_seconds + WAKING_SECONDS
            yield order_id, f"asked at {asked}" if is_late and order["status"] == "ACTION_REQUIRED" else None


def status_is_the_fold_of_its_events(books: Books) -> Iterator[Finding]:
    """An order's status and history are the fold of its events, and no event is missing"""
    for order_id, order in books.orders.items():
        types = [item["event"]["type"] for item in books.events.get(order_id, [])]
        folded = [STATUS_OF[name] for name in types if name in STATUS_OF]
        history = [moment["status"] for moment in order["history"]]
        is_right = folded == history and folded[-1] == order["status"] and len(types) == int(order["version"])
        yield order_id, None if is_right else f"{order['status']} after {history}, but its events are {types}"


def every_event_is_published(books: Books) -> Iterator[Finding]:
    """Every event was published at least once"""
    for order_id, item in _events(books):
        is_missing = "published_at" not in item and _age_seconds(books, item) > PUBLICATION_SECONDS
        yield f"{order_id} {item['event']['type']} {item['sk']}", "not published" if is_missing else None


def every_effect_happened_once(books: Books) -> Iterator[Finding]:
    """Each event had each of its consumers' effects, exactly once: a workflow, an email, the settling of an order"""
    for order_id, item in _events(books):
        is_late = _age_seconds(books, item) > DELIVERY_SECONDS
        effects = _effects_of(item["event"], order_id)
        wrong = [each for each in effects if _is_repeated(books, each) or (is_late and not _happened(books, each))]
        yield f"{order_id} {item['event']['type']}", f"not exactly once: {wrong}" if wrong else None


def nobody_is_mailed_twice(books: Books) -> Iterator[Finding]:
    """An email is sent twice at most, and only where a second start was recorded after an unfinished first"""
    repeats = _recorded_repeats(books)
    for (order_id, subject), times in books.emails.items():
        expected = max(1, len(books.orders.get(order_id, {}).get("returns", [])), _link_requests(books, order_id))
        expected += _requested_again(books, order_id)
        excess = max(0, times - expected)
        is_right = excess <= min(expected, repeats[order_id])
        repeats[order_id] -= excess
        yield f"{order_id} {subject}", None if is_right else f"{times} times"


def _link_requests(books: Books, order_id: str) -> int:
    """Return the number of requests for a link to the order: each is an email of its own."""
    return sum(key.startswith(f"email#{order_id}#link#") for key in books.starts)


def _requested_again(books: Books, order_id: str) -> int:
    """Return how often an operator had an email about the order sent again."""
    return sum(item["event"]["type"] == "OrderEmailRequested" for item in books.events.get(order_id, []))


def _recorded_repeats(books: Books) -> Counter[str]:
    """Return, by order, how often sending an email about it or its returns was started again."""
    order_of = {each["id"]: order_id for order_id, order in books.orders.items() for each in order.get("returns", [])}
    repeats: Counter[str] = Counter()
    for key, starts in books.starts.items():
        kind, _, about = key.partition("#")
        subject = about.partition("#")[0]
        if kind == "email":
            repeats[order_of.get(subject, subject)] += max(0, starts - 1)  # 0: its only start had no effect
    return repeats


def every_order_ends(books: Books) -> Iterator[Finding]:
    """Every order ends within its deadline"""
    for order_id, order in books.orders.items():
        is_overdue = books.age_seconds(order["history"][0]["at"]) > books.deadline_seconds
        yield order_id, f"still {order['status']}" if is_overdue and not is_settled(order) else None


def nothing_failed_permanently(books: Books) -> Iterator[Finding]:
    """No message is in a dead-letter queue, no order is parked, no workflow failed"""
    for queue, messages in books.dead_letters.items():
        yield queue, f"{messages} messages" if messages else None
    for name, status in books.executions.items():
        is_right = status in ("RUNNING", "SUCCEEDED") or _was_settled(books, name)
        yield name, None if is_right else f"its workflow {status}"


def _was_settled(books: Books, failed: str) -> bool:
    """Return whether the order or return of a failed workflow has ended all the same."""
    subject = failed.removeprefix("undo ").partition("-")[0]
    if subject in books.orders:
        return books.orders[subject]["status"] in ENDED
    returns = [each for order in books.orders.values() for each in order.get("returns", [])]
    return any(each["id"] == subject and each["status"] == "REFUNDED" for each in returns)


def under_way(books: Books) -> list[str]:
    """Return a line for each order, workflow or event that is still in progress."""
    orders = [f"{order_id} is {o['status']}" for order_id, o in books.orders.items() if not is_settled(o)]
    back = [
        f"the parcel of {order_id} is on its way back"
        for order_id, status in books.warehouse.items()
        if status == "DISPATCHED" and books.orders.get(order_id, {}).get("status") == "CANCELLED"
    ]
    running = [f"{name} is running" for name, status in books.executions.items() if status == "RUNNING"]
    events = [
        f"{order_id} {item['event']['type']}"
        for order_id, item in _events(books)
        if "published_at" not in item or not all(_happened(books, e) for e in _effects_of(item["event"], order_id))
    ]
    return orders + back + running + events


def _events(books: Books) -> Iterator[tuple[str, Item]]:
    """Yield the events of all outboxes with their order ids."""
    for outbox in (books.events, books.outcomes):
        for order_id, events in outbox.items():
            for item in events:
                yield order_id, item


def _age_seconds(books: Books, item: Item) -> float:
    return books.age_seconds(item["event"]["time"])


def _effects_of(event: Item, order_id: str) -> list[str]:
    """Return the effects: `workflow#…`, `settled#…`, `document#…`, or the idempotency key of a consumer."""
    documents = [f"document#{order_id}#{kind}#{reference}" for kind, reference in documents_of_event(event)]
    return _consequences_of(event, order_id) + documents


def _consequences_of(event: Item, order_id: str) -> list[str]:
    returned = event["data"].get("returned")
    match event["type"]:
        case "OrderPlaced":
            return [f"workflow#{order_id}"]
        case "OrderReturnRequested":
            return [f"workflow#{returned['return_id']}"]
        case "OrderReturned" | "OrderPartlyReturned":
            return [f"email#{returned['return_id']}#refunded"]
        case "OrderCompleted":
            return [f"email#{order_id}#completed", f"settled#{order_id}"]
        case "OrderCancelled":
            return [f"email#{order_id}#cancelled"]
        case "OrderEmailRequested":
            asked = event["data"]["requested"]
            return [f"email#{asked['return_id'] or order_id}#{asked['occasion']}#{asked['request_id']}"]
    return []


def _is_repeated(books: Books, effect: str) -> bool:
    kind, _, name = effect.partition("#")
    return kind == "settled" and len(books.outcomes.get(name, [])) > 1


def _happened(books: Books, effect: str) -> bool:
    kind, _, name = effect.partition("#")
    if kind == "workflow":
        return name in books.executions
    if kind == "settled":
        return [item["event"]["type"] for item in books.outcomes.get(name, [])] == ["OrderSettled"]
    if kind == "document":
        return has_document(books, *name.split("#"))
    return effect in books.effects


INVARIANTS: tuple[Invariant, ...] = (
    stock_is_conserved,
    stock_belongs_to_orders,
    money_moves_in_order,
    charged_at_most_once,
    kept_is_owed,
    others_movements_are_recorded,
    every_refund_arrives,
    closed_payments_hold_nothing,
    nobody_else_pays,
    shipped_is_paid,
    warehouse_agrees,
    cancelled_holds_nothing,
    settled_holds_no_money,
    abandoned_cannot_be_confirmed,
    no_buyer_is_awaited_for_too_long,
    status_is_the_fold_of_its_events,
    every_event_is_published,
    every_effect_happened_once,
    nobody_is_mailed_twice,
    documents_are_due,
    credit_notes_are_refunds,
    numbers_have_no_gap,
    every_order_ends,
    nothing_failed_permanently,
)
