"""Order tally: counts orders by ending and by second."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from infra.audit import function
from infra.audit.tally import tally
from tests.unit.test_audit import DONE, GONE, NOW, PLACED_AT, healthy, stock

SINCE = datetime.fromisoformat(PLACED_AT)


def at(seconds):
    return (SINCE + timedelta(seconds=seconds)).isoformat()


def test_endings_are_counted_with_their_reason_and_what_is_open_is_not_one():
    books = healthy()
    books.orders[GONE]["reason"] = "OUT_OF_STOCK"

    found = tally(books, SINCE)

    assert (found["placed"], found["under_way"]) == (4, 1)
    assert found["endings"] == {"COMPLETED": 1, "CANCELLED OUT_OF_STOCK": 1, "RETURNED": 1}


def test_tally_counts_only_orders_since_a_time():
    books = healthy()
    books.orders[DONE]["history"][0]["at"] = at(5)

    assert tally(books, SINCE + timedelta(seconds=1))["endings"] == {"COMPLETED": 1}
    assert tally(books, None)["placed"] == 4


def test_pace_has_recent_seconds_only():
    books = replace(healthy(), read_at=SINCE + timedelta(seconds=60))
    for moment in books.orders[DONE]["history"][1:]:
        moment["at"] = at(2.7)
    books.orders[GONE]["history"][0]["at"] = at(-300)

    pace = tally(books, None)["pace"]

    # Of the four, one was placed long ago; a return ended when it was completed.
    assert pace == [{"second": at(0), "placed": 3, "ended": 2}, {"second": at(2), "placed": 0, "ended": 1}]


class Reader:
    def __init__(self, books):
        self._books = books

    def read(self):
        return self._books


@pytest.fixture
def audit(monkeypatch):
    def run(books, event):
        monkeypatch.setattr(function, "_reader", lambda: Reader(books))
        monkeypatch.setattr(function, "SECOND_LOOK_SECONDS", 0)
        return function.handle(event, None)

    return run


def test_audit_function_returns_all_invariants_and_the_tally(audit):
    books = healthy()
    stock(received=11)(books)

    found = audit(books, {"since": PLACED_AT})

    conserved, *others = found["promises"]
    assert (conserved["checked"], conserved["violated"]) == (3, 1)
    assert conserved["violations"] == [
        {"subject": "MUG", "text": "{'available': 6, 'reserved': 2, 'sold': 2, 'received': 11}"}
    ]
    assert {promise["violated"] for promise in others} == {0}
    assert found["orders"]["placed"] == 4
    assert found["read_at"] == NOW.isoformat()


def test_audit_function_returns_some_violations_and_counts_all(audit):
    books = healthy()
    books.stocks[:] = [
        books.stocks[0] | {"pk": f"STOCK#MUG-{number}", "sku": f"MUG-{number}", "received": 11} for number in range(25)
    ]

    conserved = audit(books, {})["promises"][0]

    assert (conserved["violated"], len(conserved["violations"])) == (25, 20)
