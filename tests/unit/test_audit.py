"""The auditor finds no violation in healthy books, and finds each kind of violation."""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from infra.audit.auditor import Auditor, judged
from infra.audit.books import Books, Payment, is_ours
from infra.audit.invariants import DELIVERY_SECONDS, INVARIANTS, STATUS_OF, under_way

PLACED_AT = "2030-05-17T12:00:00.000Z"
NOW = datetime.fromisoformat(PLACED_AT) + timedelta(hours=1)
DONE, GONE, BACK, OPEN = "ord_done", "ord_gone", "ord_back", "ord_open"


def order(order_id, *types, returns=()):
    """Return an order whose status and history are the fold of these events."""
    statuses = [STATUS_OF[f"Order{name}"] for name in types if f"Order{name}" in STATUS_OF]
    return {
        "id": order_id,
        "status": statuses[-1],
        "version": len(types),
        "total": {"amount": 2000, "currency": "EUR"},
        "history": [{"at": PLACED_AT, "status": status} for status in statuses],
        "returns": list(returns),
    }


def events(*types, **data):
    return [
        {
            "sk": f"EVENT#{number:06}",
            "event": {"type": f"Order{name}", "time": PLACED_AT, "data": data},
            "published_at": PLACED_AT,
        }
        for number, name in enumerate(types, 1)
    ]


def paid(order_id, held=0, captured=0, refunded=0, name=None, **moved):
    return Payment(name or f"pi_{order_id}", order_id, 2000, held, captured, refunded, **moved)


def record(status, **amounts):
    return {"status": status, **amounts}


def document(kind, sequence, reference="", amount=2000, **facts):
    return {
        "number": {"kind": kind, "year": 2030, "sequence": sequence},
        "reference": reference,
        "total": {"amount": amount, "currency": "EUR"},
        "filed": True,
    } | facts


def healthy() -> Books:
    """Return books without a violation: ten units received, two sold, two returned, two reserved."""
    completed = ("Placed", "Reserved", "ActionRequired", "Authorized", "Shipping", "Dispatched", "Completed")
    cancelled = ("Placed", "Reserved", "CancelRequested", "Cancelled")
    returned = (*completed, "ReturnRequested", "Returned")
    given_back = {"id": "ret_1", "status": "REFUNDED", "refund": {"amount": 2000, "currency": "EUR"}}
    return Books(
        read_at=NOW,
        deadline_seconds=2 * 3600,
        buyer_seconds=900,
        orders={
            DONE: order(DONE, *completed),
            GONE: order(GONE, *cancelled),
            BACK: order(BACK, *returned, returns=[given_back]),
            OPEN: order(OPEN, "Placed", "Reserved", "Authorized"),
        },
        events={
            DONE: events(*completed),
            GONE: events(*cancelled),
            BACK: events(*returned, returned={"return_id": "ret_1", "refund": {"amount": 2000}}),
            OPEN: events("Placed", "Reserved", "Authorized"),
        },
        outcomes={DONE: events("Settled"), BACK: events("Settled")},
        stocks=[
            {"pk": "STOCK#MUG", "sku": "MUG", "available": 6, "reserved": 2, "sold": 2, "received": 10},
            {"pk": "STOCK#TIN", "sku": "TIN", "available": 3, "reserved": 0, "sold": 0, "received": 3, "counters": 2},
            {"pk": "STOCK#TIN#1", "sku": "TIN", "available": 1, "reserved": 2, "sold": 0, "received": 3},
        ],
        reservations={
            DONE: {"status": "SOLD", "quantities": {"MUG": 2}},
            GONE: {"status": "RELEASED", "quantities": {"MUG": 2}},
            BACK: {"status": "SOLD", "quantities": {"MUG": 2}},
            OPEN: {"status": "HELD", "quantities": {"MUG": 2, "TIN": 2}, "allocations": {"TIN": {"1": 2}}},
        },
        restocks=[{"quantities": {"MUG": 2}}],
        payments={
            DONE: [paid(DONE, captured=2000)],
            GONE: [paid(GONE)],
            BACK: [paid(BACK, captured=2000, refunded=2000)],
            OPEN: [paid(OPEN, held=2000)],
            None: [paid(None, name="pi_of_nobody")],
        },
        records={
            DONE: record("CAPTURED", captured=2000),
            GONE: record("VOIDED"),
            BACK: record("REFUNDED", captured=2000, refunded=2000),
            OPEN: record("AUTHORIZED"),
        },
        shipments={DONE: "DISPATCHED", BACK: "DISPATCHED", GONE: "RECALLED"},
        warehouse={DONE: "DISPATCHED", BACK: "DISPATCHED", GONE: "RECALLED", OPEN: "ACCEPTED"},
        executions={DONE: "SUCCEEDED", GONE: "SUCCEEDED", BACK: "SUCCEEDED", "ret_1": "SUCCEEDED", OPEN: "RUNNING"},
        effects={
            f"email#{DONE}#completed",
            f"email#{BACK}#completed",
            f"email#{GONE}#cancelled",
            "email#ret_1#refunded",
        },
        documents={
            DONE: [document("INVOICE", 1)],
            BACK: [document("INVOICE", 2), document("CREDIT_NOTE", 1, "ret_1")],
        },
        starts={f"email#{DONE}#completed": 1, "email#ret_1#refunded": 1},
        dead_letters={"fulfilment-dead-letters": 0},
        emails=Counter({(DONE, "Your order is on its way"): 1, (BACK, "Your money is on its way back"): 1}),
    )


def stock(**counts):
    def lie(books):
        books.stocks[0].update(counts)

    return lie


def payments(order_id, *those):
    def lie(books):
        books.payments[order_id] = list(those)

    return lie


def status(order_id, value):
    def lie(books):
        books.orders[order_id]["status"] = value

    return lie


def put(where, key, value):
    def lie(books):
        getattr(books, where)[key] = value

    return lie


def gone(where, key):
    def lie(books):
        held = getattr(books, where)
        held.remove(key) if isinstance(held, set) else held.pop(key)

    return lie


def can_still_be_confirmed(books):
    books.payments[GONE] = [replace(books.payments[GONE][0], awaits_buyer=True)]


def unpublished(books):
    del books.events[DONE][0]["published_at"]


def outcome_unpublished(books):
    del books.outcomes[BACK][0]["published_at"]


def without_an_event(books):
    books.events[DONE].pop(1)


def silently_changed(books):
    books.orders[DONE]["version"] += 1


def long_ago(books):
    books.orders[OPEN]["history"][0]["at"] = "2030-05-16T12:00:00.000Z"


def mailed_again(times, starts):
    def lie(books):
        books.emails[(BACK, "Your money is on its way back")] = times
        books.starts["email#ret_1#refunded"] = starts

    return lie


def documents(order_id, *those):
    def lie(books):
        books.documents[order_id] = list(those)

    return lie


def recovered_and_open(books):
    """Add a recovery that succeeded although its order has not ended."""
    books.executions.update({OPEN: "ABORTED", f"undo {OPEN}": "SUCCEEDED"})


def return_that_failed(books):
    """Add a return that is not refunded: its workflow failed, and a further execution of it succeeded."""
    asked = {"id": "ret_2", "status": "REQUESTED", "refund": {"amount": 0, "currency": "EUR"}}
    books.orders[BACK]["returns"].append(asked)
    books.executions.update({"ret_2": "FAILED", "ret_2-1": "SUCCEEDED"})


LIES = [
    ("documents_are_due", documents(DONE, document("INVOICE", 1), document("INVOICE", 3))),
    ("documents_are_due", documents(DONE, document("INVOICE", 1, amount=1999))),
    ("documents_are_due", documents(DONE, document("INVOICE", 1), document("CREDIT_NOTE", 2, "re_1"))),
    ("documents_are_due", documents(GONE, document("INVOICE", 3))),
    ("documents_are_due", documents(BACK, document("INVOICE", 2), document("CREDIT_NOTE", 1, "ret_1", amount=1))),
    ("credit_notes_are_refunds", payments(BACK, paid(BACK, captured=2000, refunded=1500))),
    ("credit_notes_are_refunds", payments(DONE, paid(DONE, captured=2000, refunded=500))),
    ("numbers_have_no_gap", documents(DONE)),
    ("numbers_have_no_gap", documents(DONE, document("INVOICE", 2))),
    ("every_effect_happened_once", documents(DONE)),
    ("every_effect_happened_once", documents(DONE, document("INVOICE", 1, filed=False))),
    ("every_effect_happened_once", documents(BACK, document("INVOICE", 2))),
    ("stock_is_conserved", stock(received=11)),
    ("stock_is_conserved", stock(available=-1, received=3)),
    ("stock_is_conserved", lambda books: books.stocks[1].update(counters=1)),
    ("stock_belongs_to_orders", stock(available=5, sold=3)),
    ("stock_belongs_to_orders", lambda books: books.reservations[OPEN].pop("allocations")),
    ("stock_belongs_to_orders", put("reservations", OPEN, {"status": "COMMITTED", "quantities": {"MUG": 1}})),
    ("stock_belongs_to_orders", lambda books: books.restocks.clear()),
    ("money_moves_in_order", payments(DONE, paid(DONE, captured=2001))),
    ("money_moves_in_order", payments(BACK, paid(BACK, captured=1000, refunded=2000))),
    ("charged_at_most_once", payments(DONE, paid(DONE, captured=1000), paid(DONE, captured=1000))),
    ("kept_is_owed", payments(DONE, paid(DONE, captured=1999))),
    ("kept_is_owed", payments(DONE, paid(DONE, captured=2000, refunded=500))),
    ("kept_is_owed", payments(BACK, paid(BACK, captured=2000, refunded=1500))),
    ("kept_is_owed", payments(GONE, paid(GONE, captured=1))),
    # A dispute was lost, and the record does not have it.
    ("kept_is_owed", payments(DONE, paid(DONE, captured=2000, lost=2000))),
    ("others_movements_are_recorded", payments(DONE, paid(DONE, captured=2000, lost=2000))),
    # A return was refunded in part because of a refund outside the shop, which the record does not have.
    ("others_movements_are_recorded", payments(BACK, paid(BACK, captured=2000, refunded=2000, refunded_outside=500))),
    ("others_movements_are_recorded", put("records", DONE, record("CAPTURED", captured=1999))),
    ("every_refund_arrives", payments(BACK, paid(BACK, captured=2000, failed_refunds=frozenset({"ord_back:ret_1"})))),
    ("kept_is_owed", payments(BACK, paid(BACK, captured=2000, failed_refunds=frozenset({"ord_back:ret_1"})))),
    ("closed_payments_hold_nothing", payments(GONE, paid(GONE, held=2000))),
    ("closed_payments_hold_nothing", put("records", OPEN, record("VOIDED"))),
    ("nobody_else_pays", payments(None, paid(None, held=1))),
    ("nobody_else_pays", payments("ord_unknown", paid("ord_unknown", captured=5))),
    ("shipped_is_paid", payments(DONE, paid(DONE))),
    ("shipped_is_paid", put("shipments", GONE, "DISPATCHED")),
    ("shipped_is_paid", put("shipments", DONE, "RECALLED")),
    ("shipped_is_paid", put("reservations", DONE, {"status": "COMMITTED", "quantities": {"MUG": 2}})),
    ("warehouse_agrees", put("warehouse", GONE, "DISPATCHED")),
    ("warehouse_agrees", put("warehouse", DONE, "RECALLED")),
    ("warehouse_agrees", put("warehouse", DONE, "RETURNED")),
    ("warehouse_agrees", put("warehouse", BACK, "ACCEPTED")),
    ("warehouse_agrees", put("warehouse", "ord_unknown", "DISPATCHED")),
    ("cancelled_holds_nothing", put("reservations", GONE, {"status": "HELD", "quantities": {}})),
    ("cancelled_holds_nothing", payments(GONE, paid(GONE, held=2000))),
    ("cancelled_holds_nothing", payments(GONE, paid(GONE, captured=2000, refunded=1999))),
    ("settled_holds_no_money", payments(DONE, paid(DONE, held=1, captured=2000))),
    ("abandoned_cannot_be_confirmed", can_still_be_confirmed),
    ("no_buyer_is_awaited_for_too_long", status(DONE, "ACTION_REQUIRED")),
    ("status_is_the_fold_of_its_events", status(DONE, "CANCELLED")),
    ("status_is_the_fold_of_its_events", without_an_event),
    ("status_is_the_fold_of_its_events", silently_changed),
    ("every_event_is_published", unpublished),
    ("every_event_is_published", outcome_unpublished),
    ("every_effect_happened_once", gone("executions", DONE)),
    ("every_effect_happened_once", gone("executions", "ret_1")),
    ("every_effect_happened_once", gone("effects", f"email#{GONE}#cancelled")),
    ("every_effect_happened_once", gone("effects", "email#ret_1#refunded")),
    ("every_effect_happened_once", gone("outcomes", DONE)),
    ("every_effect_happened_once", put("outcomes", BACK, events("Settled", "Settled"))),
    ("nobody_is_mailed_twice", put("emails", (DONE, "Your order is on its way"), 2)),
    ("nobody_is_mailed_twice", mailed_again(times=3, starts=3)),
    ("nobody_is_mailed_twice", mailed_again(times=2, starts=1)),
    ("every_order_ends", long_ago),
    ("nothing_failed_permanently", put("dead_letters", "fulfilment-dead-letters", 1)),
    ("nothing_failed_permanently", put("executions", OPEN, "FAILED")),
    ("nothing_failed_permanently", recovered_and_open),
    ("nothing_failed_permanently", return_that_failed),
]


def violated(books):
    return {
        invariant.__name__ for invariant, verdict in zip(INVARIANTS, judged(books), strict=True) if verdict.violations
    }


def test_healthy_books_agree():
    assert violated(healthy()) == set()


def test_invariant_is_checked_on_at_least_one_item():
    assert [verdict.invariant for verdict in judged(healthy()) if not verdict.checked] == []


@pytest.mark.parametrize(("promise", "lie"), LIES)
def test_inconsistent_record_is_found(promise, lie):
    books = deepcopy(healthy())
    lie(books)
    assert promise in violated(books)


def test_invariant_can_be_violated():
    assert {promise for promise, _ in LIES} == {invariant.__name__ for invariant in INVARIANTS}


MONEY = {"kept_is_owed", "others_movements_are_recorded", "every_refund_arrives", "money_moves_in_order"}


@pytest.mark.parametrize(
    ("payment", "recorded"),
    [
        ({"refunded": 500, "refunded_outside": 500}, {"refunded": 500, "refunded_outside": 500}),
        ({"lost": 2000}, {"lost": 2000, "status": "CHARGED_BACK"}),
        ({"lost": 700}, {"lost": 700}),
    ],
)
def test_recorded_movement_by_others_is_not_owed(payment, recorded):
    books = healthy()
    payments(DONE, paid(DONE, **{"captured": 2000} | payment))(books)
    books.records[DONE] |= recorded
    assert not violated(books) & MONEY


def test_failed_refund_stays_red_until_it_is_made_again_though_the_order_knows():
    books = healthy()
    books.orders[BACK]["failed_refunds"] = [{"reference": "re_1", "amount": 2000, "return_id": "ret_1"}]
    books.records[BACK] = record("CAPTURED", captured=2000)
    payments(BACK, paid(BACK, captured=2000, failed_refunds=frozenset({"ord_back:ret_1"})))(books)
    assert violated(books) & MONEY == {"every_refund_arrives"}

    books = healthy()
    twice = frozenset({"ord_back:ret_1"})
    payments(BACK, paid(BACK, captured=2000, refunded=2000, refunds=twice, failed_refunds=twice))(books)
    assert not violated(books) & MONEY


def test_return_of_less_than_was_captured_owes_nothing():
    """Captured in part: the returned units are not owed, although less was refunded than they cost."""
    books = healthy()
    books.orders[BACK]["returns"][0] |= {
        "refund": {"amount": 800},
        "value": {"amount": 2000},
        "shortfall": "CAPTURED_LESS",
    }
    books.records[BACK] |= {"captured": 800, "refunded": 800}
    payments(BACK, paid(BACK, captured=800, refunded=800))(books)
    assert not violated(books) & MONEY


@pytest.mark.parametrize(
    ("metadata", "ours"),
    [
        ({"deployment": "1/eu-west-1/shop", "order_id": "ord_unknown"}, True),
        ({"deployment": "2/eu-west-1/shop", "order_id": DONE}, False),
        ({"order_id": DONE}, True),
        ({"order_id": GONE}, False),
        ({}, False),
    ],
)
def test_payments_of_others_on_the_same_account_are_not_audited(metadata, ours):
    assert (
        is_ours("pi_1", metadata, "1/eu-west-1/shop", {DONE: {"intent_id": "pi_1"}, GONE: {"intent_id": "pi_2"}})
        == ours
    )


def test_free_order_is_shipped_without_a_payment():
    books = healthy()
    books.orders[DONE]["total"]["amount"] = 0
    books.payments[DONE] = []
    books.records[DONE] = record("CAPTURED")
    books.documents[DONE] = [document("INVOICE", 1, amount=0)]

    assert violated(books) == set()


def test_order_may_await_the_buyer_until_the_limit():
    books = healthy()
    status(DONE, "ACTION_REQUIRED")(books)
    soon = datetime.fromisoformat(PLACED_AT) + timedelta(seconds=books.buyer_seconds)
    assert "no_buyer_is_awaited_for_too_long" not in violated(replace(books, read_at=soon))


def test_aborted_saga_that_was_recovered_is_no_violation():
    books = healthy()
    books.executions.update({GONE: "ABORTED", f"undo {GONE}": "FAILED", f"undo {GONE}-1": "SUCCEEDED"})
    books.executions.update({DONE: "FAILED", "ret_1": "FAILED", "ret_1-1": "SUCCEEDED"})
    assert violated(books) == set()


def test_shop_without_a_simulator_is_audited_without_its_ledger():
    books = replace(healthy(), warehouse={})
    assert violated(books) == set()


def test_returning_parcel_is_under_way():
    books = healthy()
    books.warehouse[GONE] = "DISPATCHED"
    assert f"the parcel of {GONE} is on its way back" in under_way(books)


def test_email_may_be_repeated_once_where_a_second_start_is_recorded():
    books = healthy()
    mailed_again(times=2, starts=2)(books)
    assert violated(books) == set()


def test_email_that_was_refused_and_is_not_due_any_more_is_no_repeat():
    books = healthy()
    books.starts[f"email#{DONE}#payment_waits"] = 0
    assert violated(books) == set()


def test_request_for_a_link_is_an_email_of_its_own():
    books = healthy()
    books.emails[(DONE, "The link to your order")] = 2
    assert violated(books) == {"nobody_is_mailed_twice"}
    books.starts.update({f"email#{DONE}#link#evt_{number}": 1 for number in range(2)})
    assert violated(books) == set()


def test_email_that_an_operator_requested_is_one_more():
    books = healthy()
    books.emails[(DONE, "Your order is on its way")] = 2
    changes = ("Placed", "Reserved", "ActionRequired", "Authorized", "Shipping", "Dispatched", "Completed")
    changes = (*changes, "EmailRequested")
    books.orders[DONE] = order(DONE, *changes)
    books.events[DONE] = events(*changes, requested={"occasion": "completed", "request_id": "r1", "return_id": None})
    assert violated(books) == {"every_effect_happened_once"}
    books.effects.add(f"email#{DONE}#completed#r1")
    assert violated(books) == set()


def seconds_after_the_order(books, seconds):
    return replace(books, read_at=datetime.fromisoformat(PLACED_AT) + timedelta(seconds=seconds))


def test_auditor_accepts_a_recent_event_that_is_not_yet_published():
    books = healthy()
    unpublished(books)
    assert violated(seconds_after_the_order(books, 5)) == set()


def test_effect_is_missing_only_when_no_consumer_tries_again():
    """After a failure, SQS shows a message again when the visibility timeout ends: 120 seconds for emails."""
    books = healthy()
    books.effects.remove(f"email#{GONE}#cancelled")
    assert violated(seconds_after_the_order(books, 200)) == set()
    assert violated(seconds_after_the_order(books, DELIVERY_SECONDS + 60)) == {"every_effect_happened_once"}


def test_effect_that_happened_twice_is_found_at_once():
    books = healthy()
    put("outcomes", BACK, events("Settled", "Settled"))(books)
    assert "every_effect_happened_once" in violated(seconds_after_the_order(books, 5))


def test_audit_names_orders_under_way():
    books = healthy()
    unpublished(books)
    gone("effects", "email#ret_1#refunded")(books)
    assert under_way(books) == [
        f"{OPEN} is AUTHORIZED",
        f"{OPEN} is running",
        f"{DONE} OrderPlaced",
        f"{BACK} OrderReturned",
    ]


class TurningReader:
    """Returns other books at each read, as a shop at work does."""

    def __init__(self, *looks):
        self._looks = list(looks)

    def read(self):
        return self._looks.pop(0)


def test_violation_counts_only_if_a_second_check_finds_it():
    lying = healthy()
    stock(received=11)(lying)
    assert not any(v.violations for v in Auditor(TurningReader(deepcopy(lying), healthy())).verdicts(0))
    assert any(v.violations for v in Auditor(TurningReader(deepcopy(lying), deepcopy(lying))).verdicts(0))
